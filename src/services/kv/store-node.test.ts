/** What the store gives its journal: any step's puts, however large, in appends that it takes, in their order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { JOURNAL_APPEND_BYTES_MAX } from "../../platform/constants.ts";
import { VALUE_BYTES_MAX } from "../../protocols/kv/constants.ts";
import { appendsOf } from "./store-node.ts";

test("many large values of one step are several appends; small ones share one", () => {
  const large = Array.from({ length: 5 }, (_, n) => ({ id: `l${n}`, bytes: new Uint8Array(VALUE_BYTES_MAX) }));
  const small = Array.from({ length: 100 }, (_, n) => ({ id: `s${n}`, bytes: n % 2 ? new Uint8Array(300) : null }));
  const puts = [...small, ...large, ...small];
  const appends = appendsOf(puts);
  assert.deepEqual(appends.flat(), puts);
  for (const append of appends) {
    const bytes = append.reduce((sum, put) => sum + (put.bytes?.length ?? 0), 0);
    assert.ok(bytes < JOURNAL_APPEND_BYTES_MAX, `${bytes}`);
  }
  assert.equal(appends.length, 7);
  assert.deepEqual(appendsOf([]), []);
});
