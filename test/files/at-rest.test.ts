/**
 * What a box carries in its memory that does not use files: every module that the service imports when it is made is
 * read, kept, and partly run at each start. What only some boxes need is to be imported when it is needed.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { test } from "node:test";
import { imports, isNode, nodes } from "../tidy/syntax.ts";

const root = join(import.meta.dirname, "../..");

/** Modules and packages that come with this one, without those that are imported later. */
function comeWith(path: string, found = new Set<string>()): Set<string> {
  if (found.has(path)) return found;
  found.add(path);
  if (!path.endsWith(".ts")) return found;
  const text = readFileSync(join(root, path), "utf8");
  const later = nodes(path, text).flatMap(({ type, source }) =>
    type === "ImportExpression" && isNode(source) ? [source["value"]] : [],
  );
  for (const { from, typeOnly } of imports(path, text)) {
    if (typeOnly || later.includes(from)) continue;
    if (from.startsWith(".")) comeWith(posix.join(posix.dirname(path), from), found);
    else found.add(from);
  }
  return found;
}

test("servers and readers of formats are loaded when they are used", () => {
  const found = comeWith("src/services/files/service.ts");
  assert.ok(found.has("src/services/files/giving.ts") && found.has("node:crypto"), "the walk finds what is there");
  const heavy = ["yaml", "saxes", "ssh2", "@noble/hashes/blake2.js"];
  const servers = ["webdav/webdav.ts", "sftp/sftp-server.ts", "storage/storage-server.ts", "storage/share-store.ts"];
  for (const one of [...heavy, ...servers.map((path) => `src/services/files/${path}`)]) {
    assert.ok(!found.has(one), one);
  }
});
