/** One node by itself: its limits, its lists and watches, and what it forgets. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../src/kernel/random.ts";
import {
  BATCH_OPS_MAX,
  LIST_KEYS_MAX,
  OPEN_OPS_MAX,
  ORIGINS_MAX,
  TOMBSTONE_MS,
  WAITING_BATCHES_MAX,
  WATCHERS_MAX,
} from "../../src/protocols/kv/constants.ts";
import type { Effect, KvEvent } from "../../src/protocols/kv/events.ts";
import { TICK_MS } from "../../src/protocols/kv/events.ts";
import type { Message } from "../../src/protocols/kv/messages.ts";
import { createKvNode } from "../../src/protocols/kv/node.ts";
import type { KvNode } from "../../src/protocols/kv/node.ts";
import { Slot, encodeSlot } from "../../src/protocols/kv/slot.ts";
import type { Command } from "../../src/protocols/kv/types.ts";

const ANOTHER = 99;
const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const put = (text: string): Command => ({ type: "put", value: bytes(text), expiry: { type: "never" } });

class Alone {
  readonly node: KvNode;
  nowMs = 1_000;
  #id = 0;

  constructor({
    slots = 1,
    quotaBytes = 2 ** 30,
    members = [1],
  }: { slots?: number; quotaBytes?: number; members?: number[] } = {}) {
    const rows = Array.from({ length: slots }, (_, number) => {
      const id = `s${String.fromCharCode(number >> 8, number & 255)}`;
      return { id, bytes: encodeSlot(new Slot(number, { number: 0, members }, "ready")) };
    });
    const config = { node: 1, life: 10, degree: 3, slots, quotaBytes: () => quotaBytes };
    this.node = createKvNode(config, { random: seededRandom(1), stored: members.length > 0 ? rows : [] });
  }

  /** All that comes of it, with a disk that needs no time. */
  step(event: KvEvent): Effect[] {
    const effects = this.node.step(this.nowMs, this.nowMs, event);
    for (const effect of effects)
      if (effect.type === "store")
        effects.push(...this.node.step(this.nowMs, this.nowMs, { type: "stored", no: effect.no }));
    return effects;
  }

  run(key: string, command: Command): Effect | undefined {
    const id = ++this.#id;
    return this.step({ type: "operation", id, key, command }).find((one) => "id" in one && one.id === id);
  }

  pass(ms: number): Effect[] {
    const effects: Effect[] = [];
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; this.nowMs += TICK_MS)
      effects.push(...this.step({ type: "tick" }));
    return effects;
  }

  hear(...messages: Message[]): Message[] {
    return this.step({ type: "frame", from: ANOTHER, messages }).flatMap((effect) =>
      effect.type === "send" && effect.to === ANOTHER ? [...effect.messages] : [],
    );
  }
}

const forward = (origin: number, first: number, tries: number): Message => ({
  ...{ type: "forward", slot: 0, key: "k", origin, first, tries, confirms: undefined },
  commands: [{ type: "add", by: 1n }],
});

test("more operations than it may wait for: too-many", () => {
  const alone = new Alone({ members: [] });
  for (let id = 1; id <= OPEN_OPS_MAX; id++) assert.equal(alone.run(`k${id}`, { type: "get" }), undefined);
  assert.deepEqual(alone.run("k", { type: "get" }), { type: "failed", id: OPEN_OPS_MAX + 1, why: "too-many" });
  assert.ok(alone.pass(20_000).filter(({ type }) => type === "failed").length === OPEN_OPS_MAX);
  assert.equal(alone.node.stats().openOperations, 0);
});

test("operations on one key that come together travel together, up to a limit", () => {
  const alone = new Alone({ members: [ANOTHER] });
  const events = Array.from({ length: BATCH_OPS_MAX + 1 }, (_, at) => at);
  // The first goes at once; the others wait for its answer.
  for (const id of events) alone.step({ type: "operation", id, key: "k", command: { type: "get" } });
  assert.equal(alone.node.counts().forwarded, 1);
});

test("more batches than a coordinator without a ballot keeps: refused", () => {
  const alone = new Alone({ members: [1, ANOTHER] });
  for (let first = 1; first <= WAITING_BATCHES_MAX; first++) alone.hear(forward(5, first, 2));
  const refused = alone.hear(forward(5, WAITING_BATCHES_MAX + 1, 2));
  assert.deepEqual(
    refused.map((one) => one.type === "refused" && one.why),
    ["too-many"],
  );
});

test("an operation that comes again is not done again; when its origin is forgotten it says so", () => {
  const alone = new Alone();
  const sums = (messages: Message[]) =>
    messages.map((one) =>
      one.type === "told" ? (one.told[0]!.answer as { after: bigint }).after : one.type === "refused" && one.why,
    );
  assert.deepEqual(sums(alone.hear(forward(500, 1, 0))), [1n]);
  assert.deepEqual(sums(alone.hear(forward(500, 1, 1))), [1n]);
  for (let origin = 1; origin < ORIGINS_MAX; origin++) alone.hear(forward(origin, 1, 0));
  assert.deepEqual(sums(alone.hear(forward(500, 1, 2))), [1n]);
  alone.hear(forward(ORIGINS_MAX, 1, 0));
  assert.deepEqual(sums(alone.hear(forward(500, 1, 3))), ["forgotten"]);
  assert.deepEqual(sums(alone.hear(forward(501, 1, 0))), [BigInt(ORIGINS_MAX) + 2n]);
});

test("a read that comes again finds that its key has ended, whoever is remembered there", () => {
  const alone = new Alone();
  const short: Command = { type: "put", value: bytes("1"), expiry: { type: "after", ttlMs: 500 } };
  for (let origin = 1; origin <= ORIGINS_MAX; origin++)
    alone.hear({ ...forward(origin, 1, 0), commands: [short] } as Message);
  alone.nowMs += 501;
  const [told] = alone.hear({ ...forward(500, 1, 1), commands: [{ type: "get" }] } as Message);
  assert.ok(told?.type === "told" && told.told[0]!.before === undefined, `${told?.type}`);
});

test("no room: what would need more is refused as full, in whatever slot, and what makes room is not", () => {
  const alone = new Alone({ quotaBytes: 1_500, slots: 16 });
  const large = put("x".repeat(600));
  assert.deepEqual([alone.run("a", large)?.type, alone.run("b", large)?.type], ["done", "done"]);
  assert.deepEqual(alone.run("c", large), { type: "failed", id: 3, why: "full" });
  assert.equal(alone.run("a", { type: "get" })?.type, "done");
  assert.equal(alone.run("b", put("y".repeat(600)))?.type, "done", "as large as what was there");
  assert.equal(alone.run("a", { type: "delete" })?.type, "done");
  assert.equal(alone.run("c", large)?.type, "done");
});

test("pages of a list: each key that is there all the time once, whatever comes and goes meanwhile", () => {
  const alone = new Alone({ slots: 16 });
  const stable = Array.from({ length: 300 }, (_, at) => `p/s${at}`);
  for (const key of [...stable, "other"]) alone.run(key, put("1"));
  for (const limit of [1, 7, 300]) {
    const listed: string[] = [];
    let cursor: { slot: number; after: string | undefined } | undefined;
    for (let page = 0; page === 0 || cursor; page++) {
      alone.run(`p/c${page % 40}`, page % 3 === 0 ? { type: "delete" } : put("2"));
      const event: KvEvent = { type: "list", id: 1e9, prefix: "p/", limit, ...(cursor ? { cursor } : {}) };
      const answer = alone.step(event).find((one) => one.type === "listed");
      assert.ok(answer && answer.keys.length <= limit);
      listed.push(...answer.keys);
      cursor = answer.next;
    }
    assert.deepEqual(listed.filter((key) => key.startsWith("p/s")).toSorted(), stable.toSorted());
    assert.ok(!listed.includes("other"));
  }
  for (let at = 0; at < LIST_KEYS_MAX; at++) alone.run(`p/m${at}`, put("3"));
  const [all] = alone.step({ type: "list", id: 1, prefix: "p/", limit: 1e9 });
  assert.ok(all?.type === "listed" && all.keys.length === LIST_KEYS_MAX && all.next);
});

test("a watch tells the last state of each key, and nothing after its end", () => {
  const alone = new Alone({ slots: 4 });
  alone.step({ type: "peers", up: [1], nodes: [1], leaving: [] });
  alone.step({ type: "watch", id: 7, prefix: "w/" });
  const told = new Map<string, string | undefined>();
  const note = (effects: readonly Effect[]) => {
    for (const one of effects)
      if (one.type === "changed") told.set(one.key, one.now && String.fromCharCode(...one.now.value));
  };
  let id = 100;
  for (let round = 0; round < 5; round++)
    for (const key of ["w/a", "w/b", "v"])
      note(alone.step({ type: "operation", id: ++id, key, command: put(`${key}${round}`) }));
  note(alone.step({ type: "operation", id: ++id, key: "w/b", command: { type: "delete" } }));
  note(alone.pass(1_000));
  assert.deepEqual(
    [...told],
    [
      ["w/a", "w/a4"],
      ["w/b", undefined],
    ],
  );
  alone.step({ type: "unwatch", id: 7 });
  told.clear();
  note(alone.step({ type: "operation", id: ++id, key: "w/a", command: put("late") }));
  assert.equal(told.size, 0);
});

test("no more watchers than its limit", () => {
  const alone = new Alone();
  for (let id = 0; id <= WATCHERS_MAX; id++) alone.hear({ type: "watch", id, prefix: "", isOn: true });
  assert.equal(alone.node.counts().stray, 1);
});

test("a key that ended is removed, a removed key is forgotten after its time, and neither comes back", () => {
  const alone = new Alone();
  alone.run("gone", put("1"));
  alone.run("gone", { type: "delete" });
  alone.run("ended", { type: "put", value: bytes("1"), expiry: { type: "after", ttlMs: 500 } });
  alone.pass(5_000);
  assert.equal(alone.node.stats().keys, 2, "what was removed is remembered");
  alone.nowMs += TOMBSTONE_MS;
  alone.pass(10_000);
  assert.equal(alone.node.stats().keys, 0);
  assert.equal(alone.node.stats().bytes, 0);
  for (const key of ["gone", "ended"]) {
    const effect = alone.run(key, { type: "get" });
    assert.ok(effect?.type === "done" && effect.result.status === "done" && effect.result.after === undefined);
  }
});
