/** Among very many members each is looked at again before it is accused, so that slow ones are not news for all. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../kernel/random.ts";
import { addressToBytes } from "../wire/address.ts";
import { STATE, encodePushPull } from "./codec.ts";
import { LOOK_AGAIN_MEMBERS, MERGED_AT_ONCE_MAX, VERSIONS, lan } from "./constants.ts";
import { createMembership } from "./membership.ts";
import type { Effect } from "./types.ts";

/** After how many milliseconds a box that reaches nobody accuses somebody, among so many members. */
function accusedAfterMs(members: number): number {
  const advertise = { address: "10.0.0.1", port: 7946 };
  const core = createMembership({ name: "self", advertise, profile: lan }, { random: seededRandom(1) });
  const names = Array.from({ length: members - 1 }, (_, at) => `box-${at}`);
  for (let from = 0; from < names.length; from += MERGED_AT_ONCE_MAX) {
    const part = names.slice(from, from + MERGED_AT_ONCE_MAX);
    const snapshot = encodePushPull(false, part.length, new Uint8Array(0), (put) => {
      for (const [at, node] of part.entries()) {
        const address = addressToBytes(`10.1.${(from + at) >> 8}.${(from + at) & 255}`)!;
        const described = { address, port: 7946, meta: new Uint8Array(0), versions: Uint8Array.from(VERSIONS) };
        put({ node, incarnation: 1, state: STATE.alive, ...described });
      }
    });
    core.step(0, { type: "restore", snapshot });
  }
  assert.equal(core.aliveCount(), members);
  const isAccused = (effect: Effect) => effect.type === "member" && effect.change === "suspect";
  for (let nowMs = 0; nowMs < 60_000; nowMs += 50) if (core.step(nowMs, { type: "tick" }).some(isAccused)) return nowMs;
  return Infinity;
}

test("fewer members accuse after one failed probe, very many after some more", () => {
  const few = accusedAfterMs(LOOK_AGAIN_MEMBERS - 1);
  const many = accusedAfterMs(LOOK_AGAIN_MEMBERS);
  assert.ok(few < 2.5 * lan.probeIntervalMs, `${few} ms`);
  assert.ok(many >= few + lan.secondLooks * lan.probeIntervalMs, `${many} ms`);
  assert.ok(many < Infinity);
});
