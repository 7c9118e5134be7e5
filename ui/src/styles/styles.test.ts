/** tokens.css holds every colour and every size; no other style sheet does. No script styles by text. */
/// <reference types="node" />
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "../../..");
const sheets = ["ui/src", "src/services"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".css") && entry.name !== "tokens.css")
    .map((entry) => join(entry.parentPath, entry.name)),
);
const tokens = readFileSync(join(import.meta.dirname, "tokens.css"), "utf8");
/** A ratio to the text beside it, and what hides a thing from the eye, are no sizes of the design. */
const ALLOWED = /letter-spacing|text-underline-offset|(?:inline|block)-size: 1px|@media|@container/;

test("colours and sizes come from the tokens", () => {
  assert.ok(sheets.length >= 6);
  for (const file of sheets) {
    for (const [number, line] of readFileSync(file, "utf8").split("\n").entries()) {
      if (ALLOWED.test(line) || /^\s*\/?\*/.test(line)) continue;
      assert.doesNotMatch(line, /#[0-9a-f]{3,8}\b|rgb\(|hsl\(|oklch\(/i, `${file}:${number + 1}`);
      assert.doesNotMatch(line, /[\d.](?:px|rem|em|pt)\b/, `${file}:${number + 1}`);
    }
  }
});

test("every token that is used exists", () => {
  const own = new Set(["--tone", "--tone-soft"]);
  for (const file of sheets) {
    for (const [, name] of readFileSync(file, "utf8").matchAll(/var\((--[\w-]+)/g)) {
      assert.ok(own.has(name ?? "") || tokens.includes(`${name}:`), `${file}: ${name}`);
    }
  }
});
