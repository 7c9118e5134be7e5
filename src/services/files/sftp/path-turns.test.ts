/** Which requests wait for which. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { nextTurn } from "../../../kernel/clock.ts";
import type { PathWish } from "./path-turns.ts";
import { PathTurns } from "./path-turns.ts";

const look = (...paths: string[]): PathWish => ({ paths, isChange: false });
const list = (path: string): PathWish => ({ paths: [path], isChange: false, isListing: true });
const change = (...paths: string[]): PathWish => ({ paths, isChange: true });

async function waits(first: PathWish, second: PathWish): Promise<boolean> {
  const turns = new PathTurns();
  const { promise, resolve } = Promise.withResolvers<void>();
  const order: number[] = [];
  const one = turns.run(first, async () => {
    await promise;
    order.push(1);
  });
  const two = turns.run(second, async () => void order.push(2));
  for (let n = 0; n < 3; n += 1) await nextTurn();
  resolve();
  await Promise.all([one, two]);
  return order[0] === 1;
}

test("what touches waits, what does not goes on", async () => {
  const waiting: [PathWish, PathWish][] = [
    [change("/a"), look("/a")],
    [change("/a"), look("/a/b")],
    [change("/a/b"), list("/a")],
    [change("/a", "/b"), change("/b/c")],
    [look("/a/b"), change("/a")],
    [list("/a"), change("/a/b/c")],
    [change("/"), look("/x")],
  ];
  for (const [first, second] of waiting)
    assert.equal(await waits(first, second), true, JSON.stringify([first, second]));
  const free: [PathWish, PathWish][] = [
    [look("/a"), look("/a")],
    [list("/a"), look("/a/b")],
    [change("/a/b"), look("/a")],
    [change("/a"), change("/ab")],
    [change("/a/b"), change("/a/c")],
    [look("/a"), change("/a/b")],
  ];
  for (const [first, second] of free) assert.equal(await waits(first, second), false, JSON.stringify([first, second]));
});

test("what failed lets the next one go", async () => {
  const turns = new PathTurns();
  const failing = turns.run(change("/a"), async () => {
    throw new Error("no");
  });
  assert.equal(await turns.run(look("/a"), async () => 5), 5);
  await assert.rejects(failing, /no/);
});
