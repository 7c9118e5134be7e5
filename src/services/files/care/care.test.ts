/** Care over days of virtual time: what is due when, what is repaired at once and what waits, and what it may cost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "../../../kernel/log.ts";
import { virtualClock } from "../../../kernel/virtual-clock.ts";
import { openStore } from "../../../platform/store.ts";
import type { KnownCap } from "../../../protocols/grid/caps.ts";
import type { CheckResult, Grid } from "../grid/grid.ts";
import type { ServerState } from "../grid/server.ts";
import { careStore } from "./care-store.ts";
import { createCare } from "./care.ts";
import type { Checking, Tended } from "./checking.ts";
import { isRepairDue, repairBytes } from "./checking.ts";
import {
  CARE_EVERY_MS,
  CARE_GRACE_MS,
  CARE_LOOK_MS,
  CHECK_BYTES,
  SERVERS_SETTLED_MS,
  WEAK_EVERY_MS,
} from "./constants.ts";
import { createNotes } from "./notes.ts";
import { createPace, pause } from "./pace.ts";

const HOUR_MS = 3_600_000;
const healthy: CheckResult = {
  ...{ storageIndex: "", state: "healthy", needed: 3, total: 10, good: 10, happiness: 7, servers: 10 },
  ...{ owners: 10, zones: 1, shares: [], damaged: [], silent: [], versions: 1 },
};
const weak = (good: number, silent: string[] = []): CheckResult => ({ ...healthy, state: "weak", good, silent });
const chk = (size: number): KnownCap => ({
  kind: "chk",
  ...{ key: new Uint8Array(16), uebHash: new Uint8Array(32), k: 3, n: 10, size },
});

/** Files by name, each with what a check of it finds; a repair makes it healthy. */
function world(names: readonly string[]) {
  const clock = virtualClock();
  const store = openStore(":memory:");
  const rows = careStore(store);
  const notes = new Map<string, string>();
  const states = new Map<string, ServerState>([
    ["a", "up"],
    ["b", "up"],
    ["c", "up"],
  ]);
  const found = new Map(names.map((name) => [name, healthy]));
  const failing = new Set<string>();
  const done: string[] = [];
  const grid = {
    servers: () => [...states].map(([id, state]) => ({ id, state: () => state })),
  } as unknown as Grid;
  const note = (path: string, result: CheckResult, round: number) => {
    const { state, good, total, needed, servers, owners, zones } = result;
    const weakSinceMs = state === "healthy" ? null : (rows.health("anna", path)?.weakSinceMs ?? clock.wallMs());
    const checkedMs = clock.wallMs();
    const facts = { state, good, total, needed, servers, owners, zones, checkedMs, weakSinceMs, round };
    rows.setHealth({ account: "anna", storageIndex: path, path, verifyCap: "", ...facts });
  };
  const indexes = new Map<KnownCap, string>();
  const checking: Checking = {
    storageIndexOf: (cap) => indexes.get(cap),
    async check({ path }, { round }) {
      done.push(`check ${path}`);
      if (failing.has(path)) throw new Error("a server answered nonsense");
      note(path, found.get(path)!, round);
      return found.get(path)!;
    },
    async repair({ path }, { round }) {
      done.push(`repair ${path}`);
      const before = found.get(path)!;
      found.set(path, healthy);
      note(path, healthy, round);
      return { before, after: healthy, written: 10 - before.good };
    },
  };
  async function* walk(): AsyncGenerator<Tended> {
    for (const path of found.keys()) {
      const cap = chk(1000);
      indexes.set(cap, path);
      yield { path, cap };
    }
  }
  const make = () =>
    createCare({
      ...{ clock, rows, changed: () => {} },
      log: createLog({ clock, level: "error", write: (line) => assert.fail(line) }),
      pace: createPace(clock, () => 1_000_000),
      deposits: { leave: async () => {}, tend: async () => {}, grid: async () => undefined },
      accounts: async () => [{ account: "anna", grid, checking, walk }],
      notes: createNotes({ note: (name) => notes.get(name), setNote: (name, value) => void notes.set(name, value) }),
    });
  const advance = async (ms: number) => {
    for (let left = ms; left > 0; left -= CARE_LOOK_MS / 2) {
      clock.advance(Math.min(left, CARE_LOOK_MS / 2));
      for (let turn = 0; turn < 6; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const since = () => done.splice(0);
  return { clock, rows, states, found, failing, make, advance, since };
}

test("each file is looked at every three days, and a restart goes on where it was", async () => {
  const { make, advance, since, rows } = world(["x", "y"]);
  const care = make();
  care.start();
  await advance(2 * CARE_LOOK_MS);
  assert.deepEqual(since(), ["check x", "check y"]);
  await advance(SERVERS_SETTLED_MS + 2 * CARE_LOOK_MS);
  assert.deepEqual(since(), ["check x", "check y"], "the servers are others than before: there were none");
  assert.equal(care.status().state, "waiting");
  await care.stop();
  const again = make();
  again.start();
  await advance(2 * HOUR_MS);
  assert.deepEqual(since(), []);
  await advance(CARE_EVERY_MS);
  assert.deepEqual(since(), ["check x", "check y"]);
  assert.deepEqual(rows.counts("anna"), { healthy: 2, weak: 0, lost: 0 });
  await again.stop();
});

test("a tree that was taken up is looked at soon, and what is known is not looked at again", async () => {
  const { make, advance, since, found } = world(["x"]);
  const care = make();
  care.start();
  await advance(SERVERS_SETTLED_MS + 5 * CARE_LOOK_MS);
  since();
  found.set("y", healthy);
  await advance(HOUR_MS);
  assert.deepEqual(since(), [], "the next round is in three days");
  care.again();
  await advance(2 * CARE_LOOK_MS);
  assert.deepEqual(since(), ["check y"]);
  await advance(HOUR_MS);
  assert.deepEqual(since(), []);
  await care.stop();
});

test("weak for good: repaired at once. Since a box is away: after twelve hours, or when it is close", async () => {
  const { make, advance, since, found, states } = world(["x"]);
  const care = make();
  care.start();
  await advance(SERVERS_SETTLED_MS + 5 * CARE_LOOK_MS);
  since();
  found.set("x", weak(7));
  states.set("d", "up");
  await advance(SERVERS_SETTLED_MS + 3 * CARE_LOOK_MS);
  assert.deepEqual(since(), ["check x", "repair x"]);

  states.set("d", "away");
  found.set("x", weak(7, ["d"]));
  await advance(SERVERS_SETTLED_MS + 3 * CARE_LOOK_MS);
  assert.deepEqual(since(), ["check x"]);
  await advance(WEAK_EVERY_MS + CARE_LOOK_MS);
  assert.deepEqual(since(), ["check x"], "looked at each hour");
  await advance(CARE_GRACE_MS);
  const later = since();
  assert.deepEqual(later.slice(-1), ["repair x"]);
  assert.ok(later.length <= 14);

  found.set("x", weak(4, ["d"]));
  states.set("d", "up");
  await advance(SERVERS_SETTLED_MS + 3 * CARE_LOOK_MS);
  assert.deepEqual(since(), ["check x", "repair x"], "one share more than are needed");
  await care.stop();
});

test("what could not be looked at is tried again within the hour, and the rest is not", async () => {
  const { make, advance, since, failing } = world(["x", "y"]);
  failing.add("x");
  const care = make();
  care.start();
  await advance(SERVERS_SETTLED_MS + 5 * CARE_LOOK_MS);
  since();
  await advance(WEAK_EVERY_MS + CARE_LOOK_MS);
  assert.deepEqual(since(), ["check x"]);
  failing.delete("x");
  await advance(WEAK_EVERY_MS + CARE_LOOK_MS);
  assert.deepEqual(since(), ["check x"]);
  await advance(2 * WEAK_EVERY_MS);
  assert.deepEqual(since(), [], "it was looked at");
  await care.stop();
});

test("while less than half of the servers answer nothing is done; what is removed is no longer counted", async () => {
  const { make, advance, since, found, states, rows } = world(["x", "y"]);
  const care = make();
  care.start();
  await advance(SERVERS_SETTLED_MS + 5 * CARE_LOOK_MS);
  since();
  found.set("x", weak(3));
  states.set("a", "away").set("b", "away");
  await advance(CARE_EVERY_MS + HOUR_MS);
  assert.deepEqual(since(), []);
  assert.equal(care.status().state, "held");
  states.set("a", "up").set("b", "up");
  found.delete("y");
  await advance(HOUR_MS);
  assert.deepEqual(since().slice(0, 2), ["check x", "repair x"]);
  assert.equal(rows.counts("anna").healthy, 1);
  await care.stop();
});

test("what is to be repaired, and what that costs", () => {
  assert.equal(isRepairDue(healthy, undefined, 0), false);
  assert.equal(
    isRepairDue({ ...healthy, state: "lost", good: 1 }, undefined, 0),
    false,
    "there is nothing to make it of",
  );
  assert.equal(isRepairDue(weak(9), undefined, 0), true);
  assert.equal(isRepairDue(weak(9, ["d"]), undefined, 0), false);
  assert.equal(isRepairDue(weak(4, ["d"]), undefined, 0), true);
  assert.equal(repairBytes(chk(3000), { before: healthy, after: healthy, written: 3 }, CHECK_BYTES), 6000);
  const claimed = repairBytes(chk(2 ** 50), { before: healthy, after: healthy, written: 0 }, CHECK_BYTES);
  assert.equal(claimed, CHECK_BYTES, "what a cap says of its size holds up nothing when nothing was written");
});

test("the budget: so many bytes a second, and no longer than a minute before a new one counts", async () => {
  const clock = virtualClock();
  let rate = 1000;
  const pace = createPace(clock, () => rate);
  const { signal } = new AbortController();
  let isDone = false;
  const spent = pace.spend(5000, signal).then(() => (isDone = true));
  const turns = async () => {
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  await turns();
  clock.advance(4900);
  await turns();
  assert.equal(isDone, false);
  clock.advance(200);
  await spent;
  rate = 1;
  const slow = pace.spend(1_000_000, signal);
  await turns();
  rate = 1_000_000;
  clock.advance(60_000);
  await slow;
  const stopping = new AbortController();
  const broken = pause(clock, HOUR_MS, stopping.signal);
  stopping.abort(new Error("the service stops"));
  await assert.rejects(broken, /the service stops/);
});
