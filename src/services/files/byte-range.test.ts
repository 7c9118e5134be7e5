/** Ranges as HTTP writes them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { rangeOf } from "./byte-range.ts";

test("one range of a file", () => {
  const cases: [string | undefined, ReturnType<typeof rangeOf>][] = [
    [undefined, undefined],
    ["bytes=0-", { at: 0, length: 10 }],
    ["bytes=2-4", { at: 2, length: 3 }],
    ["bytes=9-99", { at: 9, length: 1 }],
    ["bytes=-3", { at: 7, length: 3 }],
    ["bytes=-99", { at: 0, length: 10 }],
    ["bytes=10-", "none"],
    ["bytes=-0", "none"],
    ["bytes=4-2", undefined],
    ["bytes=0-1,3-4", undefined],
    ["bytes=-", undefined],
    ["lines=1-2", undefined],
    ["bytes=99999999999999999999-", undefined],
  ];
  for (const [header, wanted] of cases) assert.deepEqual(rangeOf(header, 10), wanted, String(header));
  assert.equal(rangeOf("bytes=0-", 0), "none");
});
