/** Steps from one group to the next, and the row of a slot. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { toStored } from "./content.ts";
import { nextMembers } from "./moves.ts";
import { decodeSlot, encodeSlot, majorityOf, Slot } from "./slot.ts";
import type { SlotStatus } from "./slot.ts";

const some = (min: number, max: number) =>
  fc.uniqueArray(fc.integer({ min: 1, max: 8 }), { minLength: min, maxLength: max });

test("a group changes by one step towards what is wanted, and does not shrink for who is merely gone", () => {
  fc.assert(
    fc.property(some(1, 4), some(0, 3), some(0, 8), some(0, 8), (members, wanted, up, leaving) => {
      const isUp = (node: number) => up.includes(node);
      const isLeaving = (node: number) => leaving.includes(node) && isUp(node);
      const change = nextMembers(members, wanted, { degree: 3, isUp, isLeaving });
      if (!change) return;
      const added = change.members.filter((node) => !members.includes(node));
      const gone = members.filter((node) => !change.members.includes(node));
      assert.equal(new Set(change.members).size, change.members.length);
      assert.ok(change.members.length > 0);
      assert.ok(added.length <= 1 && gone.length <= 1 && added.length + gone.length > 0);
      assert.deepEqual(gone, change.without === undefined ? [] : [change.without]);
      for (const node of added) assert.ok(wanted.includes(node) && isUp(node));
      for (const node of gone) assert.ok(!wanted.includes(node));
      if (gone.length > added.length) assert.ok(members.length > 3 || isLeaving(gone[0]!));
    }),
  );
});

test("step by step a group becomes the wanted one, and then stays", () => {
  fc.assert(
    fc.property(some(1, 3), some(1, 3), (first, wanted) => {
      let members: readonly number[] = first;
      const knowledge = { degree: 3, isUp: () => true, isLeaving: (node: number) => !wanted.includes(node) };
      for (let steps = 0; steps < 6; steps++) members = nextMembers(members, wanted, knowledge)?.members ?? members;
      assert.deepEqual(members.toSorted(), wanted.toSorted());
      assert.equal(nextMembers(members, wanted, knowledge), undefined);
    }),
  );
});

test("who is gone goes first; nobody who is gone comes", () => {
  const isUp = (node: number) => node !== 2 && node !== 9;
  const change = nextMembers([1, 2, 3], [3, 9, 8], { degree: 3, isUp, isLeaving: () => false });
  assert.deepEqual(change, { members: [3, 8, 1], without: 2 });
  assert.equal(nextMembers([1, 2, 3], [1, 3], { degree: 3, isUp, isLeaving: () => false }), undefined);
});

test("who leaves stays a member while the box that is to take its place is away for a moment", () => {
  const isUp = (node: number) => node !== 3;
  const isLeaving = (node: number) => node === 9;
  assert.equal(nextMembers([1, 2, 9], [1, 2, 3], { degree: 3, isUp, isLeaving }), undefined);
  // After a minute it is none of the boxes that are wanted any more, and there are too few.
  assert.deepEqual(nextMembers([1, 2, 9], [1, 2], { degree: 3, isUp, isLeaving }), { members: [1, 2], without: 9 });
});

test("majorities", () => {
  for (const [count, majority] of [
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 3],
  ] as const)
    assert.equal(majorityOf(Array.from({ length: count }, (_, at) => at)), majority);
});

test("the row of a slot comes back as it was", () => {
  const uint48 = fc.integer({ min: 0, max: 2 ** 48 - 1 });
  const ballot = fc.record({ round: uint48, node: uint48 }, { noNullPrototype: true });
  const members = fc.uniqueArray(uint48, { minLength: 1, maxLength: 5 });
  const view = fc.record({ number: fc.integer({ min: 0, max: 2 ** 40 }), members }, { noNullPrototype: true });
  const status = fc.constantFrom<SlotStatus>("learning", "syncing", "ready", "fenced");
  const accepted = fc.option(fc.record({ ballot, members }, { noNullPrototype: true }), { nil: undefined });
  fc.assert(
    fc.property(
      view,
      fc.option(view, { nil: undefined }),
      status,
      ballot,
      ballot,
      accepted,
      (now, before, is, promised, viewPromised, viewAccepted) => {
        const slot = new Slot(17, now, is);
        Object.assign(slot, { before, promised, viewPromised, viewAccepted });
        const back = decodeSlot(17, encodeSlot(slot));
        assert.deepEqual({ ...back }, { ...slot });
      },
    ),
  );
});

test("two slots tell the same digest when they hold the same, in whatever order it came", () => {
  const [one, two] = [1, 2].map((number) => new Slot(number, { number: 0, members: [1] }, "ready")) as [Slot, Slot];
  const stored = (n: number) => {
    const version = { round: 0, node: 0, n };
    return toStored({ version, set: version, value: new Uint8Array(0), expiresMs: null, origins: [] });
  };
  const empty = one.digest;
  for (const n of [1, 2, 3]) one.put(`k${n}`, stored(n));
  for (const n of [3, 1, 2]) two.put(`k${n}`, stored(n));
  assert.equal(one.digest, two.digest);
  two.put("k1", stored(9));
  assert.notEqual(one.digest, two.digest);
  for (const slot of [one, two]) for (const n of [1, 2, 3]) slot.remove(`k${n}`);
  assert.deepEqual([one.digest, two.digest, one.bytes, two.bytes], [empty, empty, 0, 0]);
});
