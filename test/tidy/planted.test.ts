/**
 * Tests of the promises plant a mistake into the code and look whether it is noticed: each says what text it replaces.
 * Here is only looked whether that text still stands there once, which takes no time: who changes such a line hears of
 * it at once, and not from the stage that plants them all.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { computeMutations } from "../../sim/compute/mutations.ts";
import { filesMutations } from "../../sim/files/mutations.ts";
import { scriptedMutations } from "../../sim/kv/mutations-scripted.ts";
import { storeMutations } from "../../sim/kv/mutations.ts";
import { mutations } from "../../sim/mutations.ts";
import { planted } from "../hostile/planted.ts";

interface Mistake {
  file: string;
  from: string;
  to: string;
}

const ROOT = resolve(import.meta.dirname, "../..");

/** By folder that their files are below, what is planted together. */
const ALL: readonly [folder: string, lists: readonly (readonly Mistake[])[]][] = [
  ["", planted.map(({ mistakes }) => mistakes)],
  ["src/protocols", [...mutations, ...storeMutations, ...scriptedMutations].map(({ mistakes = [] }) => mistakes)],
  ["src", [...filesMutations, ...computeMutations].map(({ mistakes }) => mistakes)],
];

/** What does not fit, of mistakes that are planted one after the other. */
function misfits(folder: string, mistakes: readonly Mistake[]): string[] {
  const texts = new Map<string, string>();
  return mistakes.flatMap(({ file, from, to }) => {
    const path = join(folder, file);
    const text = texts.get(path) ?? readFileSync(join(ROOT, path), "utf8");
    const parts = text.split(from);
    texts.set(path, parts.join(to));
    return parts.length === 2 ? [] : [`${path} holds ${parts.length - 1} times: ${from}`];
  });
}

test("each planted mistake still fits the code", () => {
  const found = ALL.flatMap(([folder, lists]) => lists.flatMap((mistakes) => misfits(folder, mistakes)));
  assert.deepEqual([...new Set(found)], []);
});

test("one that fits nowhere, or twice, is told", () => {
  const own = "test/tidy/planted.test.ts";
  const missing = { file: own, from: ["nowhere", "here"].join(" "), to: "" };
  assert.deepEqual(misfits("", [missing]), [`${own} holds 0 times: ${missing.from}`]);
  assert.match(misfits("", [{ file: own, from: "import ", to: "" }])[0]!, /holds \d+ times/);
  const once = { file: own, from: ["interface", "Mistake {"].join(" "), to: "" };
  assert.deepEqual(misfits("", [once, { ...missing, from: once.from }]), [`${own} holds 0 times: ${once.from}`]);
});
