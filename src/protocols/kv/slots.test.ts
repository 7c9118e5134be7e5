/** Keys and nodes are spread evenly, and a node more or less moves only its share. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../kernel/random.ts";
import { SLOTS } from "./constants.ts";
import { Groups, groupOf, slotOf } from "./slots.ts";

const random = seededRandom(1);
const nodes = Array.from({ length: 10 }, () => random.below(2 ** 24) * 2 ** 24 + random.below(2 ** 24));

test("keys are spread evenly over slots", () => {
  const counts = new Uint32Array(64);
  for (let key = 0; key < 64_000; key++) counts[slotOf(`user:${key}`, 64)]!++;
  for (const count of counts) assert.ok(count > 800 && count < 1_200, `${count} of about 1,000`);
});

test("slots are spread evenly over nodes", () => {
  const counts = new Map<number, number>();
  for (let slot = 0; slot < SLOTS; slot++)
    for (const node of groupOf(slot, nodes, 3)) counts.set(node, (counts.get(node) ?? 0) + 1);
  const fair = (SLOTS * 3) / nodes.length;
  for (const node of nodes)
    assert.ok(Math.abs(counts.get(node)! - fair) < 0.2 * fair, `${counts.get(node)} of ${fair}`);
});

test("a node more or less moves only its own share, whatever the order in which they are named", () => {
  const [gone, ...left] = nodes;
  let changed = 0;
  for (let slot = 0; slot < SLOTS; slot++) {
    const [before, after] = [groupOf(slot, nodes, 3), groupOf(slot, left.toReversed(), 3)];
    assert.equal(new Set(after).size, 3);
    if (before.includes(gone!)) changed++;
    // Who stays keeps its place among those who stay.
    const stayed = before.filter((node) => node !== gone);
    assert.deepEqual(after.slice(0, stayed.length), stayed);
  }
  assert.ok(changed < SLOTS * 0.36, `${changed} groups changed`);
});

test("fewer nodes than the degree: all of them", () => {
  assert.deepEqual(groupOf(5, [7], 3), [7]);
  assert.deepEqual(groupOf(5, [], 3), []);
  assert.deepEqual(groupOf(5, [7, 9], 3).toSorted(), [7, 9]);
});

test("groups are counted once for the same nodes, and anew for others", () => {
  const groups = new Groups(3);
  const first = groups.of(5, nodes);
  assert.deepEqual(first, groupOf(5, nodes, 3));
  assert.equal(groups.of(5, nodes), first);
  assert.equal(groups.of(5, [...nodes]), first, "named once more");
  const fewer = nodes.filter((node) => node !== first[0]);
  for (const some of [fewer, [...fewer, 7], [], nodes]) {
    for (const slot of [5, 6]) assert.deepEqual(groups.of(slot, some), groupOf(slot, some, 3), `of ${some.length}`);
  }
});
