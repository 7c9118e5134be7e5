/**
 * Listings over members that differ: each acknowledged key is on a majority, and any one member may have missed it, or
 * that it was removed. Whom they ask, how often, and what it costs.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seededRandom } from "../../kernel/random.ts";
import { decodeFrame, encodeFrame } from "./codec.ts";
import { LIST_KEYS_MAX, LIST_SLOTS, LOOKED_KEYS_MAX, OPERATION_TIMEOUT_MS, RETRY_MS, SLOTS } from "./constants.ts";
import { encodeContent } from "./content.ts";
import type { Effect, KvEvent, ListCursor } from "./events.ts";
import { TICK_MS } from "./events.ts";
import type { Message } from "./messages.ts";
import { createKvNode } from "./node.ts";
import { encodeSlot, Slot } from "./slot.ts";
import { slotOf } from "./slots.ts";

const MEMBERS = [1, 2, 3];
/** Takes part, and is a member of nothing. */
const STRANGER = 4;
const ALL = [...MEMBERS, STRANGER];
const START_MS = 100_000;

/** `n` 1 and 3 are values, 2 is a removal, 4 a value whose end has come; each is newer than the one before. */
type Life = 1 | 2 | 3 | 4;
const isThere = (n: Life) => n === 1 || n === 3;

interface Held {
  slots: number;
  /** Of each key the newest that a majority has, and the member that has missed it and holds this instead. */
  keys: ReadonlyMap<string, { now: Life; behind?: number | undefined; before?: Life | undefined }>;
  /** 1, unless it says otherwise. */
  views?: Partial<Record<number, number>>;
  members?: readonly number[];
}

class Community {
  nowMs = START_MS;
  sent: { from: number; to: number; message: Message }[] = [];
  isLost: (from: number, to: number, message: Message) => boolean = () => false;
  readonly #nodes = new Map<number, ReturnType<typeof createKvNode>>();
  readonly #ends: Effect[] = [];
  #todo: { to: number; event: KvEvent }[] = [];

  constructor(held: Held) {
    for (const node of ALL) {
      const config = { node, life: node + 10, degree: 3, slots: held.slots, quotaBytes: () => 2 ** 30 };
      const stored = (held.members ?? MEMBERS).includes(node) ? rowsOf(held, node) : [];
      this.#nodes.set(node, createKvNode(config, { random: seededRandom(node), stored }));
      // Members change no group, whatever hashing would have.
      const nodes = node === STRANGER ? MEMBERS : [];
      this.step(node, { type: "peers", up: ALL, nodes, leaving: [] });
    }
  }

  step(to: number, event: KvEvent): void {
    this.#todo.push({ to, event });
    if (this.#todo.length > 1) return;
    for (; this.#todo.length > 0; this.#todo.shift()) {
      const next = this.#todo[0]!;
      for (const effect of this.#nodes.get(next.to)!.step(this.nowMs, this.nowMs, next.event)) {
        if (effect.type === "send") this.#send(next.to, effect.to, effect.messages);
        else if (effect.type === "listed" || effect.type === "failed") this.#ends.push(effect);
      }
    }
  }

  #send(from: number, to: number, messages: readonly Message[]): void {
    const arriving = messages.filter((message) => !this.isLost(from, to, message));
    for (const message of messages) this.sent.push({ from, to, message });
    if (arriving.length > 0)
      this.#todo.push({ to, event: { type: "frame", from, messages: decodeFrame(encodeFrame(arriving)) } });
  }

  /** One page, and how long it took. */
  page(at: number, options: { prefix?: string; limit: number; cursor?: ListCursor | undefined }) {
    const { prefix = "", limit, cursor } = options;
    const startMs = this.nowMs;
    this.step(at, { type: "list", id: 1, prefix, limit, ...(cursor ? { cursor } : {}) });
    while (this.#ends.length === 0) {
      this.nowMs += TICK_MS;
      this.step(at, { type: "tick" });
    }
    return { end: this.#ends.shift()!, tookMs: this.nowMs - startMs };
  }

  all(at: number, options: { prefix?: string; limit: number }): string[] {
    const keys: string[] = [];
    let cursor: ListCursor | undefined;
    do {
      const { end } = this.page(at, { ...options, cursor });
      assert.ok(end.type === "listed", JSON.stringify(end));
      assert.ok(end.keys.length <= options.limit);
      keys.push(...end.keys);
      cursor = end.next;
    } while (cursor);
    return keys;
  }
}

const CONTENTS = ([1, 2, 3, 4] as const).map((n) => {
  const version = { round: 1, node: 1, n };
  const value = n === 2 ? null : new Uint8Array(1);
  return encodeContent({ version, set: version, value, expiresMs: n === 4 ? START_MS - 1 : null, origins: [] });
});

function rowsOf({ slots, keys, views, members = MEMBERS }: Held, node: number): { id: string; bytes: Uint8Array }[] {
  const id = (number: number) => String.fromCharCode(number >> 8, number & 255);
  const rows = Array.from({ length: slots }, (_, number) => {
    return {
      id: `s${id(number)}`,
      bytes: encodeSlot(new Slot(number, { number: views?.[node] ?? 1, members }, "ready")),
    };
  });
  for (const [key, { now, behind, before }] of keys) {
    const n = behind === node ? before : now;
    if (n === undefined) continue;
    rows.push({ id: `k${id(slotOf(key, slots))}${key}`, bytes: CONTENTS[n - 1]! });
  }
  return rows;
}

const life = fc.constantFrom<Life>(1, 2, 3, 4);
const lives = fc
  .record({ now: life, behind: fc.option(fc.constantFrom(...MEMBERS), { nil: undefined }), before: fc.nat({ max: 3 }) })
  .map(({ now, behind, before }) => ({ now, behind, before: (before % now || undefined) as Life | undefined }));
const keys = fc.dictionary(
  fc.tuple(fc.constantFrom("a/", "b/"), fc.nat({ max: 60 })).map(([prefix, at]) => `${prefix}${at}`),
  lives,
  { maxKeys: 60, noNullPrototype: true },
);

test("whoever is behind in what: all that is there, once, and nothing else, for every box and limit", () => {
  const prefix = fc.constantFrom("", "a/");
  const some = fc.record({
    keys,
    slots: fc.constantFrom(1, 5),
    at: fc.constantFrom(...ALL),
    limit: fc.integer({ min: 1, max: 9 }),
    prefix,
  });
  fc.assert(
    fc.property(some, ({ keys: held, slots, at, limit, prefix: begin }) => {
      const community = new Community({ slots, keys: new Map(Object.entries(held)) });
      const wanted = Object.entries(held).flatMap(([key, { now }]) =>
        isThere(now) && key.startsWith(begin) ? [key] : [],
      );
      assert.deepEqual(community.all(at, { prefix: begin, limit }).toSorted(), wanted.toSorted());
      assert.equal(community.nowMs, START_MS, "and nobody is waited for");
    }),
  );
});

function many(count: number): Held["keys"] {
  return new Map(Array.from({ length: count }, (_, at) => [`k${at}`, { now: 1 as const }]));
}

test("a few keys in all slots are found in one round, for a small page in two", () => {
  const community = new Community({ slots: SLOTS, keys: many(66) });
  const few = LIST_SLOTS / 2;
  for (const [limit, found, slots] of [
    [LIST_KEYS_MAX, 66, [SLOTS]],
    [few, few, [LIST_SLOTS, SLOTS]],
  ] as const) {
    community.sent = [];
    const { end } = community.page(1, { limit });
    assert.ok(end.type === "listed" && end.keys.length === found);
    const asked = community.sent.flatMap(({ message }) => (message.type === "list" ? [message.slots.length] : []));
    assert.equal(asked.length, slots.length);
    assert.equal(asked[0], slots[0]);
    assert.equal(community.sent.length, 2 * slots.length, "to one other member, and back");
  }
});

test("a member tells so much at one time", () => {
  const community = new Community({ slots: SLOTS, keys: many(20_000) });
  const { end } = community.page(1, { limit: 10 * LIST_KEYS_MAX });
  assert.ok(end.type === "listed" && end.keys.length === LIST_KEYS_MAX && end.next);
  for (const { message } of community.sent)
    if (message.type === "listed")
      assert.ok(message.slots.reduce((sum, one) => sum + one.keys.length, 0) <= LIST_KEYS_MAX);
});

test("more keys than a member looks at in one step: it goes on in the next", () => {
  const keys = many(LOOKED_KEYS_MAX + 10_000);
  for (const [members, tookMs] of [
    [[1, 2], 0],
    [[1], TICK_MS],
  ] as const) {
    const community = new Community({ slots: 4, keys, members });
    const page = community.page(1, { limit: 5, prefix: "none" });
    assert.deepEqual(page, { end: { type: "listed", id: 1, keys: [], next: undefined }, tookMs });
    const asked = community.sent.filter(({ message }) => message.type === "list");
    assert.equal(asked.length, members.length > 1 ? 2 : 0);
  }
});

test("who does not answer is asked only once more, with the third; then it is asked last", () => {
  const community = new Community({ slots: 8, keys: many(20) });
  community.isLost = (_from, to) => to === 2;
  const first = community.page(1, { limit: 9 });
  assert.ok(first.end.type === "listed" && first.end.keys.length === 9);
  assert.equal(first.tookMs, RETRY_MS);
  community.sent = [];
  assert.equal(community.all(1, { limit: 9 }).length, 20);
  assert.equal(community.nowMs, START_MS + first.tookMs);
  assert.ok(community.sent.every(({ to }) => to !== 2));
});

test("a late answer counts, also when all have been asked again", () => {
  const community = new Community({ slots: 8, keys: many(20) });
  const late: Message[] = [];
  community.isLost = (from, to, message) => {
    if (message.type === "listed") late.push(message);
    return message.type === "listed" || to === 3 || from === 3;
  };
  community.step(1, { type: "list", id: 1, prefix: "", limit: 50 });
  for (let ms = 0; ms < RETRY_MS; ms += TICK_MS) {
    community.nowMs += TICK_MS;
    community.step(1, { type: "tick" });
  }
  assert.equal(late.length, 2);
  community.step(1, { type: "frame", from: 2, messages: late.slice(0, 1) });
  const { end, tookMs } = community.page(STRANGER, { limit: 1 });
  assert.ok(end.type === "listed" && end.keys.length === 20 && tookMs === 0, "the answer of the first list");
});

test("without a majority there is no list", () => {
  const community = new Community({ slots: 8, keys: many(20) });
  community.isLost = () => true;
  const { end, tookMs } = community.page(1, { limit: 50 });
  assert.deepEqual([end, tookMs], [{ type: "failed", id: 1, why: "no-majority" }, OPERATION_TIMEOUT_MS]);
});

test("a member in another view is none of the majority", () => {
  // What 1 has missed, 2 has; but 2 is still in the view before, in which it may have missed something else.
  const held = new Map([["k", { now: 1 as const, behind: 1 }]]);
  const community = new Community({ slots: 1, keys: held, views: { 1: 2, 2: 1, 3: 2 } });
  assert.deepEqual(community.all(1, { limit: 5 }), ["k"]);
  assert.ok(community.sent.some(({ from, message }) => from === 3 && message.type === "listed"));
  assert.equal(community.nowMs, START_MS);
});

test("a hundred thousand keys: each page takes little more than itself", (t) => {
  const community = new Community({ slots: SLOTS, keys: many(100_000) });
  assert.equal(new Set(community.all(1, { limit: LIST_KEYS_MAX })).size, 100_000);
  const told = community.sent.flatMap(({ message }) => (message.type === "listed" ? message.slots : []));
  const count = told.reduce((sum, one) => sum + one.keys.length, 0);
  t.diagnostic(`${count} keys told by others`);
  assert.ok(count <= 110_000, `${count}`);
});
