/** Memory and disk are shown as they were asked for. */
/// <reference types="node" />
import assert from "node:assert/strict";
import { test } from "node:test";
import { amount } from "./amount.ts";

test("whole units without digits, others with one", () => {
  assert.equal(amount(0, "en"), "0\u00a0MiB");
  assert.equal(amount(512 * 2 ** 20, "ca"), "512\u00a0MiB");
  assert.equal(amount(2 ** 30, "es"), "1\u00a0GiB");
  assert.equal(amount(1.5 * 2 ** 30, "ca"), "1,5\u00a0GiB");
  assert.equal(amount(2 ** 40, "en"), "1,024\u00a0GiB");
});
