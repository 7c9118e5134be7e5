/**
 * The rules of the house, applied to the whole project. Each rule is one test; its message lists what breaks it.
 */
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";
import { ALL_PACKAGES } from "../packages.ts";
import { completenessRules, packagesRule } from "./completeness.ts";
import { houseRules } from "./house.ts";
import { importRules } from "./imports.ts";
import { readTree } from "./tree.ts";

const tree = readTree(resolve(import.meta.dirname, "../.."));

for (const rule of [...houseRules, ...importRules, ...completenessRules, packagesRule(ALL_PACKAGES)]) {
  test(rule.name, () => {
    const found = rule.find(tree);
    if (found.length > 0) assert.fail(`${found.length}:\n  ${found.join("\n  ")}\n`);
  });
}
