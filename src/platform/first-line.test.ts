/** A line, then bytes: however they are cut, up to the limit, and the stream ends with whoever reads no further. */
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { firstLine } from "./first-line.ts";

/** A stream that these pieces have come on; whole when it `ends`. */
function streamOf(pieces: readonly string[], ends = true): PassThrough {
  const stream = new PassThrough();
  for (const piece of pieces) stream.write(piece);
  if (ends) stream.end();
  return stream;
}

async function textOf(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const piece of bytes) text += Buffer.from(piece).toString("latin1");
  return text;
}

test("the line and the bytes after it, however they are cut", async () => {
  for (const pieces of [["one\ntwo\nthree"], ["o", "n", "e", "\n", "two\nthree"], ["one\n", "two\n", "three"]]) {
    const { line, rest } = await firstLine(streamOf(pieces), 100);
    assert.deepEqual([line, await textOf(rest)], ["one", "two\nthree"]);
  }
  const { line, rest } = await firstLine(streamOf(["one\n"]), 3);
  assert.deepEqual([line, await textOf(rest)], ["one", ""]);
});

test("a line that is too long, or does not end, is refused", async () => {
  for (const pieces of [["four\n"], ["fo", "ur"]]) await assert.rejects(firstLine(streamOf(pieces), 3), /too long/);
  await assert.rejects(firstLine(streamOf(["one"]), 3), /ended before/);
});

test("the stream ends when its bytes are not read to their end, and when none is read", async () => {
  const begun = streamOf(["one\ntwo"], false);
  for await (const _piece of (await firstLine(begun, 3)).rest) break;
  assert.equal(begun.destroyed, true);
  const untouched = streamOf(["one\ntwo"], false);
  await (await firstLine(untouched, 3)).rest[Symbol.asyncIterator]().return?.();
  assert.equal(untouched.destroyed, true);
});
