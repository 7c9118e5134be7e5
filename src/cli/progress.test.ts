/** The line that tells how far a long command is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createProgress, progressLine } from "./progress.ts";

test("the line tells share, bytes, speed and name", () => {
  const line = progressLine({ name: "a.jpg", doneBytes: 5_000_000, allBytes: 10_000_000, tookMs: 1000 });
  assert.equal(line, `${"█".repeat(12)}${"░".repeat(12)} 50 %  5.0 MB / 10.0 MB 5.0 MB/s  a.jpg`);
  assert.match(progressLine({ name: "", doneBytes: 9e6, hadBytes: 7e6, allBytes: 9e6, tookMs: 1000 }), / 2\.0 MB\/s/);
  assert.match(progressLine({ name: "", doneBytes: 0, allBytes: 0, tookMs: 0 }), / 100 %/);
  assert.match(progressLine({ name: `${"x".repeat(90)}.txt`, doneBytes: 9, allBytes: 1, tookMs: 1 }), /…x{27}\.txt$/);
  assert.ok(!progressLine({ name: "a\u001b[2Jb", doneBytes: 0, allBytes: 1, tookMs: 0 }).includes("\u001b"));
});

test("it is drawn a few times a second, on terminals only", () => {
  const written: string[] = [];
  const stream = (isTTY: boolean) => ({ isTTY, write: (text: string) => written.push(text) }) as unknown;
  let nowMs = 0;
  const quiet = createProgress(() => nowMs, stream(false) as NodeJS.WriteStream);
  quiet.expect(10);
  quiet.done(10);
  quiet.end();
  assert.deepEqual(written, []);
  const progress = createProgress(() => nowMs, stream(true) as NodeJS.WriteStream);
  progress.expect(100);
  for (; nowMs < 1000; nowMs += 10) progress.done(1);
  progress.end();
  assert.equal(written.length, 6);
  assert.match(written.at(-1)!, / 100 %.*\n$/);
});
