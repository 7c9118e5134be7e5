/** The limits of the page are those of the contract and the protocol. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEGREE, KEY_BYTES_MAX as PROTOCOL_KEY_BYTES_MAX, LIST_KEYS_MAX } from "../../../protocols/kv/constants.ts";
import { JSON_VALUE_CHARS_MAX } from "../shapes.ts";
import { COPIES_WANTED, KEY_BYTES_MAX, PAGE_KEYS, VALUE_CHARS_MAX } from "./limits.ts";

test("the page takes what the box takes", () => {
  assert.equal(VALUE_CHARS_MAX, JSON_VALUE_CHARS_MAX);
  assert.equal(KEY_BYTES_MAX, PROTOCOL_KEY_BYTES_MAX);
  assert.equal(COPIES_WANTED, DEGREE);
  assert.ok(PAGE_KEYS <= LIST_KEYS_MAX);
});
