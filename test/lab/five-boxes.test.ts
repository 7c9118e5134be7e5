/**
 * Five boxes of five owners in three zones, with real servers behind their services: publish and see everywhere, open
 * from elsewhere, withdraw on failure, kill a box, split and heal the network, restart all, exclude a box. Boxes run
 * with COMU_PROFILE=test (short check and probe intervals). The table of times is printed at the end.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { needDebian } from "../support/debian.ts";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { eventually, run } from "../support/process.ts";
import { startAvahi } from "./avahi.ts";
import { listen, openInChromium, openPage, resolve, runBySsh, sendByMqtt } from "./clients.ts";
import { Figures } from "./figures.ts";
import { createLab } from "./lab.ts";
import type { Host, Lab } from "./lab.ts";
import { needServers, startDnsmasq, startIcecast, startMosquitto, startNginx, startSshd } from "./servers.ts";
import type { LabServer, SshServer } from "./servers.ts";

const SEEN_EVERYWHERE_MS = 2_000;
const GREY_EVERYWHERE_MS = 10_000;
const CHECK_NOTICED_MS = 30_000;
const CONVERGED_MS = 30_000;
const EXCLUDED_MS = 30_000;
const JOINED_MS = 30_000;
/** How long the absence of something is watched. */
const WATCH_MS = 3_000;
const LINK = { rateMbit: 50 };

/** The keys of `services ls --json`, `boxes ls --json` and `heard ls --json` that this scenario reads. */
interface SeenService {
  id: string;
  title: string;
  state: string;
  box: string;
  boxId: string;
  url: string;
  host: string;
  port: number;
  reason: string | null;
}
interface SeenBox {
  id: string;
  name: string;
  zone: string;
  owner: string;
  state: string;
}
interface HeardService {
  id: string;
  title: string;
  published: string | null;
}

const PEOPLE = [
  { host: "raval1", zone: "raval", box: "Forn", owner: "Anna" },
  { host: "raval2", zone: "raval", box: "Biblioteca", owner: "Bernat" },
  { host: "sants1", zone: "sants", box: "Ateneu", owner: "Carme" },
  { host: "sants2", zone: "sants", box: "Taller", owner: "Dolors" },
  { host: "gracia1", zone: "gracia", box: "Casal", owner: "Enric" },
] as const;
/** A machine without a box, which only announces itself by mDNS. */
const PRINTER = { name: "printer", zone: "gracia" };

const figures = new Figures();
let lab: Lab;
const boxes: Box[] = [];
const published = new Map<string, SeenService>();
let nginx: LabServer;
let icecast: LabServer;
let mosquitto: LabServer;
let sshd: SshServer;
let dnsmasq: LabServer;

before(async () => {
  await needServers();
  await needDebian(["chromium", "avahi-daemon", "avahi-utils", "dbus-daemon"]);
  const hosts = [...PEOPLE.map(({ host, zone }) => ({ name: host, zone, link: LINK })), PRINTER];
  lab = createLab({ hosts, uplinks: { raval: LINK, sants: LINK, gracia: LINK } });
});

after(async () => {
  await Promise.allSettled(boxes.map(async (box) => box.stop()));
  lab?.remove();
  console.log(`\n${figures.table()}\n`);
});

test("one founds the community, four join with a code each", async () => {
  const first = await startLabBox(0, { newCommunity: "Barri" });
  boxes.push(first);
  for (const index of [1, 2, 3, 4]) {
    const { code } = await first.cli<{ code: string }>(["invite", "--json"]);
    const sinceMs = performance.now();
    const box = await startLabBox(index, { join: code });
    boxes.push(box);
    await seenByAll(
      `box ${index + 1} joined: from its start until all list it`,
      JOINED_MS,
      sinceMs,
      boxes,
      allUp(index + 1),
    );
  }
  const seen = await boxes[4]!.cli<SeenBox[]>(["boxes", "ls", "--json"]);
  const people = seen.map(({ name, owner, zone }) => ({ box: name, owner, zone })).toSorted(byBox);
  const wanted = PEOPLE.map(({ box, owner, zone }) => ({ box, owner, zone })).toSorted(byBox);
  assert.deepEqual(people, wanted);
});

test("services published by hand are seen on all boxes", async () => {
  nginx = await startNginx(hostOf(0), "Bakery", "Pa de pagès");
  icecast = await startIcecast(hostOf(1), "Parish radio");
  mosquitto = await startMosquitto(hostOf(2), "Street sensors");
  sshd = await startSshd(hostOf(3), "Workshop shell");
  dnsmasq = await startDnsmasq(hostOf(4), "Names of the quarter", "barri.test", { forn: hostOf(0).address });
  for (const [index, server] of [nginx, icecast, mosquitto, sshd, dnsmasq].entries()) await publish(index, server);
});

test("each service is opened from a box in another zone, with its own client", async () => {
  const far = hostOf(4);
  const page = await seenAt(4, "Bakery");
  assert.match(await openPage(far, page.url), /Pa de pagès/);
  assert.match(await openInChromium(far, page.url), /<h1>Pa de pagès<\/h1>/);
  const radio = await listen(far, (await seenAt(4, "Parish radio")).url);
  assert.equal(radio.magic, "OggS");
  const sensors = await seenAt(0, "Street sensors");
  const broker = { address: sensors.host, port: sensors.port };
  assert.equal(await sendByMqtt(hostOf(0), far, broker, "21 °C"), "21 °C");
  const shell = await seenAt(0, "Workshop shell");
  assert.deepEqual([shell.host, shell.port], [sshd.host.address, sshd.port]);
  assert.match(await runBySsh(hostOf(0), sshd, "ip -4 -o address show eth0"), new RegExp(shell.host));
  const names = await seenAt(0, "Names of the quarter");
  const server = { address: names.host, port: names.port };
  assert.deepEqual(await resolve(hostOf(0), server, "forn.barri.test"), [hostOf(0).address]);
});

test("a service heard by mDNS is published and opened from another zone", async () => {
  const printer = lab.host(PRINTER.name);
  const page = await startNginx(printer, "Printer of the casal", "Paper: 3 sheets");
  const avahi = await startAvahi(printer);
  await avahi.announce({ title: page.title, type: page.type, port: page.port, txt: ["path=/"] });
  const heardAt = async (index: number): Promise<HeardService[]> => box(index).cli(["heard", "ls", "--json"]);
  const heard = await eventually("the box in the zone hears it", 20_000, async () =>
    (await heardAt(4)).find((one) => one.title === page.title),
  );
  assert.equal(
    (await heardAt(0)).find((one) => one.title === page.title),
    undefined,
  );
  assert.equal(
    (await listAt(0)).find((one) => one.title === page.title),
    undefined,
  );
  const service = await box(4).cli<SeenService>(["heard", "publish", heard.id, "--json"]);
  await seenByAll(
    "heard by mDNS, published: seen on all",
    SEEN_EVERYWHERE_MS,
    performance.now(),
    boxes,
    isUp(service.id),
  );
  assert.match(await openPage(hostOf(0), (await seenAt(0, page.title)).url), /3 sheets/);
  await box(4).cli(["services", "withdraw", service.id, "--json"]);
  const sinceMs = performance.now();
  await seenByAll(
    "withdrawn by hand: gone on the others",
    SEEN_EVERYWHERE_MS,
    sinceMs,
    boxes.slice(0, 4),
    notUp(service.id),
  );
  await page.stop();
  await avahi.stop();
});

test("a service whose server stops is withdrawn, its owner sees why, and it returns by itself", async () => {
  const { id } = service("Bakery");
  await nginx.stop();
  await seenByAll("server stopped: not up on any box", CHECK_NOTICED_MS, performance.now(), boxes, notUp(id));
  const own = await box(0).cli<SeenService>(["services", "show", id, "--json"]);
  assert.ok(own.reason, "the owner sees a reason");
  await nginx.start();
  await seenByAll("server back: up on all boxes", CHECK_NOTICED_MS, performance.now(), boxes, isUp(id));
});

test("kill -9 of a box: its services go grey everywhere, and come back with it", async () => {
  const { id } = service("Workshop shell");
  const others = boxes.filter((_, index) => index !== 3);
  const sinceMs = performance.now();
  await box(3).kill();
  await seenByAll("box killed: its service not up on the others", GREY_EVERYWHERE_MS, sinceMs, others, notUp(id));
  const againMs = performance.now();
  await box(3).restart();
  await seenByAll("killed box started: its service up on all", CONVERGED_MS, againMs, boxes, isUp(id));
});

test("power cut of a whole host: its services go grey everywhere", async () => {
  const { id } = service("Names of the quarter");
  const sinceMs = performance.now();
  lab.killHost(hostOf(4));
  await seenByAll(
    "host off: its service not up on the others",
    GREY_EVERYWHERE_MS,
    sinceMs,
    boxes.slice(0, 4),
    notUp(id),
  );
  lab.plugIn(hostOf(4));
  await dnsmasq.stop();
  await dnsmasq.start();
  const againMs = performance.now();
  await box(4).restart();
  await seenByAll("host back: its service up on all", CONVERGED_MS, againMs, boxes, isUp(id));
});

test("split and heal: both sides go on, and converge when the network is whole again", async () => {
  const [here, there] = [boxes.slice(0, 2), boxes.slice(2)];
  const bakery = service("Bakery").id;
  const sensors = service("Street sensors").id;
  for (const zone of ["sants", "gracia"]) lab.cut("raval", zone);
  const cutMs = performance.now();
  await seenByAll("split: raval greys the other side", GREY_EVERYWHERE_MS, cutMs, here, notUp(sensors));
  await seenByAll("split: the other side greys raval", GREY_EVERYWHERE_MS, cutMs, there, notUp(bakery));
  const lists = await startNginx(hostOf(1), "Reading list", "Solitud", 8081);
  const songs = await startNginx(hostOf(2), "Song book", "L'estaca", 8081);
  const listId = await publish(1, lists, here);
  const songId = await publish(2, songs, there);
  assert.ok(await notUp(songId)(box(0)), "nothing crosses the cut");
  assert.ok(await notUp(listId)(box(4)), "nothing crosses the cut");
  for (const zone of ["sants", "gracia"]) lab.heal("raval", zone);
  const healMs = performance.now();
  const everything = [...published.values()].map(({ id }) => isUp(id));
  const all = async (one: Box): Promise<boolean> =>
    (await Promise.all(everything.map(async (up) => up(one)))).every(Boolean);
  await seenByAll("healed: everything up on all", CONVERGED_MS, healMs, boxes, all);
});

test("all boxes restart: everything is back without new invitations", async () => {
  await Promise.all(boxes.map(async (one) => one.stop()));
  const sinceMs = performance.now();
  await Promise.all(boxes.map(async (one) => one.restart()));
  await seenByAll("all restarted: five boxes up on all", CONVERGED_MS, sinceMs, boxes, allUp(5));
  for (const { id, title } of published.values()) {
    await seenByAll(`all restarted: ${title} up on all`, CONVERGED_MS, sinceMs, boxes, isUp(id));
  }
});

test("an excluded box is cut everywhere", async () => {
  const others = boxes.slice(0, 4);
  const id = service("Names of the quarter").id;
  const casal = (await box(0).cli<SeenBox[]>(["boxes", "ls", "--json"])).find((one) => one.name === "Casal");
  assert.ok(casal);
  const address = hostOf(4).address;
  const linked: Look = async (one) => {
    const links = await run(["ss", "-Htn", "state", "established", "dst", address], { namespace: one.namespace });
    return links.stdout.includes(`:${one.meshPort}`);
  };
  // Without a link before, its absence afterwards would mean nothing.
  await eventually("a link to the box that will be excluded", CONVERGED_MS, async () =>
    (await Promise.all(others.map(linked))).includes(true),
  );
  await box(0).cli(["boxes", "exclude", casal.id, "--reason", "sends advertisements", "--yes", "--json"]);
  const sinceMs = performance.now();
  const out = async (one: Box): Promise<boolean> => {
    const seen = await one.api<SeenBox[]>("/boxes");
    return !seen.some((each) => each.id === casal.id && each.state !== "excluded");
  };
  await seenByAll("excluded: not a member on the others", EXCLUDED_MS, sinceMs, others, out);
  await seenByAll("excluded: its service not up on the others", EXCLUDED_MS, sinceMs, others, notUp(id));
  const cut: Look = async (one) => !(await linked(one));
  await seenByAll("excluded: no link left to the others", EXCLUDED_MS, sinceMs, others, cut);
  // What it says from now on reaches nobody. It may itself refuse to publish: it is out.
  const flags = ["--type", "_http._tcp", "--port", "8080", "--title", "Advertisement", "--check", "none", "--json"];
  await box(4)
    .cli(["services", "publish", ...flags])
    .catch(() => undefined);
  const endMs = performance.now() + WATCH_MS;
  while (performance.now() < endMs) {
    for (const one of others) {
      const seen = await one.api<SeenService[]>("/services");
      assert.equal(
        seen.find(({ title }) => title === "Advertisement"),
        undefined,
      );
    }
    await new Promise((done) => setTimeout(done, 250));
  }
  assert.equal((await listAt(0)).filter(({ state }) => state === "up").length, published.size - 1);
});

/** Publishes by the command line, waits until the boxes list it as up, and keeps it by its title. */
async function publish(index: number, server: LabServer, seenBy: readonly Box[] = boxes): Promise<string> {
  const flags = ["--type", server.type, "--port", String(server.port), "--title", server.title];
  if (server.path) flags.push("--path", server.path);
  const made = await box(index).cli<SeenService>(["services", "publish", ...flags, "--json"]);
  const what = `published: ${server.title} up on ${seenBy.length} boxes`;
  await seenByAll(what, SEEN_EVERYWHERE_MS, performance.now(), seenBy, isUp(made.id));
  published.set(server.title, made);
  return made.id;
}

type Look = (one: Box) => Promise<boolean>;

async function seenByAll(
  what: string,
  limitMs: number,
  sinceMs: number,
  seenBy: readonly Box[],
  look: Look,
): Promise<void> {
  await figures.until(
    what,
    limitMs,
    sinceMs,
    seenBy.map((one) => async () => look(one)),
  );
}

/** Asked over the socket, since starting a command costs more than what is measured. */
function isUp(id: string): Look {
  return async (one) =>
    (await one.api<SeenService[]>("/services")).some((each) => each.id === id && each.state === "up");
}

function notUp(id: string): Look {
  return async (one) => !(await isUp(id)(one));
}

function allUp(count: number): Look {
  return async (one) => (await one.api<SeenBox[]>("/boxes")).filter(({ state }) => state === "up").length === count;
}

async function startLabBox(index: number, community: { newCommunity: string } | { join: string }): Promise<Box> {
  const person = PEOPLE[index]!;
  const host = hostOf(index);
  const where = { zone: person.zone, bind: host.address, namespace: host.namespace };
  return startBox({ name: person.box, owner: person.owner, ...where, ...community });
}

function box(index: number): Box {
  const found = boxes[index];
  assert.ok(found, `box ${index + 1} was not started`);
  return found;
}

function hostOf(index: number): Host {
  return lab.host(PEOPLE[index]!.host);
}

function service(title: string): SeenService {
  const found = published.get(title);
  assert.ok(found, `${title} was not published`);
  return found;
}

async function listAt(index: number): Promise<SeenService[]> {
  return box(index).cli(["services", "ls", "--json"]);
}

/** By the command line, as a person would. */
async function seenAt(index: number, title: string): Promise<SeenService> {
  const found = (await listAt(index)).find((one) => one.title === title);
  assert.ok(found, `${title} is not listed on box ${index + 1}`);
  return found;
}

function byBox(a: { box: string }, b: { box: string }): number {
  return a.box < b.box ? -1 : 1;
}
