/**
 * The words are complete: every language has every word, the same places in it, no word stands in two tables, and
 * every key that the source names is there. Codes of errors, warnings and checks have their words too.
 */
/// <reference types="node" />
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { kernelErrors } from "../../../src/kernel/errors.ts";
import { LANGUAGES, type Language, mergeWords } from "../../../src/kernel/words.ts";
import { platformErrors } from "../../../src/platform/errors.ts";

const root = join(import.meta.dirname, "../../..");
const services = readdirSync(join(root, "src/services"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(root, "src/services", entry.name, "contract.ts")))
  .map((entry) => entry.name);
const folders = ["ui/src/words", ...services.map((name) => `src/services/${name}/ui`)].filter((folder) =>
  existsSync(join(root, folder, "en.json")),
);
interface Seen {
  errors: Record<string, number>;
  endpoints?: Record<string, { cli?: { confirm?: string } }>;
  settings?: { shape: Record<string, unknown> };
}
type Tables = Record<Language, Record<string, string>>;

const tablesOf = (folder: string): Tables =>
  Object.fromEntries(
    LANGUAGES.map((language) => [language, JSON.parse(readFileSync(join(root, folder, `${language}.json`), "utf8"))]),
  ) as Tables;
const all = mergeWords(...folders.map(tablesOf));

function placesOf(text: string): string {
  return [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]))].toSorted().join(",");
}

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name) && !entry.name.includes(".test."))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
}

/** Settings that the form does not show, because they have places of their own. */
const SET_ELSEWHERE = new Set(["box.name", "box.ignoredWarnings", "box.partsOff"]);
const has = (key: string) => all.en[key] !== undefined || all.en[`${key}.other`] !== undefined;

for (const folder of folders) {
  test(`${folder}: every language has every word, with the same places`, () => {
    const tables = tablesOf(folder);
    for (const language of LANGUAGES) {
      assert.deepEqual(Object.keys(tables[language]).toSorted(), Object.keys(tables.en).toSorted(), language);
      for (const [key, text] of Object.entries(tables[language])) {
        assert.ok(text.trim(), `${language}: ${key} is empty`);
        assert.equal(placesOf(text), placesOf(tables.en[key] ?? ""), `${language}: places of ${key}`);
      }
    }
  });
}

/** The reader is one person, and is spoken to as a neighbour. */
const TO_MANY: Partial<Record<Language, RegExp>> = {
  ca: new RegExp(
    "\\b(?:vostr[aeo]s?|vosaltres|(?:atur|comenc|deman|di|don|engeg|esborr|esper|f|instal·l|mir|pod|pos|pregunt|" +
      "prest|retir|ten|torn|tri|vol)[ei]u)(?!\\p{L})",
    "iu",
  ),
  es: /\b(?:vosotr|vuestr)|[áé]is\b/iu,
};

test("readers are spoken to alike, and apostrophes are no straight strokes", () => {
  for (const language of LANGUAGES) {
    for (const [key, text] of Object.entries(all[language])) {
      assert.doesNotMatch(text, /\p{L}'[\p{L}\d]/u, `${language}: ${key}`);
      assert.doesNotMatch(text, TO_MANY[language] ?? /$^/, `${language}: ${key}`);
    }
  }
});

test("a plural has all that its languages need", () => {
  for (const key of Object.keys(all.en).filter((one) => one.endsWith(".one"))) {
    assert.ok(all.en[key.replace(/\.one$/, ".other")], key);
  }
});

test("every key that the pages name is in a table", () => {
  const text = ["ui/src", ...services.map((name) => `src/services/${name}/ui`)].flatMap(sources).join("\n");
  const literal = [...text.matchAll(/\bt\(\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
  const chosen = [...text.matchAll(/\bt\([^()"`]*\? "([^"]+)" : "([^"]+)"/g)].flatMap((match) => [
    match[1] ?? "",
    match[2] ?? "",
  ]);
  const titles = [...text.matchAll(/\btitle: "([a-z-]+\.[a-z-]+)"/g)].map((match) => match[1] ?? "");
  const wanted = new Set([...literal, ...chosen, ...titles]);
  assert.ok(wanted.size > 200, `only ${wanted.size} keys were found in the source`);
  assert.deepEqual(
    [...wanted].filter((key) => !has(key)),
    [],
  );
  const beginnings = [...text.matchAll(/\b(?:t|word)\(`([a-z-]+\.[a-z.-]*)\$\{/g)].map((match) => match[1] ?? "");
  assert.deepEqual(
    beginnings.filter((start) => !Object.keys(all.en).some((key) => key.startsWith(start))),
    [],
  );
});

test("every code that can reach a person has its words", async () => {
  const wanted: string[] = [];
  const tables = [kernelErrors.table, platformErrors.table];
  for (const name of services) {
    const module = (await import(join(root, "src/services", name, "contract.ts"))) as Record<string, unknown>;
    for (const value of Object.values(module)) {
      const contract = value as Seen | null;
      if (typeof contract !== "object" || !contract?.endpoints) continue;
      tables.push(contract.errors as never);
      for (const key of Object.keys(contract.settings?.shape ?? {})) {
        if (!SET_ELSEWHERE.has(`${name}.${key}`)) wanted.push(`setting.${name}.${key}`, `setting.${name}.${key}.help`);
      }
      for (const { cli } of Object.values(contract.endpoints)) if (cli?.confirm) wanted.push(cli.confirm);
      wanted.push(`part.${name}`);
    }
  }
  for (const table of tables) for (const code of Object.keys(table)) wanted.push(`error.${code}`, `advice.${code}`);
  const daemon = services.flatMap((name) => sources(`src/services/${name}`)).join("\n");
  for (const match of daemon.matchAll(/\{\s*code: "([a-z-]+)", (?:severity|ok)/g)) {
    const isCheck = match[0].endsWith("ok");
    const keys = ["title", "ok", "bad", "fix"].map((part) => `check.${match[1]}.${part}`);
    wanted.push(...(isCheck ? keys : [`health.${match[1]}`, `fix.${match[1]}`]));
  }
  assert.deepEqual(
    wanted.filter((key) => !has(key)),
    [],
  );
});
