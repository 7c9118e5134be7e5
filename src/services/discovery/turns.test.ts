/** Some at a time: the bound, the order, the end of the queue, and that a failure gives its place back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { settled } from "../../kernel/virtual-clock.ts";
import { createTurns } from "./turns.ts";

test("two at a time, who waits before what is due; one too many is refused; a failure frees its place", async () => {
  const turns = createTurns({ atOnceMax: 2, waitingMax: 1 });
  const begun: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const work = (name: string) => () =>
    new Promise<void>((resolve, reject) => {
      begun.push(name);
      ends.set(name, (error) => (error ? reject(error) : resolve()));
    });
  const first = turns.take(work("a"), false)!;
  void turns.take(work("b"), false);
  const due = turns.take(work("due"), false);
  const asked = turns.take(work("asked"), true);
  assert.ok(due && asked);
  assert.deepEqual([turns.take(work("x"), false), turns.take(work("y"), true)], [undefined, undefined]);
  assert.deepEqual(begun, ["a", "b"]);
  ends.get("a")!(new Error("broken"));
  await assert.rejects(first, /broken/);
  await settled();
  assert.deepEqual(begun, ["a", "b", "asked"]);
  ends.get("asked")!();
  await asked;
  await settled();
  assert.deepEqual(begun, ["a", "b", "asked", "due"]);
});
