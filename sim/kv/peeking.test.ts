/** Stale reads: the newest of a majority without the coordinator, and of whoever is left when there is no majority. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { OPEN_OPS_MAX, PEEK_AGAIN_MS, PEEK_PATIENCE_MS } from "../../src/protocols/kv/constants.ts";
import { TICK_MS } from "../../src/protocols/kv/events.ts";
import type { Command } from "../../src/protocols/kv/types.ts";
import { NODES, Three, put } from "./three.ts";

const STALE: Command = { type: "get", stale: true };

test("a stale read asks one other box, and not the coordinator's leave", () => {
  const three = new Three();
  assert.equal(three.value(three.begin(2, STALE)), undefined);
  three.begin(1, put("one"));
  for (const at of NODES) {
    three.sent = [];
    assert.equal(three.value(three.begin(at, STALE)), "one");
    assert.deepEqual(three.sent, ["peek", "peeked"]);
  }
});

test("it sees what a majority took, although the member that it asks first is behind", () => {
  const three = new Three();
  three.begin(1, put("one"));
  three.lost = (_from, to, { type }) => to === 3 && type === "accept";
  three.begin(1, put("two"));
  for (const at of NODES) assert.equal(three.value(three.begin(at, STALE)), "two", `at ${at}`);
});

test("a lost question is asked again, of all", () => {
  const three = new Three();
  three.begin(1, put("one"));
  let once = true;
  three.lost = (_from, _to, { type }) => type === "peek" && once && !(once = false);
  const call = three.begin(2, STALE);
  assert.equal(three.answers.has(call), false);
  three.pass(PEEK_AGAIN_MS + TICK_MS);
  assert.equal(three.value(call), "one");
});

test("cut off from the others, a box still tells what it holds, after a while; a real read fails", () => {
  const three = new Three();
  three.begin(1, put("one"));
  three.lost = (from, to) => from === 3 || to === 3;
  const [stale, real] = [three.begin(3, STALE), three.begin(3, { type: "get" }, PEEK_PATIENCE_MS)];
  three.pass(PEEK_PATIENCE_MS - 2 * TICK_MS);
  assert.equal(three.answers.has(stale), false);
  three.pass(4 * TICK_MS);
  assert.equal(three.value(stale), "one");
  const failed = three.answers.get(real);
  assert.ok(failed?.type === "failed" && failed.why === "no-majority");
});

test("with no answer at all it fails in its time", () => {
  const three = new Three();
  // The box that asks has left the slot: it has nothing of its own to tell.
  for (const node of NODES) three.step(node, { type: "peers", up: NODES, nodes: [1, 3], leaving: [2] });
  three.pass(10_000);
  three.lost = (_from, _to, { type }) => type === "peek";
  const call = three.begin(2, STALE, 2_000);
  three.pass(2_000 + TICK_MS);
  const failed = three.answers.get(call);
  assert.ok(failed?.type === "failed" && failed.why === "no-majority");
});

test("a key that has ended is not there", () => {
  const three = new Three();
  three.begin(1, put("short", 500));
  assert.equal(three.value(three.begin(2, STALE)), "short");
  three.nowMs += 501;
  assert.equal(three.value(three.begin(2, STALE)), undefined);
});

test("no more are open at one time than operations may be", () => {
  const three = new Three();
  three.lost = (_from, _to, { type }) => type === "peek";
  for (let count = 0; count < OPEN_OPS_MAX; count++) three.begin(1, STALE);
  const call = three.begin(1, STALE);
  const failed = three.answers.get(call);
  assert.ok(failed?.type === "failed" && failed.why === "too-many");
});
