/** Tests of what the page says about the state of the store. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Standing, arriving, memberOrder, verdictOf, wholePercent } from "./view.ts";

const SLOTS = { total: 1024, ready: 1024, copying: 0, leaving: 0, reachable: 1024 };
const up = { up: true, slots: 1024 };
const down = { up: false, slots: 1024 };

function standing(boxes: number, change: Partial<Standing> = {}): Standing {
  return {
    state: "running",
    members: Array.from({ length: boxes }, () => up),
    slots: SLOTS,
    copies: Math.min(3, boxes),
    ...change,
  };
}

test("what survives depends on how many boxes hold each key", () => {
  assert.deepEqual(verdictOf(standing(1)), { word: "alone", tone: "info" });
  assert.deepEqual(verdictOf(standing(2)), { word: "two", tone: "info" });
  assert.deepEqual(verdictOf(standing(3)), { word: "three", tone: "ok" });
  assert.deepEqual(verdictOf(standing(40)), { word: "three", tone: "ok" });
});

test("copies that are still to be made are told, and never as safety", () => {
  assert.equal(verdictOf(standing(3, { copies: 2 })).word, "growing");
  assert.equal(verdictOf(standing(2, { copies: 1 })).word, "growing");
  assert.equal(verdictOf(standing(5, { copies: 1 })).tone, "warning");
});

test("with a box down nothing is promised any more", () => {
  assert.deepEqual(verdictOf(standing(3, { members: [up, up, down] })), { word: "weak", tone: "warning" });
  const left = { up: false, slots: 0 };
  assert.equal(verdictOf(standing(4, { members: [up, up, up, left] })).word, "three", "it holds nothing");
});

test("keys without a majority come before all else", () => {
  const part = { slots: { ...SLOTS, reachable: 700 }, members: [up, up, down, down] };
  const none = { slots: { ...SLOTS, reachable: 0 } };
  assert.deepEqual(verdictOf(standing(4, part)), { word: "partly", tone: "error" });
  assert.deepEqual(verdictOf(standing(3, { ...part, ...none })), { word: "stopped", tone: "error" });
  assert.deepEqual(verdictOf(standing(2, { ...none, members: [up, down] })), {
    word: "stopped",
    tone: "error",
  });
});

test("before and after it runs", () => {
  assert.equal(verdictOf(standing(3, { state: "waiting" })).word, "waiting");
  assert.equal(verdictOf(standing(0)).word, "waiting", "nobody is known yet");
  assert.equal(verdictOf(standing(3, { state: "leaving" })).word, "leaving");
  assert.deepEqual(verdictOf(standing(3, { state: "failed" })), { word: "failed", tone: "error" });
});

test("progress is told while slots arrive", () => {
  assert.equal(arriving(standing(3)), undefined);
  const slots = { ...SLOTS, ready: 900, copying: 124 };
  assert.deepEqual(arriving(standing(3, { slots })), { done: 900, all: 1024 });
});

test("whole percents say 0 and 100 only when it is so", () => {
  assert.deepEqual(
    [0, 1, 512, 1023, 1024].map((part) => wholePercent(part, 1024)),
    [0, 1, 50, 99, 100],
  );
  assert.equal(wholePercent(3, 0), 0);
});

test("this box stands first, then names; two boxes of one name keep their places", () => {
  const box = (boxId: string, name: string, self = false) => ({ boxId, box: name, self });
  const boxes = [box("d", "Taller"), box("c", "Ateneu"), box("b", "Forn", true), box("a", "Taller")];
  assert.deepEqual(
    boxes.toSorted(memberOrder).map(({ boxId }) => boxId),
    ["b", "c", "a", "d"],
  );
});
