/**
 * Real boxes and ordinary clients: two boxes on one local network and one elsewhere make a community; a phone on that
 * network, with nothing but Avahi and dig, finds, resolves and opens what the community offers, once each; and what is
 * withdrawn, goes grey or is switched off is gone for it. Needs root.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import type { Running } from "../support/process.ts";
import { createLab } from "../lab/lab.ts";
import type { Host, Lab } from "../lab/lab.ts";
import { dig, startAvahi, until } from "./clients.ts";
import type { Avahi, Browsed } from "./clients.ts";

interface Standing {
  id: string;
  name: string;
  box: string;
  state: string;
  by: string | null;
  host: string;
  devices: string[];
}
interface Heard {
  id: string;
  title: string;
  path: string;
  published: string | null;
}

let lab: Lab;
let phone: Avahi;
const boxes: Record<string, Box> = {};
const servers: Running[] = [];
const took: string[] = [];

/** A web server that says who it is. */
async function serve(host: Host, port: number, text: string): Promise<Running> {
  const answer = `(_, answer) => answer.end(${JSON.stringify(text)})`;
  const program = `require("node:http").createServer(${answer}).listen(${port})`;
  const running = host.start([process.execPath, "-e", program], { name: text });
  servers.push(running);
  await running.waitForPort(port);
  return running;
}
const begin = async (name: string, zone: string, more: { newCommunity: string } | { join: string }) => {
  const { address, namespace } = lab.host(name);
  boxes[name] = await startBox({ name, owner: `${name}owner`, zone, bind: address, namespace, ...more });
};
const publish = (box: string, title: string, port: number, ...more: string[]) =>
  boxes[box]!.cli<{ id: string }>([
    "services",
    "publish",
    "--type",
    "_http._tcp",
    "--port",
    String(port),
    "--title",
    title,
    ...more,
    "--json",
  ]);
const choose = (box: string, what: string) =>
  boxes[box]!.cli(["settings", "set", "lan", "announceServices", what, "--json"]);
const standings = (box: string) => boxes[box]!.cli<Standing[]>(["announced", "ls", "--json"]);
const heard = (box: string) => boxes[box]!.cli<Heard[]>(["heard", "ls", "--json"]);
const found = async (name: string): Promise<Browsed | undefined> =>
  (await phone.browse("_http._tcp")).find((one) => one.name === name);
const finds = (name: string) => until(`the phone finds ${name}`, () => found(name), 60_000);
/** From now until a running avahi-browse says that it went. */
async function gone(what: string, name: string, act: () => Promise<unknown>, limitMs: number): Promise<void> {
  const watch = phone.watch("_http._tcp");
  const escaped = name.replaceAll(/[ ()]/g, (sign) => `\\${String(sign.charCodeAt(0)).padStart(3, "0")}`);
  const line = (sign: string) => new RegExp(`^${sign};eth0;IPv4;${escaped.replaceAll("\\", "\\\\")};`);
  await watch.waitForLine(line("\\+"));
  await act();
  const startMs = performance.now();
  await watch.waitForLine(line("-"), limitMs + 5000);
  const tookMs = Math.round(performance.now() - startMs);
  took.push(`${what}: ${tookMs} ms`);
  assert.ok(tookMs <= limitMs, `${what}: ${tookMs} ms`);
  await watch.stop();
}

before(async () => {
  const near = ["alpha", "beta", "phone", "server"].map((name) => ({ name, zone: "near" }));
  lab = createLab({ hosts: [...near, { name: "gamma", zone: "far" }] });
  phone = await startAvahi(lab.host("phone"));
  await begin("alpha", "nord", { newCommunity: "Barri" });
  const { code } = await boxes["alpha"]!.cli<{ code: string }>(["invite", "--uses", "5", "--json"]);
  await begin("beta", "nord", { join: code });
  await begin("gamma", "sud", { join: code });
});
after(async () => {
  await Promise.allSettled([...Object.values(boxes), ...servers].map((one) => one.stop()));
  lab?.remove();
  console.log(took.map((line) => `  ${line}`).join("\n"));
});

test("by default a box announces its own services, and nobody else's", async () => {
  await serve(lab.host("alpha"), 8001, "library of alpha");
  await serve(lab.host("gamma"), 8002, "parish radio");
  await publish("alpha", "Library", 8001, "--path", "/books");
  await publish("gamma", "Parish radio", 8002, "--path", "/on-air", "--category", "radio");
  const library = await finds("Library (alpha)");
  assert.deepEqual([library.address, library.port], [lab.host("alpha").address, 8001]);
  assert.ok(library.txt.includes("path=/books"), library.txt.join());
  assert.match(library.host, /^comu-[a-z2-7]{8}-[0-9a-f]{8}\.local$/);
  await until("alpha knows the radio", async () =>
    (await boxes["alpha"]!.cli<{ title: string }[]>(["services", "ls", "--json"])).some(
      (one) => one.title === "Parish radio",
    ),
  );
  assert.equal(await found("Parish radio (gamma)"), undefined);
});

test("with all of the community, the phone finds a far service once, resolves it and opens it", async () => {
  await Promise.all([choose("alpha", "community"), choose("beta", "community")]);
  const radio = await finds("Parish radio (gamma)");
  assert.deepEqual([radio.address, radio.port], [lab.host("gamma").address, 8002]);
  assert.ok(radio.txt.includes("path=/on-air"));
  const { stdout } = await lab
    .host("phone")
    .run(["curl", "-sS", "--max-time", "5", `http://${radio.address}:${radio.port}/on-air`]);
  assert.equal(stdout, "parish radio");
  assert.equal(await phone.resolve(radio.host), lab.host("gamma").address);
  const all = await until("the phone finds both boxes", async () => {
    const seen = await phone.browse("-a");
    const isRadio = seen.some(({ txt }) => txt.some((text) => text.startsWith("comu=") && radio.txt.includes(text)));
    return isRadio && seen.filter((one) => one.type === "_comu._tcp").length >= 2 && seen;
  });
  assert.equal(
    all.filter((one) => one.txt.some((text) => text === radio.txt.find((own) => own.startsWith("comu=")))).length,
    1,
  );
  assert.equal(all.filter((one) => one.type === "_comu._tcp").length, 2, "the boxes themselves");
  const states = await until("one of the two announces it, and leaves it to no other", async () => {
    const lists = [await standings("alpha"), await standings("beta")];
    const found = lists.flatMap((list) => list.filter((one) => one.name.startsWith("Parish radio")));
    const told = found.map((one) => one.state).toSorted();
    return told.join() === "announced,left" && found;
  });
  const left = states.find((one) => one.state === "left")!;
  assert.ok(["alpha", "beta"].includes(left.by!));
  assert.deepEqual(states.find((one) => one.state === "announced")!.devices, ["eth0"]);
});

test("no box takes another's announcements for services of its network", async () => {
  for (const name of ["alpha", "beta"]) assert.deepEqual(await heard(name), []);
});

test("dig sees the records, and that there is no more", async () => {
  const at = `@${lab.host("alpha").address}`;
  const host = lab.host("phone");
  const types = await dig(host, [at, "_services._dns-sd._udp.local", "PTR"]);
  assert.deepEqual(types.answer.map((line) => line.split(" ").at(-1)).toSorted(), [
    "_comu._tcp.local.",
    "_http._tcp.local.",
  ]);
  const name = "Library\\032\\(alpha\\)._http._tcp.local";
  const records = await dig(host, [at, "+notcp", name, "ANY"]);
  assert.deepEqual(records.answer.map((line) => line.split(" ")[3]).toSorted(), ["SRV", "TXT"]);
  assert.ok(records.additional.some((line) => line.endsWith(` A ${lab.host("alpha").address}`)));
  assert.match((await dig(host, [at, name, "AAAA"])).answer[0]!, /NSEC/);
  assert.equal((await dig(host, [at, "phone.local", "A"])).status, "none");
});

test("a name that is taken: ours is renamed, and both are found", async () => {
  const { running } = await phone.publish(["-s", "Bread (beta)", "_http._tcp", "8100"]);
  await serve(lab.host("beta"), 8101, "bread");
  await publish("beta", "Bread", 8101);
  assert.equal((await finds("Bread (beta) (2)")).port, 8101);
  assert.equal((await finds("Bread (beta)")).port, 8100);
  const ours = await until("the list has the new name", async () =>
    (await standings("beta")).find((one) => one.name === "Bread (beta) (2)"),
  );
  assert.equal(ours.state, "announced");
  await running.stop();
});

test("a withdrawn service is gone for the phone at once, and back when it is restored", async () => {
  const { id } = (await standings("beta")).find((one) => one.name.startsWith("Bread"))!;
  await gone(
    "withdrawn by its owner",
    "Bread (beta) (2)",
    () => boxes["beta"]!.cli(["services", "withdraw", id, "--json"]),
    20_000,
  );
  await boxes["beta"]!.cli(["services", "restore", id, "--json"]);
  await finds("Bread (beta)");
});

test("a server of the house: heard, published, announced by itself alone, withdrawn when it stops", async () => {
  const [radio, host] = [await serve(lab.host("server"), 8200, "jazz"), lab.host("server")];
  const avahi = await startAvahi(host, "46");
  const { running } = await avahi.publish(["-s", "Jazz. All day", "_http._tcp", "8200", "path=live now"]);
  const one = await until("alpha hears it", async () =>
    (await heard("alpha")).find((each) => each.title === "Jazz. All day"),
  );
  assert.equal(one.path, "/live%20now");
  const { id } = await boxes["alpha"]!.cli<{ id: string }>(["heard", "publish", one.id, "--json"]);
  const far = await until("gamma sees it", async () =>
    (await boxes["gamma"]!.cli<{ id: string; url: string }[]>(["services", "ls", "--json"])).find(
      (each) => each.id === id,
    ),
  );
  assert.equal(far.url, `http://${host.address}:8200/live%20now`);
  const own = await until("alpha lists it", async () => (await standings("alpha")).find((each) => each.id === id));
  assert.deepEqual([own.state, own.by], ["left", null]);
  assert.equal(await found("Jazz. All day (alpha)"), undefined);
  await running.stop();
  await finds("Jazz. All day (alpha)");
  assert.equal((await heard("alpha")).length, 0, "what falls silent leaves the list");
  await radio.stop();
  await until(
    "the community no longer sees it",
    async () =>
      !(await boxes["gamma"]!.cli<{ id: string }[]>(["services", "ls", "--json"])).some((each) => each.id === id),
  );
  await until("nor does the phone", async () => (await found("Jazz. All day (alpha)")) === undefined);
});

test("when the box that announces stops, the other goes on; when the service's box dies, it is gone", async () => {
  const announcing = (await standings("alpha")).some((one) => one.box === "gamma" && one.state === "announced")
    ? "alpha"
    : "beta";
  const other = announcing === "alpha" ? "beta" : "alpha";
  await boxes[announcing]!.stop();
  const startMs = performance.now();
  await until(`${other} announces it`, async () =>
    (await standings(other)).some((one) => one.box === "gamma" && one.state === "announced"),
  );
  took.push(`taken over from a box that stopped: ${Math.round(performance.now() - startMs)} ms`);
  await finds("Parish radio (gamma)");
  await boxes[announcing]!.restart();
  await until("it is left to the other", async () =>
    (await standings(announcing)).some((one) => one.box === "gamma" && one.state === "left"),
  );
  await boxes[other]!.kill();
  const killedMs = performance.now();
  await until(
    `${announcing} announces it`,
    async () => (await standings(announcing)).some((one) => one.box === "gamma" && one.state === "announced"),
    60_000,
  );
  took.push(`taken over from a box that was killed: ${Math.round(performance.now() - killedMs)} ms`);
  await finds("Parish radio (gamma)");
  await gone(
    "its box was killed (noticed by gossip, then goodbye)",
    "Parish radio (gamma)",
    () => boxes["gamma"]!.kill(),
    40_000,
  );
  await boxes[other]!.restart();
});

test("switched off everywhere, nothing of the community is announced; the boxes themselves are", async () => {
  // One of them was killed: it must announce again before it can take leave.
  for (const name of ["alpha", "beta"])
    await until(`${name} announces its own`, async () =>
      (await standings(name)).some((one) => one.box === name && one.state === "announced"),
    );
  const narrow = (categories: string) =>
    boxes["beta"]!.cli(["settings", "set", "lan", "announceCategories", categories, "--json"]);
  await narrow('["maps"]');
  await until("nothing of beta is a map", async () => (await standings("beta")).length === 0);
  await narrow("[]");
  await until("beta announces its own again", async () =>
    (await standings("beta")).some((one) => one.state === "announced"),
  );
  // As long as another box announces what is the community's, it stays found.
  await choose("beta", "off");
  await gone("switched off", "Library (alpha)", () => choose("alpha", "off"), 20_000);
  assert.deepEqual(await standings("alpha"), []);
  await until("the box itself stays found", async () =>
    (await phone.browse("-a")).some((one) => one.type === "_comu._tcp" && one.name.startsWith("alpha")),
  );
});
