/** Tests of the list that does not move under the finger. */
/// <reference types="node" />
import assert from "node:assert/strict";
import { test } from "node:test";
import { steady } from "./steady.ts";

interface Row {
  id: string;
  title: string;
}
const row = (id: string, title = id): Row => ({ id, title });
const idOf = (item: Row) => item.id;

test("rows stay in place and take up their new content", () => {
  const known = new Map([
    ["a", row("a")],
    ["b", row("b")],
  ]);
  const result = steady(["a", "b"], [row("b"), row("a", "A, renamed")], idOf, known);
  assert.deepEqual(
    result.rows.map((one) => one.item.title),
    ["A, renamed", "b"],
  );
  assert.equal(result.stale, true);
});

test("what is gone stays grey, what is new is counted", () => {
  const known = new Map([
    ["a", row("a")],
    ["b", row("b")],
  ]);
  const result = steady(["a", "b"], [row("a"), row("c"), row("d")], idOf, known);
  assert.deepEqual(
    result.rows.map((one) => [one.item.id, one.gone]),
    [
      ["a", false],
      ["b", true],
    ],
  );
  assert.deepEqual([result.added, result.gone, result.stale], [2, 1, true]);
});

test("nothing to say when nothing changed", () => {
  const known = new Map([["a", row("a")]]);
  assert.equal(steady(["a"], [row("a")], idOf, known).stale, false);
});
