/** A host whose disk is full: what it promises is on the disk or not promised, and what ends makes room. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../../kernel/errors.ts";
import { createLog } from "../../../kernel/log.ts";
import { virtualClock } from "../../../kernel/virtual-clock.ts";
import { LENDS_NOTHING } from "../../../protocols/compute/lending.ts";
import type { SliverSpec, Wish } from "../../../protocols/compute/lending.ts";
import { LOOK_MS } from "../constants.ts";
import { smallStore } from "../full-disk.fixture.ts";
import { OFFER_PATH, RESERVE_PATH, WANT_PATH, encodeMessage } from "../messages.ts";
import { Books } from "./books.ts";
import type { EngineInstance, HostEngine } from "./engine.ts";
import { serveHosting } from "./hosting.ts";
import { Reconciler } from "./reconciler.ts";

const GIB = 2 ** 30;
const LEASE_MS = 3_600_000;
const HOME = "home";
const [ONE, TWO] = ["sliver0001", "sliver0002"] as const;
const spec: SliverSpec = {
  ...{ kind: "container", image: "0".repeat(64), reach: "slice", cores: 1 },
  ...{ memoryBytes: GIB, diskBytes: GIB, egressBytesPerS: 0 },
};

/** A host that lends room for two, and its engine, which does everything at once. */
function stage() {
  const disk = smallStore();
  const clock = virtualClock();
  const lines: string[] = [];
  const instances = new Map<string, EngineInstance>();
  const to = (name: string, state: "running" | "stopped") => {
    const found = [...instances.values()].find((one) => one.name === name)!;
    instances.set(found.mark.sliver, { ...found, state });
  };
  const engine: HostEngine = {
    list: async () => [...instances.values()],
    get: async (sliver) => instances.get(sliver),
    hasImage: async () => true,
    fetchImage: async () => {},
    async create(mark) {
      instances.set(mark.sliver, { name: `i-${mark.sliver}`, mark, state: "stopped" });
    },
    start: async (name) => to(name, "running"),
    stop: async (name) => to(name, "stopped"),
    async remove(name) {
      for (const [sliver, one] of instances) if (one.name === name) instances.delete(sliver);
    },
    limit: async () => {},
  };
  const lent = { cores: 2, memoryBytes: 2 * GIB, diskBytes: 2 * GIB, egressBytesPerS: 0 };
  const policy = () => ({ ...LENDS_NOTHING, lent, slivers: 9, to: "community", priority: "arrival" }) as const;
  const openBooks = () => new Books({ store: disk.store, policy });
  const books = openBooks();
  const log = createLog({ clock, level: "info", write: (line) => void lines.push(line) });
  const reconciler = new Reconciler({ clock, log, books, engine, changed: () => {} });
  const mesh = { selfId: "host", box: () => undefined, serve: () => {} };
  const { answer } = serveHosting({
    ...{ clock, log, mesh, books, reconciler, effortOf: () => 0, hasImage: () => true, hasRoom: () => !disk.isFull },
    run: async () => ({ exitCode: 0, stdout: "", stderr: "" }),
  });
  const ask = (path: string, question: object) => answer(path, HOME, encodeMessage(question));
  const reserve = (sliver: string) => ask(RESERVE_PATH, { sliver, spec, leaseMs: LEASE_MS, wanted: "running" });
  const want = (sliver: string, wanted: string) => ask(WANT_PATH, { sliver, wanted });
  const states = () => Object.fromEntries([...instances].map(([sliver, { state }]) => [sliver, state]));
  /** As the next start would find it. */
  const written = () => openBooks().all();
  const look = () => clock.advanceSettled(LOOK_MS, LOOK_MS);
  const start = async () => {
    reconciler.start();
    await clock.advanceSettled(1, 1);
  };
  return { disk, clock, lines, instances, books, reconciler, ask, reserve, want, states, written, look, start };
}

const isFull = (error: unknown) => isFailure(error, "disk-full");

test("on a full disk nothing is offered nor booked, and afterwards it is", async () => {
  const { disk, ask, books, reserve, states, written, look, start } = stage();
  await start();
  const offer = () => ask(OFFER_PATH, { spec, leaseMs: LEASE_MS });
  assert.deepEqual(await offer(), { fits: 2, hasImage: true, price: 0 });
  disk.isFull = true;
  assert.deepEqual(await offer(), { fits: 0, hasImage: true, price: 0, why: "disk-full" });
  await assert.rejects(reserve(ONE), isFull);
  await look();
  assert.deepEqual([books.size, states()], [0, {}]);
  disk.isFull = false;
  assert.deepEqual([written().length, books.size], [0, 0]);
  await reserve(ONE);
  await look();
  assert.deepEqual(states(), { [ONE]: "running" });
});

test("what is reserved as stopped is so in one write: it is never booked otherwise", async () => {
  const { ask, written, start } = stage();
  await start();
  await ask(RESERVE_PATH, { sliver: ONE, spec, leaseMs: LEASE_MS, wanted: "stopped" });
  assert.deepEqual(
    written().map(({ wanted }) => wanted),
    ["stopped"],
  );
});

test("on a full disk what is to stop goes on, and who asked hears it", async () => {
  const { disk, books, reserve, want, states, look, start } = stage();
  await start();
  await reserve(ONE);
  await look();
  disk.isFull = true;
  await assert.rejects(want(ONE, "stopped"), isFull);
  await look();
  assert.deepEqual([books.get(ONE)?.wanted, states()], ["running", { [ONE]: "running" }]);
  disk.isFull = false;
  assert.deepEqual(await want(ONE, "stopped"), { known: true });
  await look();
  assert.deepEqual(states(), { [ONE]: "stopped" });
});

test("on a full disk what is to go goes, stays in the books, and leaves them when there is room", async () => {
  const { disk, lines, books, reserve, want, states, written, look, start } = stage();
  await start();
  await reserve(ONE);
  await reserve(TWO);
  await look();
  disk.isFull = true;
  await assert.rejects(want(ONE, "gone"), isFull);
  await look();
  assert.deepEqual(states(), { [TWO]: "running" });
  // Until that is written down it is not over: whoever asks again is told so, and its room is not given away.
  await assert.rejects(want(ONE, "gone"), isFull);
  assert.deepEqual([books.get(ONE)?.wanted, books.used().cores], ["gone", 2]);
  for (let round = 0; round < 20; round += 1) await look();
  assert.deepEqual(lines, []);
  disk.isFull = false;
  await look();
  assert.deepEqual([books.get(ONE), written().map(({ sliver }) => sliver)], [undefined, [TWO]]);
  assert.deepEqual(await want(ONE, "gone"), { known: false });
});

test("a lease that ends on a full disk ends, and the books follow", async () => {
  const { disk, books, reserve, states, written, look, start } = stage();
  await start();
  await reserve(ONE);
  await look();
  disk.isFull = true;
  for (let round = 0; round <= LEASE_MS / LOOK_MS + 1; round += 1) await look();
  assert.deepEqual([states(), books.size], [{}, 1]);
  disk.isFull = false;
  await look();
  assert.deepEqual([books.size, written().length], [0, 0]);
});

test("on a full disk notice is given, and written down when there is room", async () => {
  const { disk, clock, books, reserve, states, written, look, start } = stage();
  await start();
  await reserve(ONE);
  await look();
  disk.isFull = true;
  const endMs = clock.wallMs() + 10 * LOOK_MS;
  books.shorten(ONE, endMs);
  assert.deepEqual([books.get(ONE)?.leaseEndMs, written()[0]?.isEvicted], [endMs, false]);
  disk.isFull = false;
  await look();
  assert.deepEqual([written()[0]?.leaseEndMs, written()[0]?.isEvicted], [endMs, true]);
  for (let round = 0; round <= 10; round += 1) await look();
  assert.deepEqual([states(), books.size], [{}, 0]);
});

test("an instance that the books lost is taken in on a full disk as well, and the host goes on", async () => {
  const { disk, clock, instances, books, reconciler, states, written, look, start } = stage();
  const booking: Wish = {
    ...{ sliver: ONE, borrower: { box: HOME, owner: "o", zone: "z", effort: 0 }, spec, zone: "z" },
    ...{ nowMs: clock.wallMs(), leaseEndMs: clock.wallMs() + LEASE_MS },
  };
  const { sliver, borrower, leaseEndMs } = booking;
  const mark = { sliver, booking: JSON.stringify({ sliver, borrower, spec, leaseEndMs }) };
  instances.set(ONE, { name: "i-1", mark, state: "running" });
  disk.isFull = true;
  await start();
  assert.deepEqual([reconciler.isReady, books.size, written().length], [true, 1, 0]);
  disk.isFull = false;
  await look();
  assert.deepEqual([written().length, states()], [1, { [ONE]: "running" }]);
});
