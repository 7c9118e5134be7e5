/** Slots without a majority: what is asked of them is refused at once when that has been known for a while. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../src/kernel/random.ts";
import { GONE_AFTER_MS, OPERATION_TIMEOUT_MS } from "../../src/protocols/kv/constants.ts";
import { TICK_MS } from "../../src/protocols/kv/events.ts";
import { createKvNode } from "../../src/protocols/kv/node.ts";
import { NODES, Three, put } from "./three.ts";

const why = (three: Three, call: number) => {
  const answer = three.answers.get(call);
  return answer?.type === "failed" ? answer.why : answer?.type;
};

/** Node 1 by itself; the other two are down. */
function alone(): Three {
  const three = new Three();
  three.begin(1, put("before"));
  three.lost = (from, to) => from !== 1 || to !== 1;
  three.step(1, { type: "peers", up: [1], nodes: NODES, leaving: [] });
  return three;
}

test("without a majority for a while, a change and a read are refused at once, and nothing is sent", () => {
  const three = alone();
  three.pass(GONE_AFTER_MS);
  three.sent = [];
  const calls = [three.begin(1, put("lost"), OPERATION_TIMEOUT_MS), three.begin(1, { type: "get" })];
  assert.deepEqual(
    calls.map((call) => why(three, call)),
    ["no-majority", "no-majority"],
  );
  assert.deepEqual(three.sent, []);
});

test("what is asked before that waits for the others, and is done when they are back", () => {
  const three = alone();
  three.pass(GONE_AFTER_MS - TICK_MS);
  const call = three.begin(1, put("after"), OPERATION_TIMEOUT_MS);
  assert.equal(why(three, call), undefined);
  three.lost = () => false;
  three.step(1, { type: "peers", up: NODES, nodes: NODES, leaving: [] });
  three.pass(1_000);
  assert.equal(why(three, call), "done");
});

test("a refused change did not happen, and the next one does as soon as one other is back", () => {
  const three = alone();
  three.pass(GONE_AFTER_MS);
  three.begin(1, put("refused"), OPERATION_TIMEOUT_MS);
  three.lost = (from, to) => from === 3 || to === 3;
  three.step(1, { type: "peers", up: [1, 2], nodes: NODES, leaving: [] });
  const read = three.begin(1, { type: "get" });
  three.pass(1_000);
  assert.equal(three.value(read), "before");
  const call = three.begin(1, put("again"), OPERATION_TIMEOUT_MS);
  three.pass(1_000);
  assert.equal(why(three, call), "done");
});

test("a node that knows an old group asks, if those that should hold the slot now are up", () => {
  const three = new Three();
  three.step(1, { type: "peers", up: [1, 4, 5], nodes: [1, 4, 5], leaving: [] });
  three.lost = (from, to) => from !== 1 || to !== 1;
  three.pass(GONE_AFTER_MS);
  assert.equal(why(three, three.begin(1, put("asked"))), undefined);
});

test("a node that has just begun gives the others as long to appear", () => {
  const config = { node: 1, life: 11, degree: 3, slots: 1, quotaBytes: () => 2 ** 20 };
  const node = createKvNode(config, { random: seededRandom(1) });
  const ask = (nowMs: number) => {
    node.step(nowMs, 0, { type: "peers", up: [1], nodes: NODES, leaving: [] });
    const effects = node.step(nowMs, 0, { type: "operation", id: nowMs, key: "k", command: put("early") });
    return effects.some(({ type }) => type === "failed");
  };
  assert.deepEqual([ask(5), ask(4 + GONE_AFTER_MS), ask(5 + GONE_AFTER_MS)], [false, false, true]);
});
