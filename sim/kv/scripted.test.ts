/** Scenarios that a script brings about: nothing is wrong as shipped, and each planted mistake is caught by its own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createKvNode } from "../../src/protocols/kv/node.ts";
import { plantStore } from "../planted.ts";
import { scenarios, scriptedMutations } from "./mutations-scripted.ts";

for (const [name, scenario] of Object.entries(scenarios))
  test(`nothing is wrong in ${name}`, () => {
    assert.equal(scenario({ create: createKvNode }), undefined);
  });

for (const { name, scenario, mistakes = [], livesFromOne = false } of scriptedMutations)
  test(`caught in ${scenario}: ${name}`, async (t) => {
    const { create, remove } = await plantStore(mistakes);
    t.after(remove);
    const complaint = scenarios[scenario]({ create, livesFromOne });
    assert.ok(complaint !== undefined, "not caught");
    t.diagnostic(complaint);
  });
