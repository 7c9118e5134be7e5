/** Tests of the form that comes from the settings' schemas. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { settingFields, shownValue, typedValue } from "./settings-form.ts";

const schema = z.toJSONSchema(
  z.object({
    name: z.string().max(40).default("home").describe("A name."),
    level: z.enum(["low", "high"]).default("low"),
    on: z.boolean().default(true),
    every: z.number().int().min(1).max(10).default(3),
    codes: z.array(z.string()).default([]),
  }),
);
const fields = settingFields("sample", schema, { name: "forn", codes: ["a", "b"] });
const field = (key: string) => fields.find((one) => one.key === key)!;

test("each type becomes its own kind of field", () => {
  assert.deepEqual(
    fields.map((one) => one.kind),
    ["text", "choice", "switch", "number", "list"],
  );
  assert.equal(field("name").description, "A name.");
  assert.deepEqual(field("level").choices, ["low", "high"]);
  assert.deepEqual([field("every").min, field("every").max, field("every").whole], [1, 10, true]);
});

test("lists are shown and taken with commas", () => {
  assert.equal(shownValue(field("codes"), ["a", "b"]), "a, b");
  assert.deepEqual(typedValue(field("codes"), " a, ,c "), { ok: true, value: ["a", "c"] });
});

test("numbers are checked against their bounds, with comma or point", () => {
  assert.deepEqual(typedValue(field("every"), "4"), { ok: true, value: 4 });
  assert.deepEqual(typedValue(field("every"), "2,5"), { ok: false, problem: "not-a-number" });
  assert.deepEqual(typedValue(field("every"), ""), { ok: false, problem: "not-a-number" });
  assert.deepEqual(typedValue(field("every"), "0"), { ok: false, problem: "too-small" });
  assert.deepEqual(typedValue(field("every"), "11"), { ok: false, problem: "too-large" });
});

test("what has a place of its own is not asked twice", () => {
  assert.deepEqual(
    settingFields("box", schema, {}).map((one) => one.key),
    ["level", "on", "every", "codes"],
  );
});
