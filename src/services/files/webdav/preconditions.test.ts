/** Conditional requests and ranges, case by case as RFC 9110 has them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { IncomingHttpHeaders } from "node:http";
import { checkConditions, rangeWanted } from "./preconditions.ts";
import { Refusal } from "./refusal.ts";

const current = { etag: `"one"`, modifiedMs: Date.UTC(2026, 10, 1, 12, 0, 0, 900) };
const AT = "Sun, 01 Nov 2026 12:00:00 GMT";
const BEFORE = "Sun, 01 Nov 2026 11:59:59 GMT";
const status = (wanted: number) => (error: unknown) => error instanceof Refusal && error.status === wanted;

const CASES: readonly (readonly [IncomingHttpHeaders, "go" | "not-modified" | 412, "go" | 412, absent?: "go" | 412])[] =
  [
    [{}, "go", "go", "go"],
    [{ "if-match": `"one"` }, "go", "go", 412],
    [{ "if-match": `"two", "one"` }, "go", "go", 412],
    [{ "if-match": `W/"one"` }, 412, 412, 412],
    [{ "if-match": `"two"` }, 412, 412, 412],
    [{ "if-match": "*" }, "go", "go", 412],
    [{ "if-none-match": "*" }, "not-modified", 412, "go"],
    [{ "if-none-match": `W/"one"` }, "not-modified", 412, "go"],
    [{ "if-none-match": `"two"` }, "go", "go", "go"],
    [{ "if-modified-since": AT }, "not-modified", "go", "go"],
    [{ "if-modified-since": BEFORE }, "go", "go", "go"],
    [{ "if-modified-since": "yesterday" }, "go", "go", "go"],
    [{ "if-modified-since": AT, "if-none-match": `"two"` }, "go", "go", "go"],
    [{ "if-unmodified-since": AT }, "go", "go", "go"],
    [{ "if-unmodified-since": BEFORE }, 412, 412, "go"],
    [{ "if-unmodified-since": BEFORE, "if-match": `"one"` }, "go", "go", 412],
  ];

test("conditions, for reading, for writing, and where nothing is", () => {
  const outcome = (run: () => string) => {
    try {
      return run();
    } catch (error) {
      return error instanceof Refusal ? error.status : String(error);
    }
  };
  for (const [headers, read, write, absent] of CASES) {
    const said = JSON.stringify(headers);
    assert.equal(
      outcome(() => checkConditions(headers, current, true)),
      read,
      said,
    );
    assert.equal(
      outcome(() => checkConditions(headers, current, false)),
      write,
      said,
    );
    assert.equal(
      outcome(() => checkConditions(headers, undefined, false)),
      absent,
      said,
    );
  }
});

test("ranges", () => {
  const range = (text: string, bytes = 100, ifRange?: string) => {
    const headers = { range: text, ...(ifRange ? { "if-range": ifRange } : {}) };
    const wanted = rangeWanted(headers, bytes, current);
    return wanted && { first: wanted.at, last: wanted.at + wanted.length - 1 };
  };
  assert.deepEqual(range("bytes=0-0"), { first: 0, last: 0 });
  assert.deepEqual(range("bytes=10-"), { first: 10, last: 99 });
  assert.deepEqual(range("bytes=90-200"), { first: 90, last: 99 });
  assert.deepEqual(range("bytes=-10"), { first: 90, last: 99 });
  assert.deepEqual(range("bytes=-1000"), { first: 0, last: 99 });
  for (const passed of ["bytes=-", "bytes=5-4", "bytes=0-1,5-6", "lines=1-2", "bytes", "bytes=a-b", "bytes=--1"]) {
    assert.equal(range(passed), undefined, passed);
  }
  for (const none of ["bytes=100-", "bytes=200-300"]) assert.throws(() => range(none), status(416), none);
  assert.throws(() => range("bytes=-0"), status(416));
  assert.throws(() => range("bytes=0-", 0), status(416));
  assert.deepEqual(range("bytes=1-2", 100, `"one"`), { first: 1, last: 2 });
  assert.equal(range("bytes=1-2", 100, `"two"`), undefined);
  assert.equal(range("bytes=1-2", 100, `W/"one"`), undefined);
  assert.deepEqual(range("bytes=1-2", 100, AT), { first: 1, last: 2 });
  assert.equal(range("bytes=1-2", 100, BEFORE), undefined);
});
