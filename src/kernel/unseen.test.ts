/** Characters that nobody sees: shown by a mark, escaped in JSON, and what people really write left as it is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { plainJson, shownText, UNSEEN_SHOWN } from "./unseen.ts";

const HIDING = [
  "\u0085",
  "\u009b",
  "\u00ad",
  "\u061c",
  "\u200b",
  "\u200c",
  "\u200e",
  "\u200f",
  "\u2028",
  "\u202a",
  "\u202e",
  "\u2060",
  "\u2066",
  "\u2069",
  "\ufeff",
  "\u{e0041}",
];

test("each has one mark in its place, and stands as an escape in JSON", () => {
  for (const one of HIDING) {
    assert.equal(shownText(`Fo${one}rn`), `Fo${UNSEEN_SHOWN}rn`, encodeURIComponent(one));
    const json = plainJson({ [one]: `a${one}b` });
    assert.match(json, /^[ -~]+$/, encodeURIComponent(one));
    assert.deepEqual(JSON.parse(json), { [one]: `a${one}b` });
  }
});

test("letters of any script, line breaks and pictures of several parts stay", () => {
  for (const text of ["Ràdio l·l ñ", "שלום", "مرحبا", "one\n\ttwo", "👩🏽‍🌾 👨‍👩‍👧 🏳️‍🌈"]) {
    assert.equal(shownText(text), text);
    assert.deepEqual(JSON.parse(plainJson([text])), [text]);
  }
  assert.equal(shownText("An\u200dna"), `An${UNSEEN_SHOWN}na`, "a joiner between letters only hides");
});
