/**
 * The rules themselves: a small tree that keeps all of them, and for each rule trees that break it in one place. A
 * rule that finds nothing in those would let anything pass.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { errorsPage } from "../../packaging/errors-page.ts";
import { completenessRules, packagesRule } from "./completeness.ts";
import { houseRules } from "./house.ts";
import { importRules } from "./imports.ts";
import type { Tree } from "./tree.ts";

const rules = [...houseRules, ...importRules, ...completenessRules, packagesRule(["nginx-light"])];

const HEAD = "/** What it is and why. */\n";
const CONTRACT = `${HEAD}import { defineErrors } from "../../kernel/errors.ts";
import en from "./ui/en.json" with { type: "json" };
export const radioErrors = defineErrors({ "station-unknown": 404 });
export const words = en;
`;
const WORDS = JSON.stringify({ "error.station-unknown": "No station {id}.", "advice.station-unknown": "Look again." });

function goodTree(): Map<string, string> {
  const tree = new Map<string, string>([
    ["package.json", JSON.stringify({ dependencies: { zod: "^4" }, devDependencies: { "@types/node": "^26" } })],
    ["package-lock.json", JSON.stringify({ packages: { "node_modules/zod": { version: "4.0.0" } } })],
    ["docs/decisions/001.md", "# Packages\n\n`zod` checks. `@types/node` has the types.\n"],
    ["src/kernel/clock.ts", `${HEAD}export const nowMs = () => Date.now();\n`],
    ["src/kernel/errors.ts", `${HEAD}export const defineErrors = (table: object) => table;\n`],
    [
      "src/protocols/wire/crc.ts",
      `${HEAD}import type { Clock } from "../../kernel/clock.ts";\nexport type C = Clock;\n`,
    ],
    ["src/platform/store.ts", `${HEAD}import { join } from "node:path";\nexport const here = join("a", "b");\n`],
    ["src/services/index.ts", `${HEAD}import "./radio/contract.ts";\nimport "./radio/service.ts";\n`],
    ["src/services/radio/README.md", "# Radio\n"],
    ["src/services/radio/contract.ts", CONTRACT],
    ["src/services/radio/service.ts", `${HEAD}import { words } from "./contract.ts";\nexport const radio = words;\n`],
    [
      "src/services/radio/ui/page.ts",
      `${HEAD}import icon from "lucide-static/icons/x.svg?raw";\nexport default icon;\n`,
    ],
    ["src/services/radio/radio.test.ts", `${HEAD}import { test } from "node:test";\ntest("plays", () => {});\n`],
    ["test/lab/one.test.ts", `${HEAD}await needDebian(["nginx-light"]);\n`],
  ]);
  for (const language of ["ca", "es", "en"]) tree.set(`src/services/radio/ui/${language}.json`, WORDS);
  tree.set("docs/errors.md", errorsPage(tree));
  return tree;
}

/** The names of the rules that find something, with the findings. */
function broken(tree: Tree): Record<string, string[]> {
  return Object.fromEntries(
    rules.map((rule) => [rule.name, rule.find(tree)] as const).filter(([, found]) => found.length),
  );
}

test("a tree that keeps the rules passes", () => {
  assert.deepEqual(broken(goodTree()), {});
});

/** Rule, file that is changed or added, its new content. */
const PLANTED: readonly (readonly [rule: string, path: string, text: string | ((before: string) => string)])[] = [
  ["files, functions and lines are short", "src/kernel/log.ts", HEAD + "\n".repeat(400)],
  ["files, functions and lines are short", "src/kernel/log.test.ts", HEAD + "\n".repeat(600)],
  ["files, functions and lines are short", "src/kernel/log.ts", `${HEAD}// ${"x".repeat(118)}\n`],
  [
    "files, functions and lines are short",
    "src/kernel/log.ts",
    `${HEAD}export const f = () => {${"\n".repeat(70)}};\n`,
  ],
  [
    "files, functions and lines are short",
    "ui/src/a.tsx",
    `${HEAD}export function A() {${"\n".repeat(70)}return <p />; }\n`,
  ],
  ["each file opens with what it is and why it exists", "src/kernel/log.ts", "export const a = 1;\n"],
  ["each file opens with what it is and why it exists", "ui/src/tokens.css", ":root { color: red; }\n"],
  ["each file opens with what it is and why it exists", "comu", "#!/bin/sh\nset -eu\n"],
  ["files are named after their concept", "src/kernel/string-utils.ts", HEAD],
  ["files are named after their concept", "src/platform/helpers/x.ts", HEAD],
  ["clock and randomness come from the kernel", "src/platform/a.ts", `${HEAD}export const a = Date.now();\n`],
  ["clock and randomness come from the kernel", "src/platform/a.ts", `${HEAD}export const a = new Date();\n`],
  ["clock and randomness come from the kernel", "src/platform/a.ts", `${HEAD}setTimeout(() => {}, 5);\n`],
  [
    "clock and randomness come from the kernel",
    "src/platform/a.ts",
    `${HEAD}import { setTimeout } from "node:timers/promises";\n`,
  ],
  ["clock and randomness come from the kernel", "src/services/radio/a.ts", `${HEAD}export const a = Math.random();\n`],
  [
    "clock and randomness come from the kernel",
    "src/services/radio/a.ts",
    `${HEAD}export const a = performance.now();\n`,
  ],
  ["clock and randomness come from the kernel", "src/protocols/wire/a.ts", `${HEAD}export const a = new Date(5);\n`],
  ["nothing unfinished and no path of a machine is left", "docs/guide.md", `${"TO" + "DO"}: write\n`],
  ["nothing unfinished and no path of a machine is left", "docs/guide.md", `cd ${"/ho" + "me"}/anna/comu\n`],
  ["no test is skipped, alone or to be done later", "src/kernel/a.test.ts", `${HEAD}test.skip("x", () => {});\n`],
  [
    "no test is skipped, alone or to be done later",
    "src/kernel/a.test.ts",
    `${HEAD}test("x", { only: true }, () => {});\n`,
  ],
  ["no test is skipped, alone or to be done later", "src/kernel/a.test.ts", `${HEAD}test("x", (t) => t.skip());\n`],
  ["imports run one way", "src/kernel/a.ts", `${HEAD}import "node:crypto";\n`],
  ["imports run one way", "src/kernel/a.ts", `${HEAD}import "../platform/store.ts";\n`],
  ["imports run one way", "src/protocols/wire/a.ts", `${HEAD}import { nowMs } from "../../kernel/clock.ts";\n`],
  ["imports run one way", "src/protocols/wire/a.ts", `${HEAD}import "zod";\n`],
  ["imports run one way", "src/platform/a.ts", `${HEAD}import "../protocols/wire/crc.ts";\n`],
  ["imports run one way", "src/platform/a.ts", `${HEAD}await import("../services/radio/contract.ts");\n`],
  ["imports run one way", "src/services/radio/a.ts", `${HEAD}import "../people/store.ts";\n`],
  ["imports run one way", "src/services/radio/a.ts", `${HEAD}import { createSystem } from "../../system.ts";\n`],
  ["imports run one way", "src/services/radio/ui/a.ts", `${HEAD}import "../service.ts";\n`],
  ["imports run one way", "ui/src/a.ts", `${HEAD}import "node:fs";\n`],
  ["imports run one way", "ui/src/a.ts", `${HEAD}export * from "../../src/platform/store.ts";\n`],
  ["imports run one way", "src/cli/a.ts", `${HEAD}import "../../test/support/box.ts";\n`],
  [
    "a test beside the code uses what stands in src and ui",
    "src/platform/a.test.ts",
    `${HEAD}import "../../test/support/box.ts";\n`,
  ],
  ["imports name files with their ending", "src/platform/a.ts", `${HEAD}import "./store";\n`],
  ["imports name files with their ending", "src/platform/a.ts", `${HEAD}import "./store.js";\n`],
  ["a service is one folder with all its parts, and one line in the list", "src/services/radio/README.md", " \n"],
  ["a service is one folder with all its parts, and one line in the list", "src/services/index.ts", HEAD],
  [
    "each error code has a text and an advice in each language",
    "src/services/radio/contract.ts",
    (before) => before.replace("404", '404, "station-off": 409'),
  ],
  ["the languages say the same things", "src/services/radio/ui/ca.json", (before) => before.replace("{id}", "{name}")],
  [
    "the languages say the same things",
    "src/services/radio/ui/es.json",
    (before) => before.replace("{", '{"more":"x",'),
  ],
  ["docs/errors.md is up to date", "src/services/radio/contract.ts", (before) => before.replace("404", "410")],
  [
    "each dependency has a note in docs/decisions, and none a fixed address",
    "package.json",
    '{"dependencies":{"types":"1"}}',
  ],
  [
    "each dependency has a note in docs/decisions, and none a fixed address",
    "package-lock.json",
    '{"packages":{"node_modules/zod":{"resolved":"https://example.org/zod.tgz"}}}',
  ],
  [
    "the Debian packages that tests need are in the one list",
    "test/a.ts",
    `${HEAD}needDebian(["nginx-light", "gimp"]);\n`,
  ],
];

for (const [rule, path, text] of PLANTED) {
  const shown = typeof text === "string" ? JSON.stringify(text.replace(HEAD, "").slice(0, 60)) : "";
  test(`caught: ${rule}: ${path} ${shown}`, () => {
    const tree = goodTree();
    tree.set(path, typeof text === "string" ? text : text(tree.get(path)!));
    const found = broken(tree)[rule] ?? [];
    assert.equal(found.length > 0, true, `${rule} found nothing`);
    assert.ok(found.every((line) => line.startsWith(path) || !line.startsWith("src/kernel/clock.ts")));
  });
}

test("each rule has a tree that breaks it", () => {
  const covered = new Set(PLANTED.map(([rule]) => rule));
  assert.deepEqual(
    rules.map((rule) => rule.name).filter((name) => !covered.has(name)),
    [],
  );
});

test("what only looks like a violation is none", () => {
  const tree = goodTree();
  tree.set(
    "src/platform/a.ts",
    `${HEAD}// Date.now() and setTimeout(x)\nexport const a = "Math.random()" + new Date(5).toISOString();\n`,
  );
  tree.set("src/platform/b.ts", `${HEAD}export const f = () => {\n${"const g = () => {\n\n\n};\n".repeat(30)}};\n`);
  tree.set("src/cli/a.ts", `${HEAD}import "../services/index.ts";\nimport "../platform/store.ts";\n`);
  tree.set(
    "src/services/radio/a.ts",
    `${HEAD}import type { System } from "../../system.ts";\nexport type S = System;\n`,
  );
  tree.set("docs/guide.md", "Data is in /var/lib/comu; see https://example.org/home/page and [more](./more/x).\n");
  assert.deepEqual(broken(tree), {});
});
