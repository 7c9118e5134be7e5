/**
 * Measuring in virtual time over a real store: on schedule and when looked at, what is written when, what survives a
 * restart and a kill, and each limit.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fail } from "../../kernel/errors.ts";
import { seededRandom } from "../../kernel/random.ts";
import { settled, virtualClock } from "../../kernel/virtual-clock.ts";
import type { VirtualClock } from "../../kernel/virtual-clock.ts";
import { openStore } from "../../platform/store.ts";
import type { Store } from "../../platform/store.ts";
import type { Measured } from "./check.ts";
import { HISTORY_BYTES_MAX, WEEK_MS } from "./history.ts";
import type { Measure, MeasureLimits } from "./measure.ts";
import {
  createMeasure,
  HISTORY_KEPT_MS,
  LOOK_FRESH_MS,
  LOOKS_WAITING_MAX,
  MEASURE_AGAIN_MS,
  MEASURES_AT_ONCE_MAX,
  TOLD_MS,
  UNWRITTEN_MAX,
  WRITE_MS,
} from "./measure.ts";
import { MEASURES_PER_MINUTE_MAX } from "./schedule.ts";
import { discoveryStore } from "./store.ts";
import type { DiscoveryStore } from "./store.ts";

const folder = mkdtempSync(join(tmpdir(), "comu-measure-"));
after(() => rmSync(folder, { recursive: true }));
const MINUTE_MS = 60_000;
const answer: Measured = { sample: { ok: true, lost: false, rttMs: 10, firstByteMs: 20 }, host: "h" };
const silence: Measured = { sample: { ok: false, lost: true, rttMs: null, firstByteMs: null }, host: "h" };

interface Bench {
  measure: Measure;
  clock: VirtualClock;
  probed: string[];
  told: () => number;
  answers: { next: (id: string) => Measured | Promise<Measured> };
}

function bench(
  store: Store,
  services: readonly string[],
  limits: Partial<MeasureLimits> = {},
  clock = virtualClock(),
  rows: DiscoveryStore = discoveryStore(store),
) {
  const probed: string[] = [];
  let told = 0;
  const answers: Bench["answers"] = { next: () => answer };
  const measure = createMeasure({
    clock,
    random: seededRandom(5),
    rows,
    candidates: () =>
      services.map((id) => ({ id, host: `host of ${id}`, boxId: `box of ${id}`, near: false, open: false })),
    boxes: () => 2,
    intervalMs: () => 15 * MINUTE_MS,
    probe: async (id) => {
      probed.push(id);
      return answers.next(id);
    },
    touched: () => {},
    changed: () => (told += 1),
    limits,
  });
  return { measure, clock, probed, told: () => told, answers };
}

const memory = () => openStore(":memory:");

test("on schedule: each about every interval, and pages hear of it now and then", async () => {
  const { measure, clock, probed, told } = bench(memory(), ["a", "b", "c"]);
  measure.start();
  await clock.advanceSettled(150 * MINUTE_MS, 2_000);
  for (const id of ["a", "b", "c"]) {
    const count = probed.filter((one) => one === id).length;
    assert.ok(count >= 9 && count <= 13, `${id}: ${count} times`);
  }
  assert.ok(told() > 0 && told() <= (150 * MINUTE_MS) / TOLD_MS);
  assert.equal(measure.counts().measurements, probed.length);
  assert.equal(measure.intervalMs("a"), 15 * MINUTE_MS);
  measure.stop();
});

test("never more than the budget, with ten times as many services as it suffices for", async () => {
  const services = Array.from({ length: 9000 }, (_, index) => `s${index}`);
  const { measure, clock, probed } = bench(memory(), services);
  measure.start();
  await clock.advanceSettled(10 * MINUTE_MS, 2_000);
  measure.stop();
  assert.ok(probed.length <= 10 * MEASURES_PER_MINUTE_MAX, `${probed.length}`);
  assert.ok(probed.length >= 9 * MEASURES_PER_MINUTE_MAX, `${probed.length}`);
});

test("asked for: at once, shared by who asks together, not again within a moment", async () => {
  const { measure, clock, probed, told } = bench(memory(), []);
  await Promise.all([measure.now("a"), measure.now("a")]);
  await measure.now("a");
  assert.deepEqual([probed, told()], [["a"], 1]);
  clock.advance(MEASURE_AGAIN_MS);
  await measure.now("a");
  assert.equal(probed.length, 2);
  measure.looked("a");
  assert.equal(probed.length, 2, "fresh enough to look at");
  clock.advance(LOOK_FRESH_MS);
  measure.looked("a");
  await settled();
  assert.equal(probed.length, 3);
});

test("so many at one time, so many wait; one more is not measured, and nobody hangs", async () => {
  const { measure, answers, probed } = bench(memory(), []);
  const ends: (() => void)[] = [];
  answers.next = () => new Promise((resolve) => ends.push(() => resolve(answer)));
  const many = MEASURES_AT_ONCE_MAX + LOOKS_WAITING_MAX;
  const waits = Array.from({ length: many }, (_, index) => measure.now(`s${index}`));
  await measure.now("one too many");
  assert.equal(probed.length, MEASURES_AT_ONCE_MAX);
  while (ends.length > 0) {
    ends.shift()!();
    await settled();
  }
  await Promise.all(waits);
  assert.equal(probed.length, many);
});

test("what is refused says so, what must wait is tried again, and what answers again is no more refused", async () => {
  const { measure, clock, answers } = bench(memory(), []);
  answers.next = () => "later";
  await measure.now("a");
  assert.deepEqual(measure.of("a", "h"), { summary: undefined, refused: false, host: undefined });
  answers.next = () => "refused";
  await measure.now("a");
  assert.equal(measure.of("a", "h").refused, true);
  answers.next = () => answer;
  clock.advance(MEASURE_AGAIN_MS);
  await measure.now("a");
  const { refused, summary, host } = measure.of("a", "h");
  assert.deepEqual([refused, summary!.samples, host!.rttMs], [false, 1, 10]);
});

test("an own check counts once in an interval", async () => {
  const { measure, clock } = bench(memory(), []);
  for (let turn = 0; turn < 60; turn += 1) {
    measure.note("own", turn < 5 ? silence : answer);
    clock.advance(MINUTE_MS / 2);
  }
  assert.deepEqual([measure.of("own", "").summary!.samples, measure.of("own", "").summary!.answered], [2, 1]);
});

test("a week without a measurement: the figures are history, and no longer said", async () => {
  const { measure, clock } = bench(memory(), []);
  await measure.now("a");
  clock.advance(WEEK_MS);
  assert.ok(measure.of("a", "h").summary);
  clock.advance(1);
  assert.equal(measure.of("a", "h").summary, undefined);
});

test("a restart keeps all; a kill loses only what was not yet written", async () => {
  const path = join(folder, "kept.db");
  const store = openStore(path);
  const first = bench(store, ["a"]);
  first.measure.start();
  await first.clock.advanceSettled(60 * MINUTE_MS, 2_000);
  const measured = first.measure.of("a", "host of a").summary!.samples;
  await first.clock.advanceSettled(WRITE_MS, 1_000);
  first.clock.advance(MEASURE_AGAIN_MS);
  await first.measure.now("b");
  // Killed: another process opens the file as it is.
  const killed = openStore(path);
  const second = bench(killed, ["a"], {}, first.clock);
  second.measure.start();
  await settled();
  const after = second.measure.of("a", "h").summary!.samples;
  assert.ok(after >= measured && measured >= 3, `${after} of ${measured}`);
  assert.equal(second.measure.of("b", "h").summary, undefined);
  second.measure.stop();
  killed.close();
  // Stopped in order: the last one is written, too.
  first.measure.stop();
  store.close();
  const again = openStore(path);
  const third = bench(again, ["a"], {}, first.clock);
  third.measure.start();
  await settled();
  assert.equal(third.measure.of("b", "h").summary!.samples, 1);
  assert.equal(third.measure.history("a").hours.length >= 1, true);
  third.measure.stop();
  again.close();
});

test("limits: services, bytes, hosts; what was measured longest ago is forgotten, on disk as well", async () => {
  const store = memory();
  const few = bench(store, [], { measuredMax: 3, hostsMax: 2 });
  few.measure.start();
  for (const id of ["a", "b", "c", "a", "d"]) {
    few.clock.advance(MEASURE_AGAIN_MS);
    few.answers.next = () => ({ ...(answer as object), host: id }) as Measured;
    await few.measure.now(id);
  }
  const known = (measure: Measure) => ["a", "b", "c", "d"].filter((id) => measure.of(id, id).summary);
  assert.deepEqual(known(few.measure), ["a", "c", "d"]);
  assert.deepEqual(
    ["a", "b", "c", "d"].filter((id) => few.measure.of(id, id).host),
    ["a", "d"],
  );
  few.measure.stop();
  assert.deepEqual(
    discoveryStore(store)
      .historiesAfter("", 10)
      .map(({ service }) => service),
    ["a", "c", "d"],
  );
  const small = bench(store, [], { bytesMax: 2 * few.measure.counts().bytes }, few.clock);
  small.measure.start();
  await settled();
  assert.deepEqual(known(small.measure), ["a", "c", "d"]);
  for (let turn = 0; turn < 40; turn += 1) {
    small.clock.advance(MEASURE_AGAIN_MS);
    await small.measure.now("d");
  }
  assert.deepEqual(known(small.measure), ["d"]);
  assert.ok(small.measure.counts().bytes <= HISTORY_BYTES_MAX);
  small.measure.stop();
  assert.deepEqual(
    discoveryStore(store)
      .historiesAfter("", 10)
      .map(({ service }) => service),
    ["d"],
  );
});

test("what nobody has measured for a month is forgotten when the box starts", async () => {
  const store = memory();
  const { measure, clock } = bench(store, []);
  await measure.now("old");
  measure.stop();
  clock.advance(HISTORY_KEPT_MS + 1);
  const next = bench(store, [], {}, clock);
  await next.measure.now("new");
  next.measure.start();
  await settled();
  next.measure.stop();
  assert.deepEqual(
    discoveryStore(store)
      .historiesAfter("", 10)
      .map(({ service }) => service),
    ["new"],
  );
});

test("a full disk: figures go on, some histories wait for room, more than that are let go", async () => {
  const store = memory();
  const disk = { isFull: true };
  const rows = discoveryStore(store);
  const { measure, clock } = bench(store, [], {}, virtualClock(), {
    ...rows,
    saveHistories(...given) {
      if (disk.isFull) throw fail("disk-full");
      rows.saveHistories(...given);
    },
  });
  measure.start();
  await measure.now("a");
  clock.advance(WRITE_MS);
  assert.equal(measure.of("a", "h").summary!.samples, 1);
  disk.isFull = false;
  clock.advance(WRITE_MS);
  assert.equal(rows.historiesAfter("", 10).length, 1, "written when there is room");
  disk.isFull = true;
  for (let index = 0; index <= UNWRITTEN_MAX; index += 1) await measure.now(`s${index}`);
  clock.advance(WRITE_MS);
  disk.isFull = false;
  clock.advance(WRITE_MS);
  assert.equal(rows.historiesAfter("", 10).length, 1, "too many to wait");
  assert.equal(measure.of("s0", "h").summary!.samples, 1, "the figures are there all the same");
  measure.stop();
});
