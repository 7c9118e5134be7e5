/** When news go out: at once after silence, at the interval while there are more, and as often as the formula says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../kernel/random.ts";
import { transmitLimit } from "./broadcasts.ts";
import { TYPE, encodeAlive } from "./codec.ts";
import { GOSSIP_COALESCE_PARTS, lan } from "./constants.ts";
import { createMembership } from "./membership.ts";
import type { Effect, Membership } from "./types.ts";
import { decodeCompound } from "./wrapping.ts";

const MEMBERS = 20;
const SETTLED_MS = 60_000;
const quiet = { ...lan, probeIntervalMs: 1e9, probeTimeoutMs: 1e9, pushPullIntervalMs: 1e9, reconnectIntervalMs: 1e9 };
const from = { address: "10.0.0.200", port: 7 };

function settled(): Membership {
  const core = createMembership({ name: "me", advertise: from, profile: quiet }, { random: seededRandom(3) });
  for (let i = 0; i < MEMBERS - 1; i++) {
    const alive = { node: `m${i}`, incarnation: 1, address: Uint8Array.of(10, 0, 0, i), port: 7 };
    const bytes = encodeAlive({ ...alive, meta: new Uint8Array(0), versions: Uint8Array.of(1, 5, 2) });
    core.step(0, { type: "packet", from, bytes });
  }
  run(core, SETTLED_MS);
  return core;
}

/** Packets of gossip, by the time at which they went out. */
function run(core: Membership, untilMs: number): Map<number, Uint8Array[]> {
  const rounds = new Map<number, Uint8Array[]>();
  for (let atMs = core.nextWakeMs()!; atMs <= untilMs; atMs = core.nextWakeMs()!) {
    const packets = core.step(atMs, { type: "tick" }).flatMap((effect: Effect) => {
      return effect.type === "send" ? [effect.bytes] : [];
    });
    if (packets.length > 0) rounds.set(atMs, packets);
  }
  return rounds;
}

const tags = (core: Membership, atMs: number, v: string) => core.step(atMs, { type: "set-tags", tags: { v } });
const soonMs = lan.gossipIntervalMs / GOSSIP_COALESCE_PARTS;

test("after silence news go out at once and to more, then at the interval, as often as the formula says", () => {
  const core = settled();
  tags(core, SETTLED_MS, "1");
  const rounds = [...run(core, SETTLED_MS + 5000)];
  const limit = transmitLimit(lan.retransmitMult, MEMBERS);
  assert.deepEqual(
    rounds.map(([atMs, packets]) => [atMs - SETTLED_MS, packets.length]),
    [
      [soonMs, lan.gossipNodesAtOnce],
      [soonMs + lan.gossipIntervalMs, limit - lan.gossipNodesAtOnce],
    ],
  );
});

test("news that come together go in one packet; those that come after a round wait for the next one", () => {
  const core = settled();
  tags(core, SETTLED_MS, "1");
  core.step(SETTLED_MS + 1, { type: "user-event", name: "e", payload: new Uint8Array(1) });
  const [first] = [...run(core, SETTLED_MS + soonMs).values()];
  for (const packet of first!) {
    assert.equal(packet[0], TYPE.compound);
    assert.deepEqual(
      decodeCompound(packet, 1).map((part) => part[0]),
      [TYPE.alive, TYPE.user],
    );
  }
  run(core, SETTLED_MS + 190);
  core.step(SETTLED_MS + 190, { type: "user-event", name: "f", payload: new Uint8Array(1) });
  const [nextMs, packets] = [...run(core, SETTLED_MS + 5000)][0]!;
  assert.equal(nextMs, SETTLED_MS + soonMs + lan.gossipIntervalMs);
  assert.equal(packets.length, lan.gossipNodes);
});
