/** Patterns of keys: Redis's own cases, agreement with a regular expression, and that none takes for ever. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { leastMs } from "../../kernel/cost.fixture.ts";
import fc from "fast-check";
import { globPrefix, matchesGlob } from "./glob.ts";

const YES = [
  "h?llo hello",
  "h*llo hllo",
  "h*llo heeello",
  "h[ae]llo hallo",
  "h[^e]llo hbllo",
  "h[a-b]llo hallo",
].concat(["h[b-a]llo hallo", "\\*x *x", "a\\ a\\", "[abc a", "[\\]] ]", "* ", "*a*b xaxxb", "** q"]);
const NO = [
  "h?llo hllo",
  "h[ae]llo hillo",
  "h[^e]llo hello",
  "\\*x ax",
  "a b",
  "? ",
  " x",
  "*a*b xaxxc",
  "a* b",
  "[] a",
];

test("patterns fit what Redis lets them fit", () => {
  for (const one of YES) assert.equal(matchesGlob(...(one.split(" ") as [string, string])), true, one);
  for (const one of NO) assert.equal(matchesGlob(...(one.split(" ") as [string, string])), false, one);
});

test("stars and question marks mean what a regular expression means by them; a fit begins with the prefix", () => {
  const part = fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), maxLength: 8 });
  const property = fc.property(part, fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 8 }), (pattern, text) => {
    const expression = new RegExp(`^${pattern.replaceAll("*", ".*").replaceAll("?", ".")}$`);
    assert.equal(matchesGlob(pattern, text), expression.test(text));
    if (matchesGlob(pattern, text)) assert.ok(text.startsWith(globPrefix(pattern)));
  });
  fc.assert(property, { numRuns: 5_000 });
});

test("the beginning that all fits share", () => {
  for (const [pattern, prefix] of Object.entries({
    "user:*": "user:",
    "*": "",
    "a\\*b?": "a*b",
    abc: "abc",
    "x[y]": "x",
  }))
    assert.equal(globPrefix(pattern), prefix);
});

test("a pattern that asks for endless tries does not get them", () => {
  const endless = () => assert.equal(matchesGlob(`${"*a".repeat(500)}b`, "a".repeat(512)), false);
  assert.ok(leastMs(endless) < 1_000);
});
