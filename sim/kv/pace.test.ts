/** Groups change at leisure while clients work, and at once where a copy is missing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createKvNode } from "../../src/protocols/kv/node.ts";
import { Clients } from "./clients.ts";
import { KvWorld } from "./world.ts";

const SLOTS = 256;
const LOOK_MS = 50;
const WATCHED_MS = 9_000;

test("a box that comes is let in with rests; the copies of one that is lost are made without", (t) => {
  const world = new KvWorld({ seed: 3, nodes: 4, slots: SLOTS, degree: 3, create: createKvNode });
  for (const box of world.boxes) {
    box.takesPart = box.index < 3;
    if (box.takesPart) box.start();
  }
  world.boxes[0]!.step({ type: "found" });
  world.run(15_000);
  const clients = new Clients(world, { clients: 24, keys: 500, counters: 20, pauseMs: 10 });
  const fourth = world.boxes[3]!;
  const { node } = fourth;
  const staying = world.boxes.slice(0, 3);
  const holding = () => {
    const slots = Array.from({ length: SLOTS }, (_, slot) => slot);
    return slots.filter((slot) => staying[0]!.core!.viewOf(slot)?.members.includes(node)).length;
  };
  /** From the first group that changes to the last one. */
  const changing = (): number => {
    const changedMs: number[] = [];
    for (const untilMs = world.nowMs + WATCHED_MS; world.nowMs < untilMs;) {
      const before = holding();
      world.run(world.nowMs + LOOK_MS);
      if (holding() !== before) changedMs.push(world.nowMs);
    }
    return changedMs.at(-1)! - changedMs[0]!;
  };
  fourth.takesPart = true;
  fourth.start();
  const joinMs = changing();
  const held = holding();
  fourth.takesPart = false;
  fourth.crash(true);
  const repairMs = changing();
  t.diagnostic(`${held} slots came in ${joinMs} ms, and were made good in ${repairMs} ms (virtual)`);
  assert.ok(held > SLOTS / 2 && holding() === 0);
  assert.ok(joinMs > 2 * repairMs, `${joinMs} ms to join, ${repairMs} ms to make good`);
  clients.isRunning = false;
});
