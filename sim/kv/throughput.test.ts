/** More boxes do more: in virtual time with a model of what things cost, and slots lie evenly on the boxes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createKvNode } from "../../src/protocols/kv/node.ts";
import { groupOf } from "../../src/protocols/kv/slots.ts";
import type { CostModel } from "./cost-model.ts";
import { DRIVERS, GOOD, HOME } from "./cost-model.ts";
import { measureThroughput, placementOf } from "./throughput.ts";
import { KvWorld } from "./world.ts";

const KEYS = 3_000;
const CLIENTS = 64;

function measured(model: CostModel, boxes: number, writes: number, forMs: number) {
  const load = { clientsPerBox: CLIENTS, keys: KEYS, valueBytes: 256, writes };
  return measureThroughput({ seed: 1, boxes, model, ...load, warmMs: 2 * forMs, forMs });
}

// GOOD waits for more after a large step, and has time to spare; this one is busy all the time.
const eachTurn = { ...GOOD, name: "good machine, a step in each turn", driver: DRIVERS.turn };

// Of three boxes each holds every key, so that most of its reads take one round; with more, fewer do, and the growth is
// less, although all of them do more than when none did.
for (const { model, writes, forMs, least } of [
  { model: GOOD, writes: 1, forMs: 50, least: [1.6, 2.2] },
  { model: GOOD, writes: 0.05, forMs: 50, least: [1.5, 2] },
  { model: HOME, writes: 1, forMs: 300, least: [1.6, 2.2] },
  { model: HOME, writes: 0.05, forMs: 300, least: [1.4, 1.8] },
  // Three boxes gain most by sharing frames, so that the growth is less.
  { model: eachTurn, writes: 1, forMs: 50, least: [1.5, 2] },
  { model: eachTurn, writes: 0.05, forMs: 50, least: [1.3, 1.6] },
] as const)
  test(`6 and 9 boxes do more than 3: ${model.name}, ${100 * writes} % writes`, (t) => {
    const [three, six, nine] = [3, 6, 9].map((boxes) => measured(model, boxes, writes, forMs));
    const times = (one: typeof three) => one!.operationsPerS / three!.operationsPerS;
    t.diagnostic(`6: ${times(six).toFixed(2)} times, 9: ${times(nine).toFixed(2)} times`);
    assert.ok(times(six) >= least[0], `6 boxes: ${times(six)}`);
    assert.ok(times(nine) >= least[1], `9 boxes: ${times(nine)}`);
    for (const one of [three, six, nine]) {
      assert.equal(one!.failed, 0);
      // Nothing is asked twice for want of an answer in time.
      assert.ok(one!.perOperation.forwards < 1.05, `${one!.perOperation.forwards} forwards for an operation`);
    }
  });

test("a run is repeated by its seed", () => {
  assert.deepEqual(measured(GOOD, 3, 0.5, 20), measured(GOOD, 3, 0.5, 20));
});

test("the model's limits bind: a slower CPU, disk or network, each alone, makes it slower", () => {
  const quick: CostModel = { ...GOOD, cpuTimes: 0.1, syncMs: 0.05, latencyMs: 0.05 };
  const at = (change: Partial<CostModel>) => measured({ ...quick, ...change }, 3, 1, 40).operationsPerS;
  const best = at({});
  for (const change of [{ cpuTimes: 2 }, { syncMs: 20 }, { diskMiBPerS: 5 }, { latencyMs: 10 }, { mbitPerS: 10 }])
    assert.ok(at(change) < best / 2, JSON.stringify(change));
});

test("no box coordinates or holds much more slots than others", () => {
  for (const [boxes, coordinatedMax, heldMax] of [
    [3, 1.2, 1],
    [6, 1.3, 1.15],
    [9, 1.35, 1.2],
    [12, 1.45, 1.25],
  ] as const)
    for (let seed = 1; seed <= 20; seed++) {
      const { coordinated, held } = placementOf(boxes, seed);
      assert.ok(coordinated <= coordinatedMax, `${boxes} boxes, seed ${seed}: ${coordinated}`);
      assert.ok(held <= heldMax, `${boxes} boxes, seed ${seed}: ${held}`);
    }
});

test("boxes that came one by one hold the slots where these measurements begin", () => {
  const slots = 32;
  const world = new KvWorld({ seed: 1, nodes: 6, slots, degree: 3, create: createKvNode });
  for (const box of world.boxes) box.takesPart = false;
  for (const box of world.boxes) {
    box.takesPart = true;
    box.start();
    if (box.index === 0) box.step({ type: "found" });
    world.run(world.nowMs + 3_000);
  }
  // Who was left out forgets its copy only some seconds later.
  world.run(world.nowMs + 6_000);
  const nodes = world.boxes.map(({ node }) => node);
  for (const box of world.boxes)
    for (const { number, view, status } of box.core!.slots()) {
      assert.equal(status, "ready");
      assert.deepEqual(view.members, groupOf(number, nodes, 3), `slot ${number}`);
    }
});
