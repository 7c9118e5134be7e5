/** What is typed goes through; only a tilde at the beginning of a line is looked at. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createEscapeReader } from "./terminal-escape.ts";

/** Typed in pieces: what was sent, and whether one has left. */
function typed(...pieces: string[]): [string, boolean] {
  const reader = createEscapeReader();
  let sent = "";
  for (const piece of pieces) {
    const { bytes, leave } = reader.push(Buffer.from(piece));
    sent += Buffer.from(bytes).toString();
    if (leave) return [sent, true];
  }
  return [sent, false];
}

test("a tilde and a dot at the beginning of a line leave, however they are cut", () => {
  assert.deepEqual(typed("~."), ["", true]);
  assert.deepEqual(typed("~", "."), ["", true]);
  assert.deepEqual(typed("ls\r~.rest"), ["ls\r", true]);
  assert.deepEqual(typed("ls\n", "~", ".", "rest"), ["ls\n", true]);
});

test("all else is typed as it is", () => {
  assert.deepEqual(typed("a~."), ["a~.", false]);
  assert.deepEqual(typed("~~."), ["~.", false]);
  assert.deepEqual(typed("~a\r~/x\r"), ["~a\r~/x\r", false]);
  assert.deepEqual(typed("\u0003\u0004é\u001b[A"), ["\u0003\u0004é\u001b[A", false]);
  assert.deepEqual(typed("~\r~."), ["~\r", true]);
});
