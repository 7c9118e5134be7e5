/** What codes in an answer mean, below it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { codeLines } from "./codes.ts";
import { words } from "./words.ts";

const shape = { command: "x", rows: "slivers", codes: { trouble: "compute.why" } };
const linesFor = (code: string, key: string, language: "ca" | "es" | "en") => {
  const text = words[language][`compute.why-${key}`]!.replace("{code}", code);
  return `${code}: ${text}\n  ${words[language][`compute.why-${key}.advice`]}\n`;
};

test("each code once, with its words and advice, in the reader's language", () => {
  const slivers = [{ trouble: "engine-full" }, { trouble: null }, { trouble: "no-room" }, { trouble: "engine-full" }];
  for (const language of ["ca", "es", "en"] as const) {
    const said = `\n${linesFor("engine-full", "engine-full", language)}${linesFor("no-room", "no-room", language)}`;
    assert.equal(codeLines({ slivers }, shape, language), said);
  }
});

test("a code that nobody knows has words, too, and steers no terminal", () => {
  assert.equal(
    codeLines([{ trouble: "odd" }], { command: "x", codes: shape.codes }, "en"),
    `\n${linesFor("odd", "other", "en")}`,
  );
  const told = codeLines({ trouble: "a\u001b[31m\nb" }, { command: "x", codes: shape.codes }, "en");
  assert.ok(told.split("\n").length === 4 && !told.includes("\u001b"), told);
});

test("without a code nothing is added", () => {
  assert.equal(codeLines({ slivers: [{ trouble: null }, {}] }, shape, "en"), "");
  assert.equal(codeLines({ slivers: [{ trouble: "no-room" }] }, { command: "x", rows: "slivers" }, "en"), "");
  assert.equal(codeLines("text", { command: "x", codes: shape.codes }, "en"), "");
});
