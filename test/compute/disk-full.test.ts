/**
 * Compute while the disk of a box is full to the last byte: the host's, on which slivers run, or the home's, whose
 * member uses them. Both are real boxes, each with its data on a small disk of its own, and the host has a real engine
 * elsewhere. What is not done is said in plain words; nothing is half made; and with room again all follows by itself.
 */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { atEnd } from "../e2e/at-end.ts";
import { cpuMs, pidOf, ready, startDirect } from "../faults/direct.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { CommandRefused } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import type { Lxd } from "../support/lxd.ts";
import { eventually } from "../support/process.ts";
import { fillDisk, smallDisk } from "../support/small-disk.ts";
import { MADE_MS, homeAndHost } from "./home-and-host.ts";

const DISK_MIB = 64;
/** Both look every half minute. */
const FOLLOWED_MS = 120_000;
/** Of changes in a row, before the store's log has no room of its own left. */
const REFUSED_IN_A_ROW = 3;
const TRIES_MAX = 2_000;
const WATCHED_MS = 15_000;
/** What a box may burn while a disk is full; the test profile's gossip takes some of it. */
const CPU_PERCENT_MAX = 60;
/** Lines of its log in that time: some failures told once, nothing that is said again and again. */
const LINES_MAX = 20;
const LEASE_MS = 60_000;
const LITTLE_BYTES = 768 * 1024;

interface Slice {
  name: string;
  running: number;
  missing: number;
  isStopped: boolean;
  slivers: { id: string; state: string; trouble: string | null }[];
}

const SMALL = ["--memory", "64MiB", "--disk", "64MiB", "--json"];

let home: Box;
let host: Box;
let lxd: Lxd;
const disks = { home: "", host: "" };

before(async () => {
  const data = { home: "", host: "" };
  for (const name of ["home", "host"] as const) {
    disks[name] = await smallDisk(DISK_MIB);
    data[name] = join(disks[name], "data");
    mkdirSync(data[name], { mode: 0o700 });
  }
  ({ home, host, lxd } = await homeAndHost(atEnd, data));
  await host.cli(["compute", "lend", "--cores", "8", "--json"]);
  await offered();
});

/** Until the host would take another one. */
async function offered(): Promise<void> {
  await eventually("an offer", MADE_MS, async () => {
    const offers = await home.cli<{ fits: number }[]>(["compute", "offers", ...SMALL]);
    if (offers.some(({ fits }) => fits > 0)) return true;
    throw new Error(JSON.stringify(offers));
  });
}

/** To the last byte, of the disk and of what the box's store has left for itself. */
async function fill(whose: "home" | "host"): Promise<void> {
  fillDisk(disks[whose]);
  const box = { home, host }[whose];
  for (let tries = 0, refused = 0; refused < REFUSED_IN_A_ROW; tries += 1) {
    assert.ok(tries < TRIES_MAX, "changes still fit");
    const { status, body } = await box.ask<{ id: string }>("/api/v1/people-invitations", {
      method: "POST",
      body: { note: "x".repeat(80) },
    });
    refused = status === 507 ? refused + 1 : 0;
    if (status === 200) await box.ask(`/api/v1/people-invitations/${body.id}`, { method: "DELETE" });
  }
}

const makeRoom = (whose: "home" | "host") => rmSync(join(disks[whose], "filler"));

/** The code and what was said, or what was answered. */
async function told(work: Promise<unknown>): Promise<string> {
  try {
    return JSON.stringify(await work);
  } catch (error) {
    if (error instanceof CommandRefused) return error.message;
    throw error;
  }
}

const HOST_FULL = /compute-host-full: Molí has no room on its disk\./;
const show = (name: string) => home.cli<Slice>(["compute", "show", name, "--json"]);
const names = async () => (await home.cli<Slice[]>(["compute", "ls", "--json"])).map(({ name }) => name).toSorted();
const launch = (name: string) => home.cli<Slice>(["compute", "launch", name, "tiny", ...SMALL]);
const remove = (name: string) => home.cli(["compute", "delete", name, "--yes"]);
const idOf = async (name: string) => (await show(name)).slivers[0]!.id;

/** By sliver, what the engine has. */
async function instances(): Promise<Record<string, string>> {
  const csv = await lxd.lxc(["list", "--all-projects", "--format", "csv", "--columns", "ns"]);
  const rows = csv.trim().split("\n").filter(Boolean);
  return Object.fromEntries(rows.map((row) => row.replace("sliver-", "").split(",")));
}

const lent = () => host.cli<{ sliver: string; state: string }[]>(["compute", "lent", "--json"]);
const booked = async () => (await lent()).map(({ sliver }) => sliver);

/** The engine has these, as they should be; the books have the same, and nothing else. */
async function agree(wanted: Record<string, "RUNNING" | "STOPPED">): Promise<void> {
  const expected = JSON.stringify(Object.entries(wanted).toSorted());
  let seen = "";
  await eventually(`${expected}`, FOLLOWED_MS, async () => {
    const [there, books] = [await instances(), await booked()];
    seen = JSON.stringify([Object.entries(there).toSorted(), books]);
    const isSame = JSON.stringify(Object.entries(there).toSorted()) === expected;
    if (isSame && books.toSorted().join() === Object.keys(wanted).toSorted().join()) return true;
    throw new Error(seen);
  });
}

/**
 * Of the two the engine has this one only. Its log folded, a store wins a little room back on a full disk: then the
 * books are done with the other one, and what the home goes on asking for this one; else they wait for room. (That
 * they do wait is tested where nothing wins room back: host/full-disk.test.ts.)
 */
async function onlyLeft(sliver: string, other: string): Promise<void> {
  assert.deepEqual(Object.keys(await instances()), [sliver]);
  const books = await booked();
  assert.ok(books.includes(sliver) && books.every((one) => one === sliver || one === other), books.join());
}

/** Neither box burns the machine or fills its log, for some time. */
async function quiet(): Promise<void> {
  const boxes = [home, host];
  const lines = (box: Box) => box.process!.output().split("\n").length;
  const before = boxes.map((box) => ({ cpu: cpuMs(pidOf(box)), lines: lines(box) }));
  await sleep(WATCHED_MS);
  for (const [at, box] of boxes.entries()) {
    assert.equal(box.process!.exit, undefined, box.process!.output().slice(-4000));
    const percent = ((cpuMs(pidOf(box)) - before[at]!.cpu) / WATCHED_MS) * 100;
    assert.ok(percent < CPU_PERCENT_MAX, `${box.name}: ${percent.toFixed(0)} % of a core`);
    const more = lines(box) - before[at]!.lines;
    assert.ok(more <= LINES_MAX, `${box.name}: ${more} lines\n${box.process!.output().slice(-4000)}`);
    process.stdout.write(`figure: ${box.name}, while a disk is full: ${percent.toFixed(1)} % CPU, ${more} lines\n`);
  }
}

/** Somebody leaves a little, which others count as nothing. */
function makeLittleRoom(whose: "home" | "host"): void {
  const filler = join(disks[whose], "filler");
  truncateSync(filler, statSync(filler).size - LITTLE_BYTES);
}

/** Starts it as after a crash; on a full disk it may say so and end. */
async function startAgain(box: Box): Promise<"runs" | "ends with disk-full"> {
  const running = startDirect(box, ["env", `LXD_DIR=${lxd.folder}`]);
  const isReady = ready(box).then(
    () => true,
    () => false,
  );
  if (await Promise.race([isReady, running.exited.then(() => false)])) return "runs";
  assert.match(running.output(), /^disk-full: /m);
  return "ends with disk-full";
}

test("the host's disk is full: all is told, what runs goes on, what ends makes room, the rest follows", async () => {
  await launch("old");
  const [web, old] = [await idOf("web"), await idOf("old")];
  await fill("host");

  const offers = await home.cli<{ fits: number; why: string }[]>(["compute", "offers", ...SMALL]);
  assert.deepEqual(
    offers.map(({ fits, why }) => [fits, why]),
    [[0, "disk-full"]],
  );
  assert.match(await told(launch("new")), HOST_FULL);
  assert.match(await told(launch("unwanted")), HOST_FULL);
  await remove("unwanted");
  assert.deepEqual(await names(), ["new", "old", "web"]);
  assert.deepEqual(await instances(), { [web]: "RUNNING", [old]: "RUNNING" });
  assert.deepEqual((await booked()).toSorted(), [web, old].toSorted());
  const { stdout } = await home.cli<{ stdout: string }>(["compute", "exec", "web", "echo goes on", "--json"]);
  assert.equal(stdout, "goes on\n");

  assert.match(await told(home.cli(["compute", "stop", "web"])), HOST_FULL);
  const web1 = await show("web");
  assert.deepEqual([web1.running, web1.slivers[0]?.trouble], [1, "compute-host-full"]);
  assert.match(await told(remove("old")), HOST_FULL);
  // It is in the books as long as that cannot be written down, but takes nothing any more.
  await eventually("it has ended", FOLLOWED_MS, async () => !(old in (await instances())));
  await quiet();
  await onlyLeft(web, old);

  makeRoom("host");
  await eventually("what was wished is made", MADE_MS, async () => (await show("new")).running === 1);
  await agree({ [web]: "STOPPED", [await idOf("new")]: "RUNNING" });
  assert.equal((await show("web")).slivers[0]?.trouble, null);
  assert.deepEqual(await names(), ["new", "web"]);
});

test("a host that is killed while its disk is full starts as its books say, and follows", async () => {
  const [web, other] = [await idOf("web"), await idOf("new")];
  await fill("host");
  assert.match(await told(home.cli(["compute", "start", "web"])), HOST_FULL);
  assert.match(await told(remove("new")), HOST_FULL);
  await eventually("it has ended", FOLLOWED_MS, async () => !(other in (await instances())));
  await host.kill();
  process.stdout.write(`figure: start of a host on its full disk: ${await startAgain(host)}\n`);
  await host.kill();
  // Enough to start, and then nothing again. It could not write down what is to go: its home says so once more.
  makeLittleRoom("host");
  assert.equal(await startAgain(host), "runs");
  await fill("host");
  await eventually("it has ended again", FOLLOWED_MS, async () => {
    const left = (await lent()).find(({ sliver }) => sliver === other);
    return (left === undefined || left.state === "ending") && !(other in (await instances()));
  });
  await onlyLeft(web, other);
  await host.kill();
  makeRoom("host");
  await startAgain(host);
  await eventually("it runs", MADE_MS, async () => (await show("web")).running === 1);
  await agree({ [web]: "RUNNING" });
  await home.cli(["compute", "stop", "web", "--json"]);
  await home.cli(["compute", "start", "web", "--json"]);
  await agree({ [web]: "RUNNING" });
});

test("the home's disk is full: changes are refused, nothing is left, the same commands work with room", async () => {
  const web = await idOf("web");
  const file = join(temporaryFolder("slice"), "slice.yaml");
  writeFileSync(file, "name: filed\nimage: tiny\nmemory: 64MiB\ndisk: 64MiB\n");
  const changes: [string, () => Promise<unknown>][] = [
    ["launch", () => launch("anew")],
    ["apply", () => home.cli(["slice", "apply", file])],
    ["stop", () => home.cli(["compute", "stop", "web"])],
    ["delete", () => remove("web")],
  ];
  await fill("home");
  for (const [name, change] of changes) assert.match(await told(change()), /disk-full: /, name);
  assert.deepEqual(await names(), ["web"]);
  assert.equal((await show("web")).running, 1);
  await quiet();
  await agree({ [web]: "RUNNING" });
  await home.kill();
  makeRoom("home");
  await home.restart();
  assert.deepEqual(await names(), ["web"]);
  await agree({ [web]: "RUNNING" });

  await offered();
  for (const [name, change] of changes.slice(0, 3)) assert.doesNotMatch(await told(change()), /disk-full/, name);
  await eventually("it runs", MADE_MS, async () => (await show("filed")).running === 1);
  await agree({ [web]: "STOPPED", [await idOf("anew")]: "RUNNING", [await idOf("filed")]: "RUNNING" });
  for (const name of ["web", "anew", "filed"]) await remove(name);
  await agree({});
});

test("a lease ends while the host's disk is full and its home away: the instance ends, the books follow", async () => {
  await launch("lease");
  const sliver = await idOf("lease");
  await home.stop();
  await host.stop();
  // Its home renewed it for the last time so long ago.
  const database = new DatabaseSync(join(host.data, "comu.db"));
  const { booking } = database.prepare("SELECT booking FROM compute_bookings").get()!;
  const shorter = { ...(JSON.parse(String(booking)) as object), leaseEndMs: Date.now() + LEASE_MS };
  database.prepare("UPDATE compute_bookings SET booking = ?").run(JSON.stringify(shorter));
  database.close();
  await startAgain(host);
  await agree({ [sliver]: "RUNNING" });
  await fill("host");
  await eventually("it has ended", FOLLOWED_MS, async () => Object.keys(await instances()).length === 0);
  assert.equal(host.process?.exit, undefined);
  // As in `onlyLeft`.
  assert.ok((await booked()).every((one) => one === sliver));
  makeRoom("host");
  await agree({});
  await home.restart();
  await eventually("its slice is made whole", MADE_MS, async () => (await show("lease")).running === 1);
  const next = await idOf("lease");
  assert.notEqual(next, sliver);
  await agree({ [next]: "RUNNING" });
});
