/**
 * What a command loads: it should be done in the time that the box takes to answer. Importing `node:http` as a module
 * alone took 50 ms, the contracts of all services as long, zod and one of them 20 ms.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { test } from "node:test";

const SRC = resolve(import.meta.dirname, "..");
/** The build puts another one in its place, which loads what is needed. */
const REPLACED = "cli/services.ts";

/** What is loaded with these files, as paths below src and names of packages. */
function loadedWith(...files: string[]): string[] {
  const found = new Set<string>();
  const visit = (file: string) => {
    const name = relative(SRC, file);
    if (found.has(name)) return;
    found.add(name);
    if (name === REPLACED || !file.endsWith(".ts")) return;
    const text = readFileSync(file, "utf8");
    for (const [, from = ""] of text.matchAll(/^(?:import|export) (?!type )[^;]*?from "([^"]+)"/gm)) {
      if (!from.startsWith(".")) found.add(from);
      else visit(resolve(join(file, ".."), from));
    }
  };
  for (const file of files) visit(join(SRC, file));
  return [...found];
}

test("a command loads no server, no database, no service, and nothing to make schemas with", () => {
  const loaded = loadedWith("cli/main.ts", "cli/commands.ts");
  assert.ok(loaded.includes(REPLACED) && existsSync(join(SRC, REPLACED)));
  const strange = loaded.filter(
    (name) =>
      ["node:http", "node:http2", "node:https", "node:sqlite", "hono", "zod", "ws"].includes(name) ||
      (name.startsWith("platform/") && name !== "platform/web/socket-path.ts") ||
      name.startsWith("services/"),
  );
  assert.deepEqual(strange, []);
});
