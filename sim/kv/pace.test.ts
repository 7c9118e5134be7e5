/** Groups change at leisure while clients work, and at once where a copy is missing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createKvNode } from "../../src/protocols/kv/node.ts";
import { Clients } from "./clients.ts";
import { KvWorld } from "./world.ts";

const SLOTS = 128;
const LOOK_MS = 50;
const WATCHED_MS = 12_000;

/** Three boxes that work for clients, and one that is to come and go. */
function begin() {
  const world = new KvWorld({ seed: 3, nodes: 4, slots: SLOTS, degree: 3, create: createKvNode });
  for (const box of world.boxes) {
    box.takesPart = box.index < 3;
    if (box.takesPart) box.start();
  }
  const [first, fourth] = [world.boxes[0]!, world.boxes[3]!];
  const { node } = fourth;
  first.step({ type: "found" });
  world.run(10_000);
  new Clients(world, { clients: 24, keys: 500, counters: 20, pauseMs: 10 });
  const slots = Array.from({ length: SLOTS }, (_, slot) => slot);
  const holding = () => slots.filter((slot) => first.core!.viewOf(slot)?.members.includes(node)).length;
  /** How long it takes from the first group that changes to the last one. */
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
  assert.ok(holding() > SLOTS / 2);
  return { fourth, holding, changing, joinMs };
}

test("a box that comes is let in with rests; the copies of one that is lost are made without", () => {
  const { fourth, holding, changing, joinMs } = begin();
  fourth.takesPart = false;
  fourth.crash(true);
  const repairMs = changing();
  assert.equal(holding(), 0);
  assert.ok(joinMs > 2 * repairMs, `${joinMs} ms to join, ${repairMs} ms to make good`);
});

test("a box that leaves takes no more rest than for those who copy", () => {
  const { fourth, holding, changing, joinMs } = begin();
  fourth.takesPart = false;
  const leaveMs = changing();
  assert.equal(holding(), 0);
  assert.ok(leaveMs < 1.5 * joinMs, `${joinMs} ms to join, ${leaveMs} ms to leave`);
});
