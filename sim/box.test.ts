/** What a simulated box may keep: the limits of its buffers, reached; and what its disk keeps over a crash. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { beginTogether } from "./beginning.ts";
import { ADDRESSES_MAX, PAUSED_PACKETS_MAX } from "./box.ts";
import { small } from "./scenarios/small.ts";
import { World } from "./world.ts";

function worldOf(boxes: number): World {
  const world = new World({ ...small, boxes, seed: 1 });
  beginTogether(world);
  return world;
}

test("a box that stands still keeps so many packets and loses the rest, and remembers so many addresses", () => {
  const world = worldOf(ADDRESSES_MAX + 10);
  const [box] = world.boxes;
  box!.pausedUntilMs = 100;
  let heard = 0;
  for (let i = 0; i < PAUSED_PACKETS_MAX + 5; i++) box!.receive(() => heard++);
  world.run(99);
  assert.equal(heard, 0);
  world.run(101);
  assert.equal(heard, PAUSED_PACKETS_MAX);
  assert.equal(box!.addresses.size, ADDRESSES_MAX);
});

test("a crash between writing and syncing: a torn write is lost, another survives", () => {
  for (const torn of [true, false]) {
    const world = worldOf(3);
    const [box] = world.boxes;
    // The store is the first effect and its sync the second crash point.
    box!.crashPoint = { effects: 1, torn, downMs: 10 };
    assert.equal(box!.replica!.put("note", "a", { text: "x" }), false);
    assert.equal(box!.up, false);
    assert.equal(world.ledger.acknowledged.size, torn ? 0 : 1);
    world.run(500);
    assert.equal(box!.up, true);
    assert.equal(box!.replica!.core.get(box!.key.id, "note", "a") !== undefined, !torn);
  }
});

test("traffic is counted for each box, and a partition stops all of it", () => {
  const world = worldOf(4);
  world.run(2000);
  const sum = world.network.sentBytes.reduce((total, bytes) => total + bytes, 0);
  const { datagramBytes, exchangeBytes } = world.network.traffic;
  assert.equal(sum, datagramBytes + exchangeBytes);
  world.network.island[3] = 1;
  world.run(8000);
  for (const box of world.boxes.slice(0, 3)) {
    assert.equal(box.gossip!.core.member(world.boxes[3]!.key.id)!.status, "failed");
  }
});
