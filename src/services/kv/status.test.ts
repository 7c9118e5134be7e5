/** What the status costs: it is asked for again and again while a page is open, and clients wait meanwhile. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../kernel/random.ts";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import { DEGREE, SLOTS } from "../../protocols/kv/constants.ts";
import { createKvNode } from "../../protocols/kv/node.ts";
import { Latencies } from "./latencies.ts";
import type { Ring } from "./ring.ts";
import { statusOf } from "./status.ts";
import type { Running } from "./store-node.ts";
import { Tally } from "./tally.ts";

const NODES = [11, 22, 33, 44];

test("the status asks once who is up, and tells what is due and who holds how much", () => {
  const config = { node: 11, life: 1, degree: DEGREE, slots: SLOTS, quotaBytes: () => 2 ** 20 };
  const node = createKvNode(config, { random: seededRandom(1) });
  node.step(0, 0, { type: "found" });
  let asked = 0;
  const ring = {
    peers: () => {
      asked++;
      return { up: [11, 22, 33], nodes: NODES, leaving: [] };
    },
    parts: () => NODES.map((one) => ({ boxId: `box ${one}`, node: one, store: "", isLeaving: false })),
  } as unknown as Ring;
  const sent = { copying: { messages: 0, bytes: 0 }, other: { messages: 0, bytes: 0 } };
  const status = statusOf({
    ...{ state: "running", ring, latencies: new Latencies(), clock: virtualClock() },
    running: { node, tally: new Tally(node, DEGREE), identity: { node: 11, store: "one" } } as unknown as Running,
    ...{ peers: { sent, lost: 0, garbled: 0, refused: 0 }, quotaBytes: 2 ** 20 },
  });
  assert.equal(asked, 1);
  assert.deepEqual(
    status.members.map(({ node: one, isUp, slots }) => [one, isUp, slots]),
    [
      [11, true, SLOTS],
      [22, true, 0],
      [33, true, 0],
      [44, false, 0],
    ],
  );
  assert.deepEqual([status.dueSlots, status.reachableSlots, status.copies], [SLOTS, SLOTS, 1]);
});
