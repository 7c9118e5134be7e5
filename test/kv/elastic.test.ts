/** Three real boxes become four and three again while clients work: no operation fails, and every key is there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PacedLoad } from "./paced-load.ts";
import { move, ringOf, startStoreBoxes, stopStoreBoxes } from "./store-boxes.ts";

const MOVE_TIMEOUT_MS = 150_000;
const KEYS = 4_000;
/** Of 1,024 slots on 3 of 4 boxes, the fourth gets 768; hashing does not divide evenly. */
const MOVED_MIN = 650;

test("3 -> 4 -> 3 real boxes under load: nothing fails, nothing is lost, and it is told what moved", async (t) => {
  const boxes = await startStoreBoxes({ boxes: 4, taking: 3 });
  t.after(() => stopStoreBoxes(boxes));
  const [one, two, three, guest] = boxes as [
    (typeof boxes)[0],
    (typeof boxes)[0],
    (typeof boxes)[0],
    (typeof boxes)[0],
  ];
  const staying = [one, two, three];
  const ports = staying.map(({ respPort }) => respPort);
  const load = new PacedLoad({ ports, clients: 12, perSecond: 200, keys: KEYS, valueBytes: 256 });
  await load.fill();
  load.start();
  const startMs = performance.now();
  await move(guest, staying, true, MOVE_TIMEOUT_MS);
  const joined = await ringOf(guest);
  const joinedMs = performance.now();
  assert.ok(joined.copiedSlots >= MOVED_MIN, `${joined.copiedSlots} slots came`);
  assert.ok(joined.copiedKeys > KEYS / 2, `${joined.copiedKeys} keys came`);
  await move(guest, staying, false, MOVE_TIMEOUT_MS);
  const leftMs = performance.now();
  await load.stop();
  await load.check();
  const { sent, copiedSlots } = await ringOf(one);
  t.diagnostic(`came within ${Math.round(joinedMs - startMs)} ms, left within ${Math.round(leftMs - joinedMs)} ms`);
  t.diagnostic(`${load.done.length} operations; the first box sent ${JSON.stringify(sent)}, copied ${copiedSlots}`);
  assert.deepEqual([load.failed, load.wrong], [[], []]);
  assert.ok(load.done.length > 500, `${load.done.length} operations`);
  assert.ok(sent.copying.messages > 0 && sent.copying.bytes > 0 && sent.other.bytes > 0);
});
