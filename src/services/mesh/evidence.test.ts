/** Proof that a box numbers twice is kept, bounded, and sent to the stewards' boxes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "../../kernel/log.ts";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import { openStore } from "../../platform/store.ts";
import type { SignedRecord } from "../../protocols/records/record.ts";
import { createEvidence, EVIDENCE_MAX } from "./evidence.ts";
import { meshStore } from "./store.ts";

const idOf = (n: number) => n.toString(2).replaceAll("0", "a").replaceAll("1", "b").padStart(52, "c");

function pairOf(author: string): SignedRecord[] {
  const base = { author, seq: 3, kind: "note", key: "k", timeMs: 1, floor: 1, untilMs: null, sig: "A".repeat(86) };
  return [
    { ...base, body: "one" },
    { ...base, body: "two" },
  ];
}

test("a pair is kept once, told to the stewards but not to its author, and forgotten when settled", () => {
  const rows = meshStore(openStore(":memory:"));
  const clock = virtualClock();
  const log = createLog({ clock, level: "error", write: () => {} });
  const told: [string, unknown][] = [];
  const make = () =>
    createEvidence({
      ...{ clock, log, rows, selfId: "self" },
      stewards: () => ["self", "steward", idOf(1)],
      ask: (box, _path, body) => {
        told.push([box, body]);
        return Promise.reject(new Error("not there"));
      },
    });
  const room = make();
  assert.deepEqual(room.list(), []);
  room.note(idOf(1), pairOf(idOf(1)));
  room.note(idOf(1), pairOf(idOf(1)));
  assert.deepEqual(told, [["steward", { records: pairOf(idOf(1)) }]]);
  assert.deepEqual(make().list(), [{ box: idOf(1), atMs: clock.wallMs(), records: pairOf(idOf(1)) }], "on disk");
  for (let n = 2; n < EVIDENCE_MAX + 9; n += 1) {
    clock.advance(1);
    room.note(idOf(n), pairOf(idOf(n)));
  }
  assert.equal(room.list().length, EVIDENCE_MAX);
  assert.equal(room.list()[0]!.box, idOf(EVIDENCE_MAX + 8), "the newest first");
  assert.ok(!room.list().some(({ box }) => box === idOf(1)), "the oldest goes");
  room.forget(idOf(20));
  assert.equal(make().list().length, EVIDENCE_MAX - 1);
});
