/**
 * Our mDNS against Debian's Avahi, each in a network namespace of its own, joined by a cable: both hear what the
 * other announces, resolve it, and see it go. Needs root, `ip`, `dbus-daemon` and Avahi's daemon and tools.
 */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const id = `${process.pid % 100_000}`;
const [ours, theirs] = [`cmo${id}`, `cmt${id}`];
const children: ChildProcess[] = [];
const folder = await mkdtemp(join(tmpdir(), "comu-avahi-"));
const busAddress = `unix:path=${join(folder, "bus")}`;
const env = { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: busAddress };
/** What our side, in its own process, says has come and gone. */
let heard: { event: string; name: string; addresses: string[]; port: number; txt: Record<string, string> }[] = [];

const ip = (...words: string[]) => execFileSync("ip", words, { stdio: "pipe" });
const inTheirs = (...words: string[]) => ["netns", "exec", theirs, ...words];

const BUS = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>ADDRESS</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_type="signal"/>
<allow send_requested_reply="true" send_type="method_return"/><allow send_requested_reply="true" send_type="error"/>
<allow receive_type="method_call"/><allow receive_type="signal"/><allow receive_type="method_return"/>
<allow receive_type="error"/><allow eavesdrop="true"/></policy></busconfig>
`;

function start(words: string[]): ChildProcess {
  const child = spawn("ip", words, { env, stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  return child;
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = Date.now() + 15_000;
  while (!(await holds())) {
    assert.ok(Date.now() < endMs, `waited too long: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function browse(type: string): Promise<string> {
  const { stdout } = await run("ip", inTheirs("avahi-browse", "-rtp", type), { env, timeout: 10_000 }).catch(() => ({
    stdout: "",
  }));
  return stdout;
}

before(async () => {
  ip("netns", "add", ours);
  ip("netns", "add", theirs);
  ip("link", "add", `a${id}`, "netns", ours, "type", "veth", "peer", "name", `b${id}`, "netns", theirs);
  for (const [space, device, address] of [
    [ours, `a${id}`, "10.139.7.1/24"],
    [theirs, `b${id}`, "10.139.7.2/24"],
  ] as const) {
    ip("-n", space, "address", "add", address, "dev", device);
    ip("-n", space, "link", "set", device, "up");
    ip("-n", space, "link", "set", "lo", "up");
  }
  const bus = join(folder, "bus.conf");
  await writeFile(bus, BUS.replace("ADDRESS", busAddress));
  start(inTheirs("dbus-daemon", `--config-file=${bus}`, "--nofork", "--nopidfile"));
  await until(
    "the bus",
    async () => (await run("test", ["-S", join(folder, "bus")]).catch(() => undefined)) !== undefined,
  );
  const conf = join(folder, "avahi.conf");
  await writeFile(conf, "[server]\nhost-name=neighbour\nuse-ipv6=no\n[publish]\npublish-workstation=no\n[rlimits]\n");
  // A /run of its own: Avahi keeps one pid file per machine, and another Avahi may run here.
  const daemon = `mount -t tmpfs none /run && exec avahi-daemon -f ${conf} --no-drop-root --no-chroot --no-rlimits`;
  start(inTheirs("unshare", "--mount", "sh", "-c", daemon));
  const program = `
    import { createMdns } from ${JSON.stringify(new URL("../../src/platform/mdns.ts", import.meta.url).href)};
    import { systemClock } from ${JSON.stringify(new URL("../../src/kernel/clock.ts", import.meta.url).href)};
    import { createLog } from ${JSON.stringify(new URL("../../src/kernel/log.ts", import.meta.url).href)};
    const clock = systemClock();
    const log = createLog({ clock, level: "warn", write: (line) => console.error(line) });
    const say = (event) => (service) => console.log(JSON.stringify({ event, ...service }));
    const told = { onFound: say("found"), onLost: say("lost") };
    const mdns = createMdns({ hostName: "comu-ournames.local", clock, log, ...told });
    mdns.announce({ name: "Ràdio del barri", type: "_http._tcp", port: 8080, txt: { path: "/on-air" } });
    process.stdin.once("data", async () => { await mdns.close(); process.exit(0); });`;
  const box = start(["netns", "exec", ours, process.execPath, "--input-type=module", "-e", program]);
  let text = "";
  box.stdout!.setEncoding("utf8").on("data", (part: string) => {
    text += part;
    const lines = text.split("\n");
    text = lines.pop()!;
    heard = heard.concat(lines.filter((line) => line !== "").map((line) => JSON.parse(line) as (typeof heard)[number]));
  });
});

after(async () => {
  for (const child of children.toReversed()) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), 2000);
    await once(child, "exit");
    clearTimeout(late);
  }
  for (const space of [ours, theirs]) ip("netns", "delete", space);
  await rm(folder, { recursive: true });
});

test("Avahi finds and resolves our service", async () => {
  let shown = "";
  await until("avahi-browse shows our service", async () => /^=.*8080/m.test((shown = await browse("_http._tcp"))));
  const line = shown.split("\n").find((one) => one.startsWith("="))!;
  assert.match(line, /comu-ournames\.local;10\.139\.7\.1;8080;.*"path=\/on-air"/);
  assert.match(
    (await run("ip", inTheirs("avahi-resolve", "-4", "-n", "comu-ournames.local"), { env })).stdout,
    /10\.139\.7\.1/,
  );
});

test("we find, describe and lose a service of Avahi", async () => {
  const publish = start(inTheirs("avahi-publish", "-s", "Biblioteca", "_webdav._tcp", "8888", "path=/books", "u=anna"));
  await until("we hear it", () => heard.some((one) => one.event === "found" && one.name === "Biblioteca"));
  const found = heard.findLast((one) => one.event === "found" && one.name === "Biblioteca")!;
  assert.deepEqual([found.port, found.txt], [8888, { path: "/books", u: "anna" }]);
  // Avahi may add its link-local IPv6 address; what we would connect to comes first.
  assert.equal(found.addresses[0], "10.139.7.2");
  publish.kill("SIGINT");
  await until("we hear that it is gone", () => heard.some((one) => one.event === "lost" && one.name === "Biblioteca"));
});

test("our goodbye removes our service from Avahi's list", async () => {
  const box = children[2]!;
  box.stdin!.write("end\n");
  await once(box, "exit");
  await until("Avahi forgets it", async () => !(await browse("_http._tcp")).includes("8080"));
});
