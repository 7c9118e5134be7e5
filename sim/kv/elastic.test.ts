/** Three boxes become six and three again while clients work: nothing fails, and what it costs is told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RETRY_MS } from "../../src/protocols/kv/constants.ts";
import { createKvNode } from "../../src/protocols/kv/node.ts";
import { Clients } from "./clients.ts";
import { KvWorld } from "./world.ts";

const NS_PER_MS = 1_000_000;
const STEP_MS = 4_000;

test("3 -> 6 -> 3 boxes under load", (t) => {
  const world = new KvWorld({ seed: 1, nodes: 6, slots: 64, degree: 3, create: createKvNode });
  for (const box of world.boxes) {
    box.takesPart = box.index < 3;
    if (box.takesPart) box.start();
  }
  world.boxes[0]!.step({ type: "found" });
  world.run(12_000);
  const clients = new Clients(world, { clients: 16, keys: 200, counters: 20, pauseMs: 10 });
  const from = world.nowMs;
  world.run(world.nowMs + STEP_MS);
  const quietMs = world.nowMs;
  const before = totals(world);
  for (const [index, takesPart] of [
    [3, true],
    [4, true],
    [5, true],
    [1, false],
    [3, false],
    [4, false],
  ] as const) {
    world.boxes[index]!.takesPart = takesPart;
    if (takesPart) world.boxes[index]!.start();
    world.run(world.nowMs + STEP_MS);
  }
  const movedMs = world.nowMs;
  const after = totals(world);
  clients.isRunning = false;
  world.run(world.nowMs + 5_000);
  const failed = clients.history.filter(({ status }) => status !== "ok");
  assert.deepEqual(failed, []);
  for (const box of world.boxes.filter(({ takesPart }) => takesPart))
    assert.equal(box.core!.stats().slots.ready, 64, `box ${box.index}`);
  const between = (sinceMs: number, untilMs: number) => {
    const times = clients.history
      .filter(({ call }) => call >= sinceMs * NS_PER_MS && call < untilMs * NS_PER_MS)
      .map(({ call, ret }) => (ret! - call) / NS_PER_MS)
      .toSorted((a, b) => a - b);
    assert.ok(times.length > 1_000);
    return { p99: times[Math.floor(times.length * 0.99)]!, slowest: times.at(-1)! };
  };
  const [quiet, moving] = [between(from, quietMs), between(quietMs, movedMs)];
  const moves = after.moves - before.moves;
  t.diagnostic(`p99 ${quiet.p99.toFixed(1)} ms before, ${moving.p99.toFixed(1)} ms in moves (virtual)`);
  t.diagnostic(`the slowest ${quiet.slowest.toFixed(1)} ms before, ${moving.slowest.toFixed(1)} ms in moves`);
  t.diagnostic(`${moves} copies of slots, each ${Math.round((after.bytes - before.bytes) / moves)} bytes of contents`);
  t.diagnostic(`${after.keys - before.keys} keys copied in all`);
  assert.ok(moves > 64);
  assert.ok(moving.p99 <= 2 * quiet.p99, "p99 at most doubles during moves");
  // A new box hears of the others within 200 ms; what it was asked before waits for that, and nothing for a retry.
  assert.ok(moving.slowest < RETRY_MS, `an operation took ${moving.slowest} ms`);
});

function totals(world: KvWorld): { moves: number; keys: number; bytes: number } {
  const sum = { moves: 0, keys: 0, bytes: 0 };
  for (const { core } of world.boxes) {
    if (!core) continue;
    const { copiedKeys, copiedBytes, views } = core.counts();
    sum.keys += copiedKeys;
    sum.bytes += copiedBytes;
    sum.moves += views / 4;
  }
  return sum;
}
