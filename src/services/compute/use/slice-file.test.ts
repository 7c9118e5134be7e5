/** Slice files: sensible sizes for what is left out, and the line of what is wrong. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../../kernel/errors.ts";
import { SLICE_FILE_BYTES_MAX, SLICE_SLIVERS_MAX } from "../constants.ts";
import { readSliceFile, specOf } from "./slice-file.ts";

async function problem(text: string): Promise<string> {
  try {
    await readSliceFile(text);
  } catch (error) {
    if (isFailure(error, "compute-bad-file")) return `${error.params["line"]}: ${error.params["reason"]}`;
    throw error;
  }
  return "none";
}

test("what is left out is sensible", async () => {
  const wish = await readSliceFile("name: web\nimage: debian\n");
  const { sliver, ...spec } = specOf(wish, "a".repeat(64), 1000);
  assert.deepEqual(spec, { count: 1, apart: "box", wanted: "running", endMs: 1000 + 30 * 86_400_000, recreate: false });
  assert.deepEqual(
    [sliver.kind, sliver.reach, sliver.cores, sliver.memoryBytes, sliver.diskBytes, sliver.egressBytesPerS],
    ["container", "slice", 1, 512 * 2 ** 20, 4 * 2 ** 30, 0],
  );
});

test("what is wrong, and in which line", async () => {
  assert.match(await problem("name: web\nimage: debian\nmemory: much\n"), /^3: memory: a size such as/);
  assert.match(await problem("name: web\nimage: debian\nmemroy: 1GiB\n"), /^3: memroy: /);
  assert.match(await problem("name: Web\nimage: debian\n"), /^1: name: lower-case/);
  assert.match(await problem("image: debian\n"), /^1: name: /);
  assert.match(await problem("name: web\nimage: debian\nslivers: -1\n"), /^3: slivers: /);
  assert.match(await problem("name: web\nname: web\nimage: debian\n"), /^2: /);
  assert.match(await problem("name: [web\n"), /^\d: /);
  assert.match(await problem("just words"), /^1: /);
  assert.match(await problem(""), /^1: /);
});

test("limits: slivers, length, and a short file that stands for a huge one", async () => {
  const file = (slivers: number) => `name: web\nimage: debian\nslivers: ${slivers}\n`;
  assert.equal(await problem(file(SLICE_SLIVERS_MAX)), "none");
  assert.match(await problem(file(SLICE_SLIVERS_MAX + 1)), /^3: slivers/);
  assert.match(await problem(`${file(1)}#${"x".repeat(SLICE_FILE_BYTES_MAX)}`), /too long/);
  const bomb = ["a: &a [x,x,x,x]", "b: &b [*a,*a,*a,*a]", "c: &c [*b,*b,*b,*b]", "d: [*c,*c,*c,*c]"].join("\n");
  assert.notEqual(await problem(`${file(1)}${bomb}\n`), "none");
});
