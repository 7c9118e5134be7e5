/** Large push/pulls are taken over bit by bit, so that no step takes long; what is wrong with them is counted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../kernel/random.ts";
import { STATE, TYPE, encodePushPull } from "./codec.ts";
import { MERGED_AT_ONCE_MAX, MERGES_MAX, MERGE_PAUSE_MS, lan } from "./constants.ts";
import { createMembership } from "./membership.ts";
import { encodeSerfState } from "./serf-state.ts";
import type { Effect, Membership } from "./types.ts";

const PARTS = 3;
const COUNT = PARTS * MERGED_AT_ONCE_MAX;
const from = { address: "10.200.0.1", port: 7 };
const times = { ltime: 9, eventLtime: 1, queryLtime: 1, left: [], events: [] };
const serf = encodeSerfState({ ...times, statusCount: 1, statuses: (put) => put("m1", 8) });

function make(): Membership {
  return createMembership({ name: "me", advertise: from, profile: lan }, { random: seededRandom(1) });
}

function stateOf(count: number, prefix = "m"): Uint8Array {
  const facts = { port: 7, meta: new Uint8Array(0), versions: Uint8Array.of(1, 5, 2) };
  return encodePushPull(false, count, serf, (put) => {
    for (let i = 0; i < count; i++) {
      const address = Uint8Array.of(10, 0, i >> 8, i & 255);
      put({ node: `${prefix}${i}`, incarnation: 1, address, ...facts, state: STATE.alive });
    }
  });
}

const joins = (effects: Effect[]) =>
  effects.filter((effect) => effect.type === "member" && effect.change === "join").length;
const results = (effects: Effect[]) => effects.flatMap((effect) => (effect.type === "join-result" ? [effect.ok] : []));

/** A join that was answered so; gives what each step did. */
function joined(core: Membership, answer: Uint8Array): Effect[][] {
  const asked = core.step(0, { type: "join", addresses: [from] });
  const stream = asked.find((effect) => effect.type === "stream")!;
  const steps = [core.step(0, { type: "stream-answer", id: stream.id, bytes: answer })];
  for (let atMs = MERGE_PAUSE_MS; atMs < 20; atMs += MERGE_PAUSE_MS) steps.push(core.step(atMs, { type: "tick" }));
  return steps;
}

test("a join with many members is taken over in parts, and done when all are there", () => {
  const core = make();
  const steps = joined(core, stateOf(COUNT));
  assert.deepEqual(steps.slice(0, PARTS).map(joins), new Array(PARTS).fill(MERGED_AT_ONCE_MAX));
  assert.deepEqual(steps.map(results).flat(), [true]);
  assert.deepEqual(results(steps[PARTS - 1]!), [true]);
  assert.equal(core.aliveCount(), COUNT + 1);
});

test("who was alone gossips nothing of what it is told, but of itself", () => {
  const core = make();
  joined(core, stateOf(50));
  const sent: Uint8Array[] = [];
  // Until the first of them is missed.
  for (let atMs = core.nextWakeMs()!; atMs < 900; atMs = core.nextWakeMs()!) {
    for (const effect of core.step(atMs, { type: "tick" })) if (effect.type === "send") sent.push(effect.bytes);
  }
  const text = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);
  assert.ok(sent.some((bytes) => bytes[0] === TYPE.user));
  assert.ok(!sent.some((bytes) => text(bytes).includes("Incarnation")));
});

test("a part that is cut fails the join; what came before it stays, and the reason is counted", () => {
  const whole = stateOf(COUNT);
  for (const [bytes, known] of [
    [whole.subarray(0, whole.length - 10), COUNT - MERGED_AT_ONCE_MAX],
    [whole.subarray(0, 100), 0],
  ] as const) {
    const core = make();
    const steps = joined(core, bytes);
    assert.deepEqual(steps.map(results).flat(), [false]);
    assert.equal(core.counts().refused.malformed, 1);
    assert.equal(core.aliveCount(), known + 1);
  }
});

test("so many are taken over bit by bit at one time; one more is at once", () => {
  const core = make();
  const give = (prefix: string) =>
    core.step(0, { type: "stream-received", id: 1, from, bytes: stateOf(MERGED_AT_ONCE_MAX + 10, prefix) });
  for (let i = 0; i < MERGES_MAX; i++) assert.equal(joins(give(`${i} `)), MERGED_AT_ONCE_MAX);
  assert.equal(joins(give("more")), MERGED_AT_ONCE_MAX + 10);
  assert.equal(joins(core.step(MERGE_PAUSE_MS, { type: "tick" })), MERGES_MAX * 10);
  assert.equal(joins(give("later")), MERGED_AT_ONCE_MAX);
});
