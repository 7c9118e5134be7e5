/** Words: the best language, plural forms, places, falling back, tables that collide. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { WordTables } from "./words.ts";
import { explain, mergeWords, pickLanguage, say, wordsOnDemand } from "./words.ts";

const tables: WordTables = {
  ca: {
    hello: "Hola, {name}",
    "boxes.one": "{count} caixa",
    "boxes.other": "{count} caixes",
    "boxes.many": "{count} de caixes",
  },
  es: { "boxes.one": "{count} caja", "boxes.other": "{count} cajas" },
  en: {
    hello: "Hello, {name}",
    "boxes.one": "{count} box",
    "boxes.other": "{count} boxes",
    port: "port {port}",
    bye: "Bye",
  },
};

test("the first language that we have, from a header or a locale", () => {
  const wishes: [string | undefined, string][] = [
    ["ca-ES,ca;q=0.9,en;q=0.8", "ca"],
    ["fr-FR, es;q=0.5", "es"],
    ["es_MX.UTF-8", "es"],
    ["EN", "en"],
    ["C.UTF-8", "en"],
    ["", "en"],
    [undefined, "en"],
    [`${"x,".repeat(5000)}ca`, "en"],
  ];
  for (const [wish, language] of wishes) assert.equal(pickLanguage(wish), language, `for ${wish}`);
});

test("plural forms by the language's own rules, and the common form where one is missing", () => {
  assert.equal(say(tables, "en", "boxes", { count: 1 }), "1 box");
  assert.equal(say(tables, "en", "boxes", { count: 0 }), "0 boxes");
  assert.equal(say(tables, "ca", "boxes", { count: 1 }), "1 caixa");
  assert.equal(say(tables, "ca", "boxes", { count: 1_000_000 }), "1000000 de caixes");
  assert.equal(say(tables, "es", "boxes", { count: 1_000_000 }), "1000000 cajas");
});

test("a word that a language lacks is said in English, and a key that nobody knows as it is", () => {
  assert.equal(say(tables, "es", "hello", { name: "Ona" }), "Hello, Ona");
  assert.equal(say(tables, "ca", "bye"), "Bye");
  assert.equal(say(tables, "ca", "error.unknown"), "error.unknown");
});

test("places: texts as they are, numbers without grouping, missing ones stay visible, no place within a text", () => {
  assert.equal(say(tables, "en", "port", { port: 47_000 }), "port 47000");
  assert.equal(say(tables, "en", "hello"), "Hello, {name}");
  assert.equal(say(tables, "en", "hello", { name: "{count}", count: 3 }), "Hello, {count}");
  assert.equal(say({ ...tables, en: { odd: "{toString} {constructor}" } }, "en", "odd"), "{toString} {constructor}");
  assert.equal(say({ ...tables, ca: { half: "{n}" } }, "ca", "half", { n: 0.5 }), "0,5");
});

test("tables join; one key in two of them is a bug", () => {
  const one: WordTables = { ca: { a: "a" }, es: { a: "a" }, en: { a: "a" } };
  const two: WordTables = { ca: { b: "b" }, es: { b: "b" }, en: { b: "b" } };
  assert.deepEqual(mergeWords(one, two).es, { a: "a", b: "b" });
  assert.throws(() => mergeWords(one, two, one), /stands in two tables/);
});

test("a language is loaded when something is said in it, once", () => {
  const loaded: string[] = [];
  const onDemand = wordsOnDemand((language) => {
    loaded.push(language);
    return tables[language];
  });
  assert.deepEqual(loaded, []);
  assert.equal(say(onDemand, "ca", "boxes", { count: 1 }), "1 caixa");
  assert.equal(say(onDemand, "ca", "boxes", { count: 2 }), say(tables, "ca", "boxes", { count: 2 }));
  assert.deepEqual(loaded, ["ca"]);
  assert.equal(say(onDemand, "es", "hello", { name: "Ona" }), "Hello, Ona");
  assert.deepEqual(loaded, ["ca", "es", "en"]);
});

test("a code that came as data is explained, and one without words is named", () => {
  const table = {
    "why-full": "It is full.",
    "why-full.advice": "Wait.",
    "why-other": "No ({code}).",
    "why-other.advice": "Ask.",
  };
  const tables = { ca: table, es: table, en: table };
  assert.deepEqual(explain(tables, "en", "why", "full"), { text: "It is full.", advice: "Wait." });
  assert.deepEqual(explain(tables, "ca", "why", "odd"), { text: "No (odd).", advice: "Ask." });
  assert.deepEqual(explain(tables, "es", "why", "toString"), { text: "No (toString).", advice: "Ask." });
});
