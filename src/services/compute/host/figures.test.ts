/** Figures of slivers without an engine: rates, the hour that is kept, one question for all who look. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "../../../kernel/log.ts";
import { virtualClock } from "../../../kernel/virtual-clock.ts";
import { openStore } from "../../../platform/store.ts";
import { LENDS_NOTHING } from "../../../protocols/compute/lending.ts";
import { FIGURES_EVERY_MS, FIGURES_FRESH_MS, FIGURES_KEPT_MAX } from "../constants.ts";
import { Books } from "./books.ts";
import { Figures } from "./figures.ts";
import type { FiguresNeeds } from "./figures.ts";

const SLIVER = "abcdefgh";
const GIB = 2 ** 30;
const borrower = { box: "borrower", owner: "Biel", zone: "", effort: 0 };
const sizes = { cores: 1, memoryBytes: GIB, diskBytes: GIB, egressBytesPerS: 0 };
const spec = { kind: "container", image: "a".repeat(64), reach: "slice", ...sizes } as const;

type State = Awaited<ReturnType<FiguresNeeds["instances"]["states"]>>[number];

function world() {
  const clock = virtualClock();
  const lent = { cores: 4, memoryBytes: 4 * GIB, diskBytes: 4 * GIB, egressBytesPerS: 0 };
  const policy = { ...LENDS_NOTHING, to: "community", lent, slivers: 4, priority: "arrival" } as const;
  const books = new Books({ store: openStore(":memory:"), policy: () => policy });
  const engine = { asked: 0, cpuNs: 0, snapshots: 0, isRunning: true, receivedBytes: 0 };
  const state = async () => {
    engine.asked += 1;
    const network = { name: "eth0", hostName: "", mac: "", addresses: [] };
    const networks = [{ ...network, receivedBytes: engine.receivedBytes, sentBytes: 0 }];
    const used = {
      cpuNs: engine.cpuNs,
      memoryBytes: 1000,
      memoryPeakBytes: 0,
      diskBytes: 2000,
      processes: 3,
      networks,
    };
    return { status: engine.isRunning ? "running" : "stopped", pid: 1, ...used } as const;
  };
  const states = async () => [{ name: "one", snapshots: engine.snapshots, state: await state() }] as unknown as State[];
  const reconciler = { instanceOf: (sliver: string) => (sliver === SLIVER ? { name: "one" } : undefined) };
  const needs = {
    clock,
    log: createLog({ clock, level: "error", write: () => {} }),
    books,
    reconciler,
    instances: { states, state },
  };
  const figures = new Figures(needs as unknown as FiguresNeeds);
  const book = () => {
    const leaseEndMs = clock.wallMs() + 1e9;
    books.reserve({ sliver: SLIVER, borrower, spec, leaseEndMs, nowMs: clock.wallMs(), zone: "" });
  };
  return { clock, books, engine, figures, book };
}

test("rates are averages since the reading before; a new start begins again", async () => {
  const { clock, engine, figures, book } = world();
  book();
  assert.equal((await figures.of(SLIVER)).now?.cores, null);
  clock.advance(10_000);
  Object.assign(engine, { cpuNs: 5e9, receivedBytes: 30_000 });
  const { now } = await figures.of(SLIVER);
  const { ageMs, ...figuresNow } = now!;
  assert.equal(ageMs, 0);
  assert.deepEqual(figuresNow, {
    ...{ cores: 0.5, memoryBytes: 1000, diskBytes: 2000, processes: 3 },
    ...{ receivedBytesPerS: 3000, sentBytesPerS: 0 },
  });
  clock.advance(10_000);
  engine.cpuNs = 1e9;
  assert.equal((await figures.of(SLIVER)).now?.cores, null);
  clock.advance(10_000);
  engine.isRunning = false;
  assert.equal((await figures.of(SLIVER)).now, null);
});

test("all who look share one question, and nobody's slivers are not asked about", async () => {
  const { clock, engine, figures, book } = world();
  figures.start();
  await clock.advanceSettled(10 * FIGURES_EVERY_MS, FIGURES_EVERY_MS);
  assert.equal(engine.asked, 0);
  book();
  await Promise.all([figures.of(SLIVER), figures.of(SLIVER), figures.of("other")]);
  clock.advance(FIGURES_FRESH_MS - 1);
  await figures.of(SLIVER);
  assert.equal(engine.asked, 1);
  clock.advance(1);
  await figures.of(SLIVER);
  assert.equal(engine.asked, 2);
  figures.stop();
});

test("a sample a minute is kept, for an hour", async () => {
  const { clock, books, figures, book } = world();
  book();
  figures.start();
  await clock.advanceSettled(2 * FIGURES_EVERY_MS, FIGURES_EVERY_MS);
  assert.equal((await figures.of(SLIVER)).samples.length, 2);
  await clock.advanceSettled((FIGURES_KEPT_MAX + 5) * FIGURES_EVERY_MS, FIGURES_EVERY_MS);
  const { samples } = await figures.of(SLIVER);
  assert.equal(samples.length, FIGURES_KEPT_MAX);
  assert.ok(samples.every(({ ageMs }) => ageMs <= FIGURES_KEPT_MAX * FIGURES_EVERY_MS));
  books.forget(SLIVER);
  await clock.advanceSettled(FIGURES_EVERY_MS, FIGURES_EVERY_MS);
  assert.equal((await figures.of(SLIVER)).samples.length, 0);
  figures.stop();
});

test("snapshots that the books do not know are counted, and those that are being made are not forgotten", async () => {
  const { clock, books, engine, figures, book } = world();
  book();
  engine.snapshots = 2;
  figures.start();
  await clock.advanceSettled(FIGURES_EVERY_MS, FIGURES_EVERY_MS);
  assert.equal(books.snapshotsOf(SLIVER), 2);
  books.noteSnapshots(SLIVER, 3);
  await clock.advanceSettled(FIGURES_EVERY_MS, FIGURES_EVERY_MS);
  figures.stop();
  assert.equal(books.snapshotsOf(SLIVER), 3);
  assert.equal(books.used().diskBytes, 4 * GIB);
  // The lease of what has snapshots is renewed as any other, and nothing new finds room.
  const wish = { borrower, spec, leaseEndMs: clock.wallMs() + 1e9, nowMs: clock.wallMs(), zone: "" };
  assert.equal(books.reserve({ ...wish, sliver: SLIVER }).state, "granted");
  assert.equal(books.hasRoomAgain(SLIVER), false);
  assert.deepEqual(books.reserve({ ...wish, sliver: "ijklmnop" }).state, "refused");
  books.noteSnapshots(SLIVER, 2);
  assert.equal(books.hasRoomAgain(SLIVER), true);
  assert.equal(books.reserve({ ...wish, sliver: "ijklmnop" }).state, "granted");
});
