/** What an operation waits for while its slot's group changes: no longer than it must. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../src/kernel/random.ts";
import { createKvNode } from "../../src/protocols/kv/node.ts";
import { A, B, C, D, E, Script } from "./scripted.ts";

const LOOK_MS = 600;
const THREE = [A, B, C];

const isDone = ({ effect }: ReturnType<Script["put"]>) => effect?.type === "done";

test("who coordinates a new view has its ballot before anybody asks", () => {
  const script = new Script({ create: createKvNode, members: THREE });
  script.know(A, { nodes: [A, B, D] });
  script.pass(LOOK_MS, [A]);
  script.must(script.slotOf(D)?.status === "ready", "D takes the place of C");
  script.lose({ type: "prepare" });
  assert.ok(isDone(script.put(A, "1")));
});

test("one that hears of a new view only from its coordinator is asked for its promise once more", () => {
  const script = new Script({ create: createKvNode, members: THREE });
  script.hold({ type: "decided", from: A, to: [C, D] });
  script.know(A, { nodes: [B, C, D], leaving: [A] });
  script.pass(LOOK_MS, [A]);
  script.must(script.slotOf(B)?.view.number === 2, "A has decided that it leaves");
  assert.equal(script.slotOf(C)?.view.number, 2);
  assert.ok(isDone(script.put(B, "1")));
});

test("a box that knows an old group goes straight to who coordinates the new one", () => {
  const script = new Script({ create: createKvNode, members: THREE });
  script.know(E, { nodes: THREE });
  script.must(isDone(script.put(E, "1")), "A coordinates");
  script.know(A, { nodes: [B, C, D], leaving: [A] });
  script.pass(LOOK_MS, [A]);
  script.must(script.slotOf(A)?.status === "fenced", "A has left");
  const asked = script.double({ type: "forward", from: E });
  assert.ok(isDone(script.put(E, "2")));
  assert.deepEqual(
    asked.held.map(({ to }) => to),
    [A, B],
  );
});

test("what a box is asked before it knows any other goes as soon as it knows one", () => {
  const config = { node: 1, life: 11, degree: 3, slots: 1, quotaBytes: () => 2 ** 20 };
  const node = createKvNode(config, { random: seededRandom(1) });
  assert.deepEqual(node.step(0, 0, { type: "operation", id: 1, key: "k", command: { type: "get" } }), []);
  const [sent, ...more] = node.step(1, 1, { type: "peers", up: [1, 2], nodes: [2], leaving: [] });
  assert.ok(sent?.type === "send" && sent.to === 2 && more.length === 0);
  assert.deepEqual(
    sent.messages.map(({ type }) => type),
    ["forward"],
  );
});
