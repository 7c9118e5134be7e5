/** Tests of showing and typing bytes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HEX_ROWS_MAX, bytesOf, bytesOfHex, hexOf, hexRows, isTypeable, sameBytes, textOf } from "./value.ts";

test("text is text only when nothing in it is hidden", () => {
  assert.equal(textOf(bytesOf("pa i tomàquet\n")), "pa i tomàquet\n");
  assert.equal(textOf(new Uint8Array()), "");
  assert.equal(textOf(Uint8Array.of(0xff, 0xfe)), undefined, "no UTF-8");
  assert.equal(textOf(Uint8Array.of(0x61, 0)), undefined, "a control character");
  assert.equal(textOf(bytesOf("Ate\u202eueneu")), undefined, "it turns the direction");
  assert.equal(textOf(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)), undefined, "a mark of byte order");
});

test("what is shown as text gives the same bytes again", () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.string({ unit: "grapheme" }).map(bytesOf)), (bytes) => {
      const text = textOf(bytes);
      return text === undefined || sameBytes(bytesOf(text), bytes);
    }),
    { numRuns: 2_000 },
  );
  assert.equal(isTypeable("a\r\nb"), false);
  assert.equal(isTypeable("a\nb\tc"), true);
});

test("hexadecimal digits are read with any space between pairs, and nothing else is", () => {
  assert.deepEqual(bytesOfHex(" 0a FF\n00 "), Uint8Array.of(10, 255, 0));
  assert.deepEqual(bytesOfHex(""), new Uint8Array());
  for (const wrong of ["a", "0x0a", "zz", "0a,0b"]) assert.equal(bytesOfHex(wrong), undefined, wrong);
  fc.assert(fc.property(fc.uint8Array(), (bytes) => sameBytes(bytesOfHex(hexOf(bytes, " "))!, bytes)));
});

test("the table of bytes has rows of eight, and an end", () => {
  assert.deepEqual(hexRows(bytesOf("comú pot")), [
    { at: "00000000", hex: "63 6f 6d c3 ba 20 70 6f", text: "com.. po" },
    { at: "00000008", hex: "74", text: "t" },
  ]);
  assert.deepEqual(hexRows(new Uint8Array()), []);
  assert.equal(hexRows(new Uint8Array(1_000_000)).length, HEX_ROWS_MAX);
});
