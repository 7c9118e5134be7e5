/** Reading ahead: one budget for all files, and buffers that go back when nobody reads. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { virtualClock } from "../../src/kernel/virtual-clock.ts";
import { ReadAhead, ReadingFile } from "../../src/services/files/sftp/reading-file.ts";
import { eventually } from "../support/process.ts";
import { memoryFiles } from "./memory-files.ts";

const BYTES = 1_000_000;
const LIMITS = { readAheadBytes: 200_000, readAheadTotalBytes: 300_000, readAroundBytes: 50_000, readIdleMs: 1000 };

async function open(count: number) {
  const files = memoryFiles({ pieceBytes: 10_000 });
  const data = randomBytes(BYTES);
  const entry = await files.write("/a", Readable.from([data]));
  const clock = virtualClock();
  const ahead = new ReadAhead(LIMITS);
  const all = Array.from({ length: count }, () => new ReadingFile(files, entry, { ahead, clock }));
  return { all, ahead, clock, data };
}

test("all files together read ahead so much, and each still gets what it asks for", async () => {
  const { all, ahead, data } = await open(10);
  for (const file of all) assert.ok(data.subarray(0, 10_000).equals((await file.read(0, 10_000))!));
  await sleep(100);
  assert.ok(ahead.heldBytes <= LIMITS.readAheadTotalBytes + 10 * 20_000, `${ahead.heldBytes}`);
  for (const file of all) {
    for (let at = 10_000; at < BYTES; at += 33_000) {
      assert.ok(data.subarray(at, Math.min(at + 33_000, BYTES)).equals((await file.read(at, 33_000))!));
    }
    assert.equal(await file.read(BYTES, 1), undefined);
  }
  for (const file of all) file.close();
  assert.equal(ahead.heldBytes, 0);
});

test("what nobody reads gives its buffers back, and goes on when somebody does", async () => {
  const { all, ahead, clock, data } = await open(1);
  await all[0]!.read(0, 10_000);
  await eventually("it is read ahead", 30_000, () => ahead.heldBytes >= LIMITS.readAheadBytes, 5);
  clock.advance(LIMITS.readIdleMs - 1);
  assert.ok(ahead.heldBytes > 0);
  clock.advance(1);
  assert.equal(ahead.heldBytes, 0);
  assert.ok(data.subarray(10_000, 20_000).equals((await all[0]!.read(10_000, 10_000))!));
  all[0]!.close();
  assert.equal(ahead.heldBytes, 0);
});

test("reads a little out of order are one stream", async () => {
  const { all, data } = await open(1);
  for (const at of [0, 20_000, 10_000, 40_000, 30_000, 60_000, 50_000]) {
    assert.ok(data.subarray(at, at + 10_000).equals((await all[0]!.read(at, 10_000))!));
  }
  all[0]!.close();
});
