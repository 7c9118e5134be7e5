/** One ping on request: its round trip, silence, strangers, the limit; and what a member's view tells of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../kernel/random.ts";
import { PINGS_MAX, PING_TIMEOUT_MS, VERSIONS, lan } from "./constants.ts";
import { MembershipError } from "./errors.ts";
import { createMembership } from "./membership.ts";
import type { Effect, Membership, MembershipEvent } from "./types.ts";

const DELAY_MS = 7;

/** Two members on one virtual clock; packets between them take DELAY_MS, or are lost. */
function pair() {
  const make = (index: number) =>
    createMembership(
      { name: `m${index}`, advertise: { address: `10.0.0.${index}`, port: 7946 }, profile: lan },
      { random: seededRandom(index) },
    );
  const cores = [make(1), make(2)] as [Membership, Membership];
  const waiting: { atMs: number; to: number; event: MembershipEvent }[] = [];
  const news: Effect[] = [];
  const world = { nowMs: 0, deaf: false, news };
  const step = (index: number, event: MembershipEvent) => {
    for (const effect of cores[index]!.step(world.nowMs, event)) {
      const other = 1 - index;
      const from = { address: `10.0.0.${index + 1}`, port: 7946 };
      const atMs = world.nowMs + DELAY_MS;
      if (effect.type === "send" && !world.deaf)
        waiting.push({ atMs, to: other, event: { type: "packet", from, bytes: effect.bytes } });
      else if (effect.type === "stream" && !world.deaf) {
        const received = { type: "stream-received", id: effect.id, from, bytes: effect.bytes } as const;
        waiting.push({ atMs, to: other, event: received });
      } else if (effect.type === "stream-reply")
        waiting.push({ atMs, to: other, event: { type: "stream-answer", id: effect.id, bytes: effect.bytes } });
      else if (index === 0) news.push(effect);
    }
  };
  const run = (ms: number) => {
    for (const endMs = world.nowMs + ms; world.nowMs < endMs; world.nowMs += 1) {
      for (const due of waiting.splice(0)) {
        if (due.atMs <= world.nowMs) step(due.to, due.event);
        else waiting.push(due);
      }
      step(0, { type: "tick" });
      step(1, { type: "tick" });
    }
  };
  step(0, { type: "join", addresses: [{ address: "10.0.0.2", port: 7946 }] });
  run(100);
  return { cores, world, step, run };
}

const done = (effects: readonly Effect[], key: string) =>
  effects.find((effect) => effect.type === "ping-done" && effect.key === key) as { rttMs?: number } | undefined;

test("a ping gives the round trip, and the member's view tells how old its coordinate is", () => {
  const { cores, world, step, run } = pair();
  step(0, { type: "ping", key: "one", name: "m2" });
  run(50);
  assert.equal(done(world.news, "one")?.rttMs, 2 * DELAY_MS);
  run(2_000);
  const seen = cores[0].member("m2")!;
  assert.ok(seen.coordinate);
  assert.ok(seen.coordinateAtMs! > 0 && seen.coordinateAtMs! <= world.nowMs);
  assert.equal(seen.protocol, VERSIONS[5]);
  assert.equal(cores[0].self().protocol, VERSIONS[5]);
});

test("silence ends a ping after its time, and says nothing about the member; strangers and oneself end at once", () => {
  const { cores, world, step, run } = pair();
  step(0, { type: "ping", key: "stranger", name: "nobody" });
  step(0, { type: "ping", key: "self", name: "m1" });
  for (const key of ["stranger", "self"])
    assert.deepEqual(done(world.news, key), { type: "ping-done", key, rttMs: undefined });
  world.deaf = true;
  step(0, { type: "ping", key: "lost", name: "m2" });
  run(PING_TIMEOUT_MS - 1);
  assert.equal(done(world.news, "lost"), undefined);
  run(2);
  assert.deepEqual(done(world.news, "lost"), { type: "ping-done", key: "lost", rttMs: undefined });
  const { probesFailed } = cores[0].counts();
  world.deaf = false;
  assert.ok(probesFailed >= 1, "the failure detector goes its own way");
});

test("PINGS_MAX pings at one time", () => {
  const { world, step, run } = pair();
  for (let n = 0; n < PINGS_MAX; n += 1) step(0, { type: "ping", key: `p${n}`, name: "m2" });
  assert.throws(
    () => step(0, { type: "ping", key: "more", name: "m2" }),
    (error) => error instanceof MembershipError && error.code === "too-many-pings",
  );
  run(3 * DELAY_MS);
  assert.equal(world.news.filter((effect) => effect.type === "ping-done").length, PINGS_MAX);
  step(0, { type: "ping", key: "again", name: "m2" });
  run(3 * DELAY_MS);
  assert.equal(done(world.news, "again")?.rttMs, 2 * DELAY_MS);
});
