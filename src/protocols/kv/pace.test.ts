/** When changes of groups begin on a node that works for clients. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { REST_MS_MAX, REST_TIMES, VIEW_AGAIN_MS } from "./constants.ts";
import { Pace } from "./pace.ts";

const none = () => false;
const all = () => true;

test("after changes that it began together a node rests for so many times as long as they took", () => {
  const pace = new Pace();
  assert.ok(pace.mayBegin(1_000, false, none), "at first there is nothing to rest from");
  pace.begun(1_000, [1, 2]);
  assert.ok(!pace.mayBegin(1_050, false, (slot) => slot === 1), "one has not ended");
  assert.ok(!pace.mayBegin(1_080, false, all));
  assert.ok(!pace.mayBegin(1_080 + REST_TIMES * 80 - 1, false, none));
  assert.ok(pace.mayBegin(1_080 + REST_TIMES * 80, false, none));
});

test("what took long is followed by no longer a rest than this", () => {
  const pace = new Pace();
  pace.begun(0, [1]);
  assert.ok(!pace.mayBegin(VIEW_AGAIN_MS - 1, false, all));
  assert.ok(!pace.mayBegin(VIEW_AGAIN_MS - 2 + REST_MS_MAX, false, all));
  assert.ok(pace.mayBegin(VIEW_AGAIN_MS - 1 + REST_MS_MAX, false, all));
});

test("a change that hangs keeps the others no longer than until it is tried again", () => {
  const pace = new Pace();
  pace.begun(0, [1]);
  assert.ok(!pace.mayBegin(VIEW_AGAIN_MS - 1, true, none));
  assert.ok(pace.mayBegin(VIEW_AGAIN_MS, true, none));
});

test("where a copy is missing nothing rests", () => {
  const pace = new Pace();
  pace.begun(0, [1]);
  assert.ok(!pace.mayBegin(50, true, none), "those before have not ended");
  assert.ok(pace.mayBegin(50, true, all));
});
