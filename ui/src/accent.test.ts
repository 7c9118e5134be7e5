/** Tests of the accent colour: any choice ends up readable, in light and in dark. */
/// <reference types="node" />
import assert from "node:assert/strict";
import { test } from "node:test";
import { CONTRAST_MIN, accentTones, contrast, parseHex } from "./accent.ts";

const grounds = [
  ["#f8f3ea", "#fffdf8"],
  ["#16130f", "#211d18"],
] as const;

test("black on white has a contrast of 21", () => {
  assert.equal(Math.round(contrast(parseHex("#000000")!, parseHex("#ffffff")!)), 21);
});

test("each accent can be read on paper, on a surface, on its own soft ground, and text on it too", () => {
  for (const [paper, surface] of grounds) {
    for (const wish of ["#b4532a", "#ffff00", "#000000", "#ffffff", "#00ff00", "#1133aa", "#808080", "#ff00ff"]) {
      const tones = accentTones(wish, paper, surface);
      assert.ok(tones);
      for (const ground of [paper, surface, tones.soft]) {
        const reached = contrast(parseHex(tones.accent)!, parseHex(ground)!);
        assert.ok(reached >= CONTRAST_MIN - 0.05, `${wish} on ${ground}: ${reached}`);
      }
      const onIt = contrast(parseHex(tones.onAccent)!, parseHex(tones.accent)!);
      assert.ok(onIt >= CONTRAST_MIN - 0.05, `${tones.onAccent} on ${tones.accent}: ${onIt}`);
    }
  }
});

test("what is not a colour gives nothing", () => {
  assert.equal(accentTones("red", "#ffffff", "#ffffff"), undefined);
});
