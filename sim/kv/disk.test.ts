/** Who waits for which disk: a change for a majority, a read for none, and neither for what else a box has to store. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NODES, Three, put } from "./three.ts";

const isDone = (three: Three, call: number) => three.answers.get(call)?.type === "done";

test("what two members have on their disks is told, whosever disk stands still, the coordinator's too", () => {
  for (const node of NODES) {
    const three = new Three();
    // The coordinator has its ballot.
    assert.ok(isDone(three, three.begin(1, put("zero"))));
    three.standing.add(node);
    // The second meets a coordinator that has something else to store.
    const calls = [three.begin(1, put("one")), three.begin(1, put("two"), 5_000, "other")];
    for (const call of calls) assert.ok(isDone(three, call), `the disk of ${node} stands`);
    const read = three.begin(2, { type: "get" });
    assert.equal(three.value(read), "one");
  }
});

test("a change waits for a majority of disks, a read beside it for none", () => {
  const three = new Three();
  assert.ok(isDone(three, three.begin(1, put("before"))));
  for (const node of NODES) three.standing.add(node);
  const change = three.begin(1, put("after"), 5_000, "other");
  const read = three.begin(1, { type: "get" });
  assert.equal(three.value(read), "before");
  three.goOn(1);
  assert.ok(!isDone(three, change));
  three.goOn(2);
  assert.ok(isDone(three, change));
});
