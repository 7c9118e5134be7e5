/** Who is which node: what boxes say of themselves, when one of them says what is another's. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "../../kernel/log.ts";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import type { MeshClient, RecordView } from "../mesh/client.ts";
import { KV_KIND, createRing } from "./ring.ts";

const STORE = "0011223344556677";

function begin() {
  const clock = virtualClock();
  let records: RecordView[] = [];
  let heard = () => {};
  let changes = 0;
  const mesh = {
    ...{ selfId: "self", registerKind() {}, onJoined() {}, publish() {}, withdraw() {} },
    records: () => records,
    onRecords: (_kind: string, listener: () => void) => void (heard = listener),
    box: () => ({ state: "up" }),
  } as unknown as MeshClient;
  const log = createLog({ clock, level: "error", write: () => {} });
  const ring = createRing({ clock, log, mesh, seemsUp: () => true, onChange: () => void changes++ });
  ring.publish({ node: 1, store: STORE }, "in");
  /** All that boxes say now: each as which node, and dated when. */
  const say = (...said: [author: string, node: number, timeMs: number][]) => {
    records = said.map(([author, node, timeMs]) => ({
      ...{ author, kind: KV_KIND, key: "self", timeMs },
      body: { store: STORE, node, state: "in" },
    }));
    heard();
  };
  return { ring, say, changes: () => changes };
}

test("a box that says that it is another's node is not taken for it, also when it dates that back", () => {
  const { ring, say, changes } = begin();
  say(["b", 2, 20]);
  assert.deepEqual([ring.nodeOf("b"), ring.boxOf(2)], [2, "b"]);
  say(["liar", 2, 10], ["b", 2, 20]);
  assert.deepEqual([ring.nodeOf("b"), ring.boxOf(2), ring.nodeOf("liar")], [2, "b", undefined]);
  say(["liar", 1, 10], ["b", 2, 20]);
  assert.deepEqual([ring.boxOf(1), ring.nodeOf("liar")], ["self", undefined], "nor for this one");
  say(["liar", 2, 10]);
  assert.equal(ring.boxOf(2), "liar", "who is gone has no number");
  assert.equal(changes(), 4);
});

test("of two that are new the older one is it; who has withdrawn is known until the end", () => {
  const { ring, say } = begin();
  say(["b", 2, 20], ["c", 2, 30], ["d", 4, 30]);
  assert.deepEqual([ring.boxOf(2), ring.nodeOf("c"), ring.boxOf(4)], ["b", undefined, "d"]);
  ring.withdraw();
  assert.equal(ring.boxOf(4), "d");
  ring.end();
  assert.deepEqual([ring.boxOf(4), ring.parts()], [undefined, []]);
});
