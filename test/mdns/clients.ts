/**
 * Other people's mDNS inside a host of the lab: Debian's avahi-daemon with its tools, and dig. Daemon and message bus
 * are private to the host, so that the machine's own network and Avahi are untouched.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HeardService, MdnsStats } from "../../src/platform/mdns.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { needDebian } from "../support/debian.ts";
import { eventually } from "../support/process.ts";
import type { Running } from "../support/process.ts";
import type { Host } from "../lab/lab.ts";

const CLIENT_TIMEOUT_MS = 30_000;

const BUS = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>ADDRESS</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_type="signal"/>
<allow send_requested_reply="true"/><allow receive_type="method_call"/><allow receive_type="signal"/>
<allow receive_requested_reply="true"/></policy></busconfig>
`;

/** One line of avahi-browse, resolved. */
export interface Browsed {
  protocol: "IPv4" | "IPv6";
  name: string;
  type: string;
  host: string;
  address: string;
  port: number;
  txt: string[];
}

export interface Avahi {
  /** Announces until the returned process is stopped; resolves when Avahi says under which name. */
  publish(words: readonly string[]): Promise<{ running: Running; name: string }>;
  /** What it finds of a type, or of all with "-a". */
  browse(type: string): Promise<Browsed[]>;
  /** `avahi-browse` that goes on, printing a line for each that comes and goes. */
  watch(type: string): Running;
  /** The address of a name, by IPv4 or IPv6. */
  resolve(name: string, family?: "4" | "6"): Promise<string>;
  daemon: Running;
}

export async function startAvahi(host: Host, families: "4" | "6" | "46" = "4"): Promise<Avahi> {
  await needDebian(["avahi-daemon", "avahi-utils", "dbus-daemon"]);
  const folder = temporaryFolder("avahi");
  const address = `unix:path=${folder}/bus`;
  writeFileSync(join(folder, "bus.conf"), BUS.replace("ADDRESS", address));
  const uses = (family: string) => (families.includes(family) ? "yes" : "no");
  writeFileSync(
    join(folder, "avahi.conf"),
    `[server]\nhost-name=${host.name}\nuse-ipv4=${uses("4")}\nuse-ipv6=${uses("6")}\nallow-interfaces=eth0\n` +
      `ratelimit-interval-usec=0\n[publish]\npublish-workstation=no\npublish-hinfo=no\n` +
      `publish-aaaa-on-ipv4=${uses("6")}\npublish-a-on-ipv6=${uses("4")}\n[rlimits]\n`,
  );
  const env = { DBUS_SYSTEM_BUS_ADDRESS: address };
  const bus = host.start(["dbus-daemon", `--config-file=${folder}/bus.conf`, "--nofork", "--print-address"]);
  await bus.waitForLine(/unix:path=/);
  mkdirSync("/run/avahi-daemon", { recursive: true });
  // A /run of its own: Avahi keeps one pid file per machine, and another Avahi may run here.
  const script = `mount -t tmpfs none /run/avahi-daemon && mount -t tmpfs none /etc/avahi/services &&
    exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f ${folder}/avahi.conf`;
  const daemon = host.start(["unshare", "--mount", "sh", "-c", script], { env, name: `${host.name}: avahi` });
  await daemon.waitForLine(/Server startup complete/);
  return {
    daemon,
    async publish(words) {
      const running = host.start(["avahi-publish", ...words], { env, name: `${host.name}: avahi-publish` });
      const [, name = ""] = await running.waitForLine(/Established under name '(.*)'/);
      return { running, name };
    },
    async browse(type) {
      const command = ["avahi-browse", "-rptk", type];
      const { stdout } = await host.run(command, { env, timeoutMs: CLIENT_TIMEOUT_MS });
      return stdout.split("\n").flatMap(browsed);
    },
    watch: (type) => host.start(["avahi-browse", "-pk", type], { env, name: `${host.name}: avahi-browse` }),
    async resolve(name, family = "4") {
      const { stdout } = await host.run(["avahi-resolve", `-${family}`, "-n", name], {
        env,
        timeoutMs: CLIENT_TIMEOUT_MS,
      });
      return stdout.trim().split(/\s+/)[1] ?? "";
    },
  };
}

/** =;interface;protocol;name;type;domain;host;address;port;txt, with \DDD for bytes that are no plain letters. */
export function browsed(line: string): Browsed[] {
  const [mark, , protocol, name = "", type = "", , host = "", address = "", port, ...txt] = line.split(";");
  if (mark !== "=") return [];
  return [
    {
      protocol: protocol as Browsed["protocol"],
      name: unescaped(name),
      type,
      host,
      address,
      port: Number(port),
      txt: (txt.join(";").match(/"[^"]*"/g) ?? []).map((one) => one.slice(1, -1)),
    },
  ];
}

function unescaped(text: string): string {
  const bytes: number[] = [];
  for (const [, code, sign] of text.matchAll(/\\(\d{3})|\\?([^])/gu))
    bytes.push(...(code === undefined ? Buffer.from(sign!) : [Number(code)]));
  return Buffer.from(bytes).toString();
}

/** The answer of one question by `dig`, by section. */
export interface Dug {
  status: string;
  flags: string;
  answer: string[];
  additional: string[];
}

export async function dig(host: Host, words: readonly string[]): Promise<Dug> {
  await needDebian(["bind9-dnsutils"]);
  const { stdout } = await host.run(["dig", "-p", "5353", "+tries=1", "+time=5", ...words], {
    timeoutMs: CLIENT_TIMEOUT_MS,
  });
  const section = (name: string) =>
    (stdout.split(`;; ${name} SECTION:\n`)[1]?.split("\n\n")[0] ?? "")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.replaceAll(/\s+/g, " "));
  return {
    status: /status: (\w+)/.exec(stdout)?.[1] ?? "none",
    flags: /flags: ([a-z ]*);/.exec(stdout)?.[1] ?? "",
    answer: section("ANSWER"),
    additional: section("ADDITIONAL"),
  };
}

/** Our mDNS alone, in a process of its own; tells what comes and goes, and announces what it is told to. */
export interface Ears {
  /** What it hears now, by name. */
  heard(): Promise<Map<string, HeardService>>;
  /** That with its counters and memory, at most half a second old. */
  look(): Told;
  stop(): Promise<void>;
}
interface Told {
  services: HeardService[];
  stats: MdnsStats;
  rss: number;
}
const SOURCE = new URL("../../src/", import.meta.url).href;
const PROGRAM = `
  import { createMdns } from "${SOURCE}platform/mdns.ts";
  import { systemClock } from "${SOURCE}kernel/clock.ts";
  import { systemRandom } from "${SOURCE}kernel/system-random.ts";
  import { createLog } from "${SOURCE}kernel/log.ts";
  const clock = systemClock();
  const log = createLog({ clock, level: "warn", write: (line) => console.error(line) });
  import { renameSync, writeFileSync } from "node:fs";
  const file = process.env.HEARD;
  const tell = () => {
    const { rss } = process.memoryUsage();
    writeFileSync(file + ".new", JSON.stringify({ services: mdns.services(), stats: mdns.stats(), rss }));
    renameSync(file + ".new", file);
  };
  const mdns = createMdns({ hostName: process.env.HOST_NAME, clock, random: systemRandom(), log, onChange: tell });
  for (const one of JSON.parse(process.env.ANNOUNCE)) mdns.announce(one);
  process.on("SIGTERM", async () => { await mdns.close(); process.exit(0); });
  tell();
  setInterval(tell, 500);
  console.log("READY");`;

export async function startEars(host: Host, hostName: string, announce: readonly object[] = []): Promise<Ears> {
  const file = join(temporaryFolder("ears"), "heard.json");
  const env = { HOST_NAME: hostName, ANNOUNCE: JSON.stringify(announce), HEARD: file };
  const running = host.start([process.execPath, "--input-type=module", "-e", PROGRAM], {
    env,
    name: `${host.name}: ears`,
  });
  await running.waitForLine(/^READY/);
  const look = () => JSON.parse(readFileSync(file, "utf8")) as Told;
  return {
    look,
    heard: async () => new Map(look().services.map((one) => [one.name, one])),
    stop: async () => void (await running.stop()),
  };
}

export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  timeoutMs = 60_000,
): Promise<T> {
  return (await eventually(what, timeoutMs, look, 50)) as T;
}
