/** What the machine's files say about how many containers can have ids of their own. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { idRanges } from "./id-ranges.ts";

const folder = mkdtempSync(join(tmpdir(), "comu-ids-"));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

test("as many as an engine was seen to give, by the smaller of both files", async () => {
  const usual = file("usual", "_lxd:100000:10000001\nroot:100000:10000001\n");
  assert.equal(await idRanges([usual, usual]), 151);
  const small = file("small", `anna:1:65536\nroot:1:1000\nroot:100000:${65_536 * 3}\n`);
  assert.equal(await idRanges([usual, small]), 1);
  assert.equal(await idRanges([file("one", "root:100000:65536\n")]), 0);
  const large = file("large", "root:1000000:1000000000\n");
  assert.ok((await idRanges([large, large]))! > 256);
});

test("where nobody says it, nothing is known", async () => {
  const other = file("other", "anna:100000:65536\n");
  assert.equal(await idRanges([join(folder, "none"), other]), undefined);
});
