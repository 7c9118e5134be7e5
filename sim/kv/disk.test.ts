/** Who waits for which disk: a change for a majority, a read for none, and neither for what else a box has to store. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { UNSTORED_BYTES_MAX, VALUE_BYTES_MAX } from "../../src/protocols/kv/constants.ts";
import { TICK_MS } from "../../src/protocols/kv/events.ts";
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

test("no box takes more than its disk comes to store: the others go on, and it makes up for it later", () => {
  for (const node of NODES) {
    const three = new Three();
    three.quotaBytes.fill(2 ** 30);
    three.pass(TICK_MS);
    assert.ok(isDone(three, three.begin(1, put("the coordinator has its ballot"))));
    three.standing.add(node);
    let last = "";
    for (let count = 0; count < 2 + UNSTORED_BYTES_MAX / VALUE_BYTES_MAX; count++) {
      last = String(count).padEnd(VALUE_BYTES_MAX, "x");
      const call = three.begin(1, put(last), 20_000);
      for (let passed = 0; !isDone(three, call) && passed < 20_000; passed += 500) three.pass(500);
      assert.ok(isDone(three, call), `the disk of ${node} stands, change ${count}`);
    }
    assert.ok(three.unstoredBytes.get(node)! < UNSTORED_BYTES_MAX + 2 * VALUE_BYTES_MAX);
    three.goOn(node);
    for (const at of NODES) {
      const read = three.begin(at, { type: "get" });
      three.pass(2_000);
      assert.equal(three.value(read), last);
    }
  }
});
