/** Lines of standard input, however they are cut, and none that would fill the memory. */
import assert from "node:assert/strict";
import test from "node:test";
import { linesOf } from "./grid.ts";

async function read(chunks: string[], charsMax: number): Promise<(string | undefined)[]> {
  const input = (async function* () {
    yield* chunks;
  })();
  const lines: (string | undefined)[] = [];
  for await (const line of linesOf(input, charsMax)) lines.push(line);
  return lines;
}

test("lines come out whole wherever the input is cut", async () => {
  const text = "one\n\ntwo\nthree";
  for (let at = 0; at <= text.length; at++) {
    assert.deepEqual(await read([text.slice(0, at), text.slice(at)], 5), ["one", "", "two", "three"]);
  }
  assert.deepEqual(await read([], 5), []);
  assert.deepEqual(await read(["a\n"], 5), ["a"]);
});

test("a line that is too long is passed over, and the ones after it are read", async () => {
  assert.deepEqual(await read(["12345\n1234", "56", "7\n12", "\n"], 5), ["12345", undefined, "12"]);
  assert.deepEqual(await read(["a\n123456"], 5), ["a", undefined]);
});
