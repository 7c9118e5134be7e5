/** Settings as people write them: numbers, switches, text that looks like a number, lists with commas. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { lanSettings } from "../lan/contract.ts";
import { boxSettings } from "./contract.ts";
import { settingOf, typeOfSetting } from "./setting-text.ts";

test("a value takes the form that the setting has", () => {
  const schemas = { box: z.toJSONSchema(boxSettings), lan: z.toJSONSchema(lanSettings) };
  const read = (section: string, key: string, text: string) => settingOf(text, typeOfSetting(schemas, section, key));
  assert.deepEqual(read("lan", "announceCategories", "radio"), ["radio"]);
  assert.deepEqual(read("lan", "announceCategories", "radio, video"), ["radio", "video"]);
  assert.deepEqual(read("lan", "announceCategories", '["radio","video"]'), ["radio", "video"]);
  assert.deepEqual(read("lan", "announceCategories", ""), []);
  assert.equal(read("lan", "announce", "false"), false);
  assert.equal(read("lan", "announceServices", "zone"), "zone");
  assert.equal(read("box", "port", "7000"), 7000);
  assert.equal(read("box", "port", "many"), "many", "what does not fit is refused by the setting itself");
  assert.equal(read("box", "name", "42"), "42");
  assert.equal(read("box", "name", '"42"'), "42");
  assert.equal(read("moon", "constructor", "1"), 1);
  assert.equal(read("box", "constructor", "1"), 1);
});
