/** How much a node does at one time: changes of groups, questions to others, looks at keys, versions remembered. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../kernel/random.ts";
import { ASKED_AROUND_MAX, LEFT_ASK_MS, OPEN_OPS_MAX, OPERATION_TIMEOUT_MS } from "./constants.ts";
import { SWEEP_MS, SWEPT_KEYS_MAX, VIEW_CHANGES_MAX, WATCHED_KEYS_MAX } from "./constants.ts";
import { encodeContent } from "./content.ts";
import type { Effect, KvEvent } from "./events.ts";
import type { Message } from "./messages.ts";
import { createKvNode } from "./node.ts";
import { encodeSlot, Slot } from "./slot.ts";

const [SELF, OTHER] = [1, 2];
/** Of sweeping.ts. */
const LOOKED_MAX = 4_096;
const VERSION = { round: 1, node: SELF, n: 1 };

interface Held {
  slots?: number;
  members?: readonly number[];
  /** Of slot 0: each key, and when it ends. */
  keys?: readonly (readonly [key: string, expiresMs: number | null])[];
}

/** A node that begins with this on its disk, which needs no time. */
function begin({ slots = 1, members = [SELF], keys = [] }: Held) {
  const rows = Array.from({ length: slots }, (_, number) => ({
    id: `s${String.fromCharCode(number >> 8, number & 255)}`,
    bytes: encodeSlot(new Slot(number, { number: 0, members }, "ready")),
  }));
  for (const [key, expiresMs] of keys) {
    const content = { version: VERSION, set: VERSION, value: new Uint8Array(1), expiresMs, origins: [] };
    rows.push({ id: `k\0\0${key}`, bytes: encodeContent(content) });
  }
  const config = { node: SELF, life: 10, degree: 3, slots, quotaBytes: () => 2 ** 30 };
  const node = createKvNode(config, { random: seededRandom(1), stored: rows });
  let nowMs = 10_000;
  const step = (event: KvEvent): Effect[] => {
    const effects = node.step(nowMs, nowMs, event);
    for (const effect of effects)
      if (effect.type === "store") effects.push(...node.step(nowMs, nowMs, { type: "stored", no: effect.no }));
    return effects;
  };
  return {
    node,
    step,
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

test("so many groups change at one time; when they have, the others do", () => {
  const more = 6;
  const { node, step, tick } = begin({ slots: VIEW_CHANGES_MAX + more });
  step({ type: "peers", up: [SELF, OTHER], nodes: [SELF, OTHER], leaving: [] });
  const learning = tick(0).filter(({ type }) => type === "learn");
  assert.deepEqual([learning.length, node.stats().moves], [VIEW_CHANGES_MAX, VIEW_CHANGES_MAX]);
  const learned = learning.map((one) => ({ ...one, type: "learned" }) as Message);
  step({ type: "frame", from: OTHER, messages: learned });
  assert.equal(node.stats().moves, 0);
  assert.equal(tick(50).filter(({ type }) => type === "learn").length, more);
});

test("a member asks about so many slots at one time whether there are newer views, and then about the others", () => {
  const more = 5;
  const { step, tick } = begin({ slots: ASKED_AROUND_MAX + more, members: [SELF, OTHER] });
  step({ type: "peers", up: [SELF, OTHER], nodes: [], leaving: [] });
  const asked = () => tick(LEFT_ASK_MS).flatMap((one) => (one.type === "ask-ready" ? [one.slot] : []));
  const [first, second] = [asked(), asked()];
  assert.deepEqual([first.length, second.length], [ASKED_AROUND_MAX, more]);
  assert.equal(new Set([...first, ...second]).size, ASKED_AROUND_MAX + more);
});

test("one sweep ends so many keys", () => {
  const keys = Array.from({ length: SWEPT_KEYS_MAX + 1 }, (_, at) => [`k${at}`, 1] as const);
  const { node, tick } = begin({ keys });
  const ended = () => {
    const before = node.counts().operations;
    tick(SWEEP_MS);
    return node.counts().operations - before;
  };
  assert.deepEqual([ended(), ended(), ended()], [SWEPT_KEYS_MAX, 1, 0]);
});

test("one sweep looks at so many keys, and the next goes on from there", () => {
  const keys = Array.from({ length: LOOKED_MAX + 1 }, (_, at) => [`k${at}`, at === LOOKED_MAX ? 1 : null] as const);
  const { node, tick } = begin({ keys });
  tick(SWEEP_MS);
  assert.equal(node.counts().operations, 0);
  tick(SWEEP_MS);
  assert.equal(node.counts().operations, 1);
});

test("a watch remembers of so many keys what it has told; of others it tells it again", () => {
  const names = Array.from({ length: WATCHED_KEYS_MAX + 1 }, (_, at) => `k${at}`);
  const { step } = begin({ keys: names.map((key) => [key, null] as const) });
  step({ type: "watch", id: 7, prefix: "" });
  const told = (keys: readonly string[]) => {
    const messages = keys.map((key): Message => ({ type: "changed", id: 7, key, version: VERSION }));
    const effects = step({ type: "frame", from: OTHER, messages });
    return effects.flatMap((effect) => (effect.type === "changed" ? [effect.key] : []));
  };
  const AT_ONCE = 10_000;
  for (let at = 0; at < WATCHED_KEYS_MAX; at += AT_ONCE) {
    const some = names.slice(at, Math.min(at + AT_ONCE, WATCHED_KEYS_MAX));
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
  const messages = Array.from({ length: OPEN_OPS_MAX + 2 }, (_, at): Message => {
    return { type: "changed", id: 7, key: `k${at}`, version: VERSION };
  });
  step({ type: "frame", from: OTHER, messages });
  assert.equal(node.stats().openOperations, OPEN_OPS_MAX);
  tick(50);
  assert.equal(node.stats().openOperations, OPEN_OPS_MAX);
  tick(OPERATION_TIMEOUT_MS);
  assert.ok(node.counts().operations > OPEN_OPS_MAX, "those that failed are asked again");
});
