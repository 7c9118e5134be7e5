/** Tests of what the reader writes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Draft, draftOf, durationText, encoded, switched } from "./draft.ts";
import { DURATION, durationMs } from "../../../kernel/duration.ts";
import { base64urlOf, bytesOf, bytesOfBase64url, sameBytes } from "./value.ts";

const draft = (mode: Draft["mode"], content: string): Draft => ({ key: "", ends: "never", mode, content });

test("opening a value and saving it untouched writes the same bytes", () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.string({ unit: "grapheme" }).map(bytesOf)), (bytes) => {
      const held = { value: base64urlOf(bytes), valueEncoding: "base64url", expiresAt: null } as const;
      const { value, valueEncoding } = encoded(draftOf(held))!;
      return sameBytes(valueEncoding === "text" ? bytesOf(value) : bytesOfBase64url(value), bytes);
    }),
    { numRuns: 1_000 },
  );
});

test("text with ends of lines that a browser would change is written as bytes", () => {
  assert.equal(draftOf({ value: "a\r\nb", valueEncoding: "text", expiresAt: null }).mode, "bytes");
  assert.equal(draftOf({ value: "a\nb", valueEncoding: "text", expiresAt: null }).mode, "text");
  assert.deepEqual(draftOf(undefined), draft("text", ""));
});

test("an end is kept unless the reader says otherwise", () => {
  const expiresAt = "2026-11-20T10:00:00Z";
  assert.equal(draftOf({ value: "a", valueEncoding: "text", expiresAt }).ends, "keep");
});

test("the way to write can be changed where the bytes allow it", () => {
  assert.deepEqual(switched(draft("text", "pà"), "bytes"), { mode: "bytes", content: "70 c3 a0" });
  assert.deepEqual(switched(draft("bytes", "70 c3 a0"), "text"), { mode: "text", content: "pà" });
  assert.equal(switched(draft("bytes", "ff"), "text"), undefined);
  assert.equal(switched(draft("bytes", "7"), "text"), undefined);
  assert.equal(switched(draft("text", "a"), "text"), undefined, "it is already so");
});

test("digits that are none are not sent", () => {
  assert.equal(encoded(draft("bytes", "7")), undefined);
  assert.deepEqual(encoded(draft("bytes", "70 61")), { value: "cGE", valueEncoding: "base64url" });
});

test("a time is written as calls take it, and never shorter", () => {
  assert.equal(durationText(0), "1ms");
  assert.equal(durationText(999_999), "999999ms");
  assert.equal(durationText(1_000_001), "1001s");
  assert.equal(durationText(1e18), "999999d");
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10 ** 13 }), (ms) => {
      const text = durationText(ms);
      return DURATION.test(text) && durationMs(text) >= ms && durationMs(text) <= ms * 1.002 + 1;
    }),
  );
});
