/** Tests of type-to-filter, also over 5,000 entries. */
/// <reference types="node" />
import assert from "node:assert/strict";
import { test } from "node:test";
import { leastMs } from "../../src/kernel/cost.fixture.ts";
import { find, findable, plain } from "./find.ts";

test("case, accents and the Catalan dot do not matter", () => {
  assert.equal(plain("  Ràdio  PARRÒQUIA "), "radio parroquia");
  assert.equal(plain("Col·lecció"), "colleccio");
});

test("all words must be there, in any order", () => {
  const entries = findable(["Ràdio parroquial del Clot", "Biblioteca del Clot"], (text) => [text]);
  assert.deepEqual(find(entries, "clot radio"), ["Ràdio parroquial del Clot"]);
  assert.equal(find(entries, "").length, 2);
  assert.deepEqual(find(entries, "clot mapa"), []);
});

test("5,000 entries answer a key press well within 100 ms", () => {
  const items = Array.from(
    { length: 5000 },
    (_, index) => `Servei número ${index} de la caixa ${index % 70} zona ${index % 9}`,
  );
  const entries = findable(items, (text) => [text, "una descripció d'uns quants mots més per fer gruix"]);
  for (const query of ["s", "se", "ser", "serv 4", "serv 49"]) {
    const ms = leastMs(() => void find(entries, query), 10);
    assert.ok(ms < 100, `${query}: ${ms} ms`);
  }
});
