/** How much a node does at one time, remembers and sends in one go, and when it says something again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../kernel/random.ts";
import * as limit from "./constants.ts";
import { encodeContent } from "./content.ts";
import { TICK_MS, type Effect, type KvEvent } from "./events.ts";
import type { Forward, Message, MessageType } from "./messages.ts";
import { createKvNode } from "./node.ts";
import { encodeSlot, Slot } from "./slot.ts";
import type { SlotStatus } from "./slot.ts";
import type { Command } from "./types.ts";

const [SELF, OTHER] = [1, 2];
const VERSION = { round: 1, node: SELF, n: 1 };

interface Held {
  slots?: number;
  /** None: it is a member of nothing. */
  members?: readonly number[];
  /** Of slot 0: each key, and when it ends. */
  keys?: readonly (readonly [key: string, expiresMs: number | null])[];
  valueBytes?: number;
  /** Keys of each slot, beside those. */
  keysEach?: number;
  status?: SlotStatus;
}

/** A node that begins with this on its disk, which needs no time. */
function begin({ slots = 1, members = [SELF], keys = [], valueBytes = 1, keysEach = 0, status = "ready" }: Held) {
  const textOf = (slot: number) => String.fromCharCode(slot >> 8, slot & 255);
  const rows = Array.from({ length: members.length > 0 ? slots : 0 }, (_, number) => ({
    id: `s${textOf(number)}`,
    bytes: encodeSlot(new Slot(number, { number: 0, members }, status)),
  }));
  const hold = (slot: number, key: string, expiresMs: number | null) => {
    const content = { version: VERSION, set: VERSION, value: new Uint8Array(valueBytes), expiresMs, origins: [] };
    rows.push({ id: `k${textOf(slot)}${key}`, bytes: encodeContent(content) });
  };
  for (const [key, expiresMs] of keys) hold(0, key, expiresMs);
  for (let at = 0; at < slots * keysEach; at++) hold(at % slots, `k${at}`, null);
  const config = { node: SELF, life: 10, degree: 3, slots, quotaBytes: () => 2 ** 30 };
  const node = createKvNode(config, { random: seededRandom(1), stored: rows });
  let nowMs = 10_000;
  const step = (event: KvEvent): Effect[] => {
    const effects = node.step(nowMs, nowMs, event);
    for (const effect of effects)
      if (effect.type === "store") effects.push(...node.step(nowMs, nowMs, { type: "stored", no: effect.no }));
    return effects;
  };
  step({ type: "peers", up: [SELF, OTHER], nodes: [], leaving: [] });
  return {
    node,
    step,
    /** What it answers to the other. */
    hear: (...messages: readonly Message[]) => sentBy(step({ type: "frame", from: OTHER, messages })),
    /** What it then says to the other. */
    tick: (afterMs: number): Message[] => {
      nowMs += afterMs;
      return sentBy(step({ type: "tick" }));
    },
  };
}

function sentBy(effects: readonly Effect[]): Message[] {
  return effects.flatMap((effect) => (effect.type === "send" && effect.to === OTHER ? [...effect.messages] : []));
}

function only<T extends MessageType>(type: T, messages: readonly Message[]): Extract<Message, { type: T }>[] {
  return messages.filter((one): one is Extract<Message, { type: T }> => one.type === type);
}

const put = (bytes: number): Command => ({ type: "put", value: new Uint8Array(bytes), expiry: { type: "never" } });
const forward = (key: string, command: Command): Forward => {
  return { type: "forward", slot: 0, key, origin: 77, first: 1, commands: [command], tries: 2, confirms: undefined };
};
const of = { slot: 0, view: 0 };

test("so many groups change at one time; when they have, the others do", () => {
  const more = 6;
  const { node, step, tick } = begin({ slots: limit.VIEW_CHANGES_MAX + more });
  step({ type: "peers", up: [SELF, OTHER], nodes: [SELF, OTHER], leaving: [] });
  const learning = tick(0).filter(({ type }) => type === "learn");
  assert.deepEqual([learning.length, node.stats().moves], [limit.VIEW_CHANGES_MAX, limit.VIEW_CHANGES_MAX]);
  const learned = learning.map((one) => ({ ...one, type: "learned" }) as Message);
  step({ type: "frame", from: OTHER, messages: learned });
  assert.equal(node.stats().moves, 0);
  assert.equal(tick(50).filter(({ type }) => type === "learn").length, more);
});

test("a node that works for clients has no more groups change until the others have what they need", () => {
  const { step, tick } = begin({ slots: 3 * limit.VIEW_CHANGES_MAX });
  const work = (count: number) => {
    for (let id = 0; id < count; id++) step({ type: "operation", id, key: `k${id}`, command: put(1) });
  };
  const begun = (ms: number) => only("learn", tick(ms));
  const hear = (messages: Message[]) => step({ type: "frame", from: OTHER, messages });
  work(limit.USED_ROUNDS);
  step({ type: "peers", up: [SELF, OTHER], nodes: [SELF, OTHER], leaving: [] });
  const some = begun(limit.VIEW_LOOK_MS);
  assert.equal(some.length, limit.VIEW_CHANGES_MAX);
  hear(some.map((one) => ({ ...one, type: "learned" })));
  assert.equal(begun(TICK_MS).length, 0);
  hear(some.map(({ slot, view }) => ({ type: "ready", slot, view })));
  assert.equal(begun(TICK_MS).length, limit.VIEW_CHANGES_MAX);
});

test("a member asks about so many slots at one time whether there are newer views, and then about the others", () => {
  const more = 5;
  const { tick } = begin({ slots: limit.ASKED_AROUND_MAX + more, members: [SELF, OTHER] });
  const asked = () => tick(limit.LEFT_ASK_MS).flatMap((one) => (one.type === "ask-ready" ? [one.slot] : []));
  const [first, second] = [asked(), asked()];
  assert.deepEqual([first.length, second.length], [limit.ASKED_AROUND_MAX, more]);
  assert.equal(new Set([...first, ...second]).size, limit.ASKED_AROUND_MAX + more);
});

test("a node lets go of so many keys of slots that it left in a tick", () => {
  const held = Math.ceil(limit.DROPPED_KEYS_MAX / 2);
  const { node, step, tick } = begin({ slots: 3, status: "fenced", members: [OTHER], keysEach: held });
  const asked = only("ask-ready", tick(limit.LEFT_ASK_MS));
  const ready = asked.map(({ slot, view }): Message => ({ type: "ready", slot, view }));
  step({ type: "frame", from: OTHER, messages: ready });
  const left = (ms: number) => (tick(ms), node.stats().slots.fenced);
  assert.deepEqual([left(limit.LEFT_ASK_MS), left(TICK_MS)], [1, 0]);
});

test("one sweep ends so many keys", () => {
  const keys = Array.from({ length: limit.SWEPT_KEYS_MAX + 1 }, (_, at) => [`k${at}`, 1] as const);
  const { node, tick } = begin({ keys });
  const ended = () => {
    const before = node.counts().operations;
    tick(limit.SWEEP_MS);
    return node.counts().operations - before;
  };
  assert.deepEqual([ended(), ended(), ended()], [limit.SWEPT_KEYS_MAX, 1, 0]);
});

test("one sweep looks at so many keys, and the next goes on from there", () => {
  const keys = Array.from(
    { length: limit.SWEEP_LOOKED_MAX + 1 },
    (_, at) => [`k${at}`, at === limit.SWEEP_LOOKED_MAX ? 1 : null] as const,
  );
  const { node, tick } = begin({ keys });
  tick(limit.SWEEP_MS);
  assert.equal(node.counts().operations, 0);
  tick(limit.SWEEP_MS);
  assert.equal(node.counts().operations, 1);
});

test("a watch remembers of so many keys what it has told; of others it tells it again", () => {
  const names = Array.from({ length: limit.WATCHED_KEYS_MAX + 1 }, (_, at) => `k${at}`);
  const { step } = begin({ keys: names.map((key) => [key, null] as const) });
  step({ type: "watch", id: 7, prefix: "" });
  const told = (keys: readonly string[]) => {
    const messages = keys.map((key): Message => ({ type: "changed", id: 7, key, version: VERSION }));
    const effects = step({ type: "frame", from: OTHER, messages });
    return effects.flatMap((effect) => (effect.type === "changed" ? [effect.key] : []));
  };
  const AT_ONCE = 10_000;
  for (let at = 0; at < limit.WATCHED_KEYS_MAX; at += AT_ONCE) {
    const some = names.slice(at, Math.min(at + AT_ONCE, limit.WATCHED_KEYS_MAX));
    assert.deepEqual(told(some), some);
  }
  assert.deepEqual(told([names[0]!]), [], "it is remembered");
  assert.deepEqual(told([names.at(-1)!]), [names.at(-1)]);
  assert.deepEqual(told([names[1]!]), [], "so is the second");
  assert.deepEqual(told([names[0]!]), [names[0]], "the first no longer");
});

test("hints for more keys than operations may be open: the rest is read later", () => {
  const { node, step, tick } = begin({ members: [OTHER] });
  step({ type: "watch", id: 7, prefix: "" });
  const messages = Array.from({ length: limit.OPEN_OPS_MAX + 2 }, (_, at): Message => {
    return { type: "changed", id: 7, key: `k${at}`, version: VERSION };
  });
  step({ type: "frame", from: OTHER, messages });
  assert.equal(node.stats().openOperations, limit.OPEN_OPS_MAX);
  tick(50);
  assert.equal(node.stats().openOperations, limit.OPEN_OPS_MAX);
  tick(limit.OPERATION_TIMEOUT_MS);
  assert.ok(node.counts().operations > limit.OPEN_OPS_MAX, "those that failed are asked again");
});

test("operations on one key travel together, up to so many and so many bytes", () => {
  const { step } = begin({ members: [OTHER] });
  let id = 0;
  const ask = (command: Command) => sentBy(step({ type: "operation", id: ++id, key: "k", command }));
  /** How many are in each batch, when each is answered. */
  const batchesOf = (commands: readonly Command[]): number[] => {
    const batches: number[] = [];
    let flight = commands.flatMap(ask);
    for (let [one] = only("forward", flight); one; [one] = only("forward", flight)) {
      batches.push(one.commands.length);
      const told = one.commands.map(({ type }) => {
        const answer = { status: type === "get" ? "read" : "done" } as const;
        return { answer, before: undefined, version: undefined, expiresMs: null };
      });
      const { slot, key, first } = one;
      const answer: Message = { type: "told", slot, key, first, told, repeated: false };
      flight = sentBy(step({ type: "frame", from: OTHER, messages: [answer] }));
    }
    return batches;
  };
  const gets = Array.from({ length: limit.BATCH_OPS_MAX + 2 }, (): Command => ({ type: "get" }));
  assert.deepEqual(batchesOf(gets), [1, limit.BATCH_OPS_MAX, 1]);
  const puts = Array.from({ length: 5 }, () => put(limit.BATCH_BYTES_MAX / 2));
  assert.deepEqual(batchesOf(puts), [1, 2, 2]);
  const large = Array.from({ length: 2 }, () => put(limit.BATCH_BYTES_MAX + 1));
  assert.deepEqual(batchesOf([put(1), ...large]), [1, 1, 1]);
});

test("a source tells so many keys of its index, and so many contents or bytes, at one time", () => {
  const names = Array.from({ length: limit.INDEX_KEYS_MAX + 1 }, (_, at) => `k${at}`).toSorted();
  const { hear } = begin({ keys: names.map((key) => [key, null] as const) });
  const index = (after: string | undefined) =>
    only("indexed", hear({ type: "index", slot: 0, view: 1, after, isFinal: false }))[0]!;
  const first = index(undefined);
  assert.deepEqual([first.keys.length, first.isEnd], [limit.INDEX_KEYS_MAX, false]);
  const second = index(first.keys.at(-1)!.key);
  assert.deepEqual([second.keys.map(({ key }) => key), second.isEnd], [names.slice(-1), true]);
  const keys = names.slice(0, limit.FETCH_KEYS_MAX + 1);
  const [few] = only("fetched", hear({ type: "fetch", slot: 0, view: 1, keys }));
  assert.equal(few?.contents.length, limit.FETCH_KEYS_MAX);
  const large = begin({ keys: ["a", "b", "c"].map((key) => [key, null] as const), valueBytes: 200 * 1024 });
  const [some] = only("fetched", large.hear({ type: "fetch", slot: 0, view: 1, keys: ["a", "b", "c"] }));
  assert.equal(some?.contents.length, Math.floor(limit.FETCH_BYTES_MAX / (200 * 1024)));
});

test("a coordinator remembers so many keys that it has settled", () => {
  const { hear } = begin({ members: [SELF, OTHER] });
  const [asked] = only("prepare", hear(forward("k0", { type: "get" })));
  const { ballot } = asked!;
  /** Which of these keys it asks about. */
  const settle = (messages: readonly Message[]): number => {
    const reads = only("read", messages);
    if (reads.length > 0)
      hear(...reads.map(({ key }): Message => ({ type: "holds", ...of, ballot, key, content: undefined })));
    return reads.length;
  };
  assert.equal(settle(hear({ type: "promise", ...of, ballot, digest: "another" })), 1);
  const names = Array.from({ length: limit.SETTLED_MAX }, (_, at) => `k${at}`);
  assert.equal(settle(hear(...names.map((key) => forward(key, { type: "get" })))), limit.SETTLED_MAX - 1);
  assert.equal(settle(hear(forward("k0", { type: "get" }))), 0);
  assert.equal(settle(hear(forward("one more", { type: "get" }))), 1);
  assert.equal(settle(hear(forward("k0", { type: "get" }))), 1);
});

test("who does not answer is asked again, after longer and longer", () => {
  const { step, tick } = begin({ members: [OTHER] });
  step({ type: "peers", up: [SELF, OTHER], nodes: [OTHER], leaving: [] });
  step({ type: "operation", id: 1, key: "k", command: { type: "get" }, timeoutMs: 60_000 });
  const gaps: number[] = [];
  for (let atMs = 50, lastMs = 0; atMs <= 30_000; atMs += 50)
    if (only("forward", tick(50)).length > 0) {
      gaps.push(atMs - lastMs);
      lastMs = atMs;
    }
  assert.deepEqual([gaps[0], gaps.at(-1)], [limit.RETRY_MS, limit.RETRY_MS_MAX]);
});

test("who refuses is asked again at once three times, and then after a pause", () => {
  const { step, tick } = begin({ members: [OTHER] });
  let [asked] = only("forward", sentBy(step({ type: "operation", id: 1, key: "k", command: { type: "get" } })));
  let times = 0;
  for (; asked && times < 9; times++) {
    const { slot, key, first, tries } = asked;
    const refused: Message = { type: "refused", slot, key, first, tries, why: "too-many", hint: undefined };
    [asked] = only("forward", sentBy(step({ type: "frame", from: OTHER, messages: [refused] })));
  }
  assert.equal(times, 4);
  assert.equal(only("forward", tick(2 * limit.REFUSED_PAUSE_MS)).length, 1);
});

test("a coordinator asks for promises, and proposes, again", () => {
  const { hear, tick } = begin({ members: [SELF, OTHER] });
  const [asked] = only("prepare", hear(forward("k", put(1))));
  const { ballot } = asked!;
  assert.equal(only("prepare", tick(limit.PREPARE_AGAIN_MS)).length, 0);
  assert.equal(only("prepare", tick(limit.PREPARE_AGAIN_MS + 1)).length, 1);
  const proposed = hear({ type: "promise", ...of, ballot, digest: "0 0 0" });
  assert.equal(only("accept", proposed).length, 1);
  assert.equal(only("accept", tick(limit.PROPOSE_AGAIN_MS - 1)).length, 0);
  assert.equal(only("accept", tick(1)).length, 1);
});

test("a coordinator that gets no promises gives up", () => {
  const { hear, tick } = begin({ members: [SELF, OTHER] });
  hear(forward("k", put(1)));
  assert.deepEqual(
    only("refused", tick(5 * limit.PREPARE_AGAIN_MS)).map(({ why }) => why),
    ["not-coordinator"],
  );
});

test("a change of a group that does not come on is tried again", () => {
  const { step, tick } = begin({});
  step({ type: "peers", up: [SELF, OTHER], nodes: [SELF, OTHER], leaving: [] });
  assert.equal(only("learn", tick(limit.VIEW_LOOK_MS)).length, 1);
  assert.equal(only("learn", tick(limit.VIEW_AGAIN_MS - 1)).length, 0);
  assert.equal(only("learn", tick(limit.VIEW_AGAIN_MS + 1)).length, 1);
});

test("a copy asks again, and one before the view is decided is given up when nothing comes", () => {
  const { node, hear, tick } = begin({ members: [] });
  assert.equal(only("index", hear({ type: "learn", slot: 0, view: 1, from: [OTHER] })).length, 1);
  assert.equal(only("index", tick(limit.SYNC_AGAIN_MS - 1)).length, 0);
  assert.equal(only("index", tick(1)).length, 1);
  assert.equal(node.stats().copies, 1);
  tick(limit.LEARN_GIVEN_UP_MS - limit.SYNC_AGAIN_MS);
  assert.equal(node.stats().copies, 0);
});

test("a watch is renewed, and what is not renewed ends", () => {
  const { hear, step, tick } = begin({});
  step({ type: "watch", id: 7, prefix: "" });
  tick(limit.WATCH_AGAIN_MS);
  assert.equal(only("watch", tick(limit.WATCH_AGAIN_MS - 1)).length, 0);
  assert.equal(only("watch", tick(1)).length, 1);
  hear({ type: "watch", id: 8, prefix: "", isOn: true });
  tick(limit.WATCH_LASTS_MS - 1);
  const hints = (key: string) => only("changed", hear(forward(key, put(1)))).length;
  assert.equal(hints("a"), 1);
  tick(1);
  assert.equal(hints("b"), 0);
});
