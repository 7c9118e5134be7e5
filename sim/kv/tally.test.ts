/** What the status counts on from look to look is what it would count anew. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SLOTS } from "../../src/protocols/kv/constants.ts";
import { createKvNode } from "../../src/protocols/kv/node.ts";
import { Tally } from "../../src/services/kv/tally.ts";
import { Clients } from "./clients.ts";
import type { KvBox } from "./world.ts";
import { KvWorld } from "./world.ts";

const DEGREE = 3;
const LOOK_MS = 170;

test("counted on while boxes come, go and are lost, the slots are as if counted anew", () => {
  const world = new KvWorld({ seed: 5, nodes: 6, slots: SLOTS, degree: DEGREE, create: createKvNode });
  const [first, second, third, ...others] = world.boxes as [KvBox, KvBox, KvBox, ...KvBox[]];
  for (const box of world.boxes) box.takesPart = false;
  const begin = (...boxes: KvBox[]) => {
    for (const box of boxes) {
      box.takesPart = true;
      box.start();
    }
  };
  begin(first);
  first.step({ type: "found" });
  const tally = new Tally(first.core!, DEGREE);
  const seen = new Set<number>();
  const pass = (ms: number) => {
    for (const untilMs = world.nowMs + ms; world.nowMs < untilMs;) {
      world.run(world.nowMs + LOOK_MS);
      const nodes = world.boxes.filter(({ takesPart }) => takesPart).map(({ node }) => node);
      const up = world.boxes.filter(({ up: isUp }) => isUp).map(({ node }) => node);
      const counted = structuredClone(tally.read(up, nodes));
      const anew = new Tally(first.core!, DEGREE).read(up, nodes);
      // Who held slots once, and holds none any more, is counted with none.
      const shares = new Map([...counted.shares].filter(([, share]) => share.slots > 0));
      assert.deepEqual({ ...counted, shares }, anew);
      assert.deepEqual(counted.statuses, first.core!.stats().slots);
      let keys = 0;
      for (const slot of first.core!.slots()) keys += slot.keys.size;
      assert.equal(first.core!.figures().keys, keys);
      seen.add(counted.due);
    }
  };
  pass(500);
  const clients = new Clients(world, { clients: 4, keys: 300, counters: 10 });
  begin(second, third);
  pass(4_000);
  for (const other of others) {
    begin(other);
    pass(4_000);
  }
  second.takesPart = false;
  pass(4_000);
  third.crash(true);
  pass(4_000);
  assert.ok(clients.answered > 500, "there are keys");
  assert.ok(seen.size > 20, "groups changed while it looked");
});
