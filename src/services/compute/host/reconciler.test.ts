/** What the reconciler asks of the engine, and how often: a long list costs the engine more than what is changed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "../../../kernel/log.ts";
import { virtualClock } from "../../../kernel/virtual-clock.ts";
import { openStore } from "../../../platform/store.ts";
import { LENDS_NOTHING } from "../../../protocols/compute/lending.ts";
import type { Wish } from "../../../protocols/compute/lending.ts";
import { LOOKED_AT_ALONE_MAX, LOOK_MS, SETTLING_MAX } from "../constants.ts";
import { Books } from "./books.ts";
import type { EngineInstance, HostEngine } from "./engine.ts";
import { Reconciler } from "./reconciler.ts";
import { settled } from "./settling.ts";

const GIB = 2 ** 30;
const IMAGE = "0".repeat(64);

/** An engine that does everything at once, counts what it is asked, and can be held up before an answer. */
function engineOf(calls: string[]) {
  const instances = new Map<string, EngineInstance>();
  const gate: { hold: Promise<void> | undefined } = { hold: undefined };
  const did = (name: string) => void calls.push(name);
  const to = (name: string, state: "running" | "stopped") => {
    const found = [...instances.values()].find((one) => one.name === name)!;
    instances.set(found.mark.sliver, { ...found, state });
  };
  const engine: HostEngine = {
    async list() {
      did("list");
      const seen = [...instances.values()];
      await gate.hold;
      return seen;
    },
    async get(sliver) {
      did("get");
      return instances.get(sliver);
    },
    hasImage: async () => true,
    fetchImage: async () => did("fetch"),
    async create(mark) {
      did("create");
      instances.set(mark.sliver, { name: `i-${mark.sliver}`, mark, state: "stopped" });
    },
    async start(name) {
      did("start");
      to(name, "running");
    },
    async stop(name, _signal, force) {
      did(force ? "kill" : "stop");
      to(name, "stopped");
    },
    async remove(name) {
      did("remove");
      for (const [sliver, one] of instances) if (one.name === name) instances.delete(sliver);
    },
    limit: async () => did("limit"),
  };
  return { engine, gate };
}

function stage() {
  const calls: string[] = [];
  const clock = virtualClock();
  const { engine, gate } = engineOf(calls);
  const lent = { cores: 200, memoryBytes: 200 * GIB, diskBytes: 2000 * GIB, egressBytesPerS: 0 };
  const policy = () => ({ ...LENDS_NOTHING, lent, slivers: 200, to: "community", priority: "arrival" }) as const;
  const books = new Books({ store: openStore(":memory:"), policy });
  const log = createLog({ clock, level: "error", write: (line) => assert.fail(line) });
  const reconciler = new Reconciler({ clock, log, books, engine, changed: () => {} });
  const wishOf = (sliver: string): Wish => ({
    ...{ sliver, borrower: { box: "b", owner: "o", zone: "z", effort: 0 }, zone: "z", nowMs: clock.wallMs() },
    spec: {
      ...{ kind: "container", image: IMAGE, reach: "slice", cores: 1 },
      ...{ memoryBytes: GIB, diskBytes: GIB, egressBytesPerS: 0 },
    },
    leaseEndMs: clock.wallMs() + 3_600_000,
  });
  const book = (sliver: string) => {
    assert.equal(books.reserve(wishOf(sliver)).state, "granted");
    reconciler.poke(sliver);
  };
  const stateOf = (sliver: string) => reconciler.stateOf(books.get(sliver)!);
  return { calls, clock, gate, books, reconciler, book, stateOf };
}

/** Lets everything that waits for no time go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) await Promise.resolve();
}

const name = (at: number) => `sliver${String(at).padStart(4, "0")}`;

test("one sliver is made and started without a list of all", async () => {
  const { calls, reconciler, book, stateOf } = stage();
  reconciler.start();
  await settle();
  assert.deepEqual(calls.splice(0), ["list"]);
  book(name(1));
  await settle();
  assert.equal(stateOf(name(1)), "running");
  assert.deepEqual(calls.splice(0), ["get", "create", "get", "start", "get"]);
  await reconciler.stop();
});

test("many at once are looked at in one list", async () => {
  const { calls, reconciler, book } = stage();
  reconciler.start();
  await settle();
  calls.splice(0);
  for (let at = 0; at < LOOKED_AT_ALONE_MAX + 2; at += 1) book(name(at));
  await settle();
  // The first one is looked at alone; the others come in meanwhile, one more than is looked at one by one.
  assert.deepEqual(calls.filter((one) => one === "list").length, 1);
  await reconciler.stop();
});

test("at rest the engine is asked once a round, however many slivers there are", async () => {
  const { calls, clock, reconciler, book, stateOf } = stage();
  reconciler.start();
  await settle();
  for (let at = 0; at < 100; at += 1) book(name(at));
  for (let turn = 0; turn < 40; turn += 1) await settle();
  assert.equal(stateOf(name(99)), "running");
  calls.splice(0);
  for (let round = 0; round < 3; round += 1) {
    clock.advance(LOOK_MS);
    await settle();
  }
  assert.deepEqual(calls, ["list", "list", "list"]);
  await reconciler.stop();
});

test("what the engine said before a step ended is not taken for what is now", async () => {
  const { calls, clock, gate, reconciler, book, stateOf } = stage();
  reconciler.start();
  await settle();
  let open = () => {};
  gate.hold = new Promise((resolve) => (open = resolve));
  // All are looked at; the list is taken before the sliver is made, and comes after it.
  book(name(1));
  clock.advance(LOOK_MS);
  await settle();
  gate.hold = undefined;
  open();
  await settle();
  assert.equal(stateOf(name(1)), "running");
  assert.deepEqual(
    calls.filter((one) => one === "create" || one === "start"),
    ["create", "start"],
  );
  await reconciler.stop();
});

test("what has to go is ended by force; what is to stop is asked to", async () => {
  const { calls, books, reconciler, book, stateOf } = stage();
  reconciler.start();
  await settle();
  book(name(1));
  await settle();
  calls.splice(0);
  books.want(name(1), "stopped");
  reconciler.poke(name(1));
  await settle();
  assert.equal(stateOf(name(1)), "stopped");
  books.want(name(1), "running");
  reconciler.poke(name(1));
  await settle();
  books.want(name(1), "gone");
  reconciler.poke(name(1));
  await settle();
  assert.equal(books.get(name(1)), undefined);
  assert.deepEqual(
    calls.filter((one) => one !== "get"),
    ["stop", "start", "kill", "remove"],
  );
  await reconciler.stop();
});

test("who waits hears when it stands, or after a while, or at once when too many wait", async () => {
  const { clock, books, reconciler, book } = stage();
  const wait = (sliver: string) => settled({ clock, reconciler }, [sliver], 1_000, (one) => books.get(one));
  assert.equal(await wait(name(9)), true);
  book(name(1));
  const early = wait(name(1));
  clock.advance(1_000);
  assert.equal(await early, false);
  const held = Array.from({ length: SETTLING_MAX }, () => wait(name(1)));
  assert.equal(await wait(name(1)), false);
  reconciler.start();
  assert.deepEqual([...new Set(await Promise.all(held))], [true]);
  assert.equal(await wait(name(1)), true);
  await reconciler.stop();
});
