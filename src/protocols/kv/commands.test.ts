/** Every command, condition and end of a key, one after the other. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { applyCommand, isExpired, resultOf } from "./commands.ts";
import type { Content } from "./content.ts";
import type { Command, Condition, Expiry } from "./types.ts";

const NOW_MS = 1_000_000;
const set = { round: 3, node: 7, n: 2 };
const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const holding = (text: string | null, expiresMs: number | null = null): Content => ({
  ...{ version: { round: 4, node: 7, n: 1 }, set, expiresMs, origins: [] },
  value: text === null ? null : bytes(text),
});
const never: Expiry = { type: "never" };
const run = (content: Content | undefined, command: Command) => {
  const { answer, next } = applyCommand(content, command, NOW_MS);
  const value = next && String.fromCharCode(...next.value);
  return { status: answer.status, value: next === null ? null : value, expiresMs: next?.expiresMs };
};
const unchanged = (status: string) => ({ status, value: undefined, expiresMs: undefined });
const absent = [undefined, holding(null)];

test("get changes nothing", () => {
  for (const content of [...absent, holding("a")]) assert.deepEqual(run(content, { type: "get" }), unchanged("read"));
});

test("put and delete, with each condition", () => {
  const met: [Condition, Content | undefined][] = [
    [{ is: "absent" }, undefined],
    [{ is: "absent" }, holding(null)],
    [{ is: "present" }, holding("a")],
    [{ is: "version", version: set }, holding("a")],
    [{ is: "value", value: bytes("a") }, holding("a")],
    [{ is: "value", value: bytes("") }, holding("")],
  ];
  const unmet: [Condition, Content | undefined][] = [
    [{ is: "absent" }, holding("a")],
    [{ is: "present" }, undefined],
    [{ is: "present" }, holding(null)],
    [{ is: "version", version: { ...set, n: 3 } }, holding("a")],
    [{ is: "version", version: set }, holding(null)],
    [{ is: "value", value: bytes("b") }, holding("a")],
    [{ is: "value", value: bytes("aa") }, holding("a")],
    [{ is: "value", value: bytes("") }, undefined],
  ];
  for (const [when, content] of met) {
    assert.deepEqual(run(content, { type: "put", value: bytes("z"), expiry: never, when }).value, "z");
    const isThere = content !== undefined && content.value !== null;
    assert.equal(run(content, { type: "delete", when }).value, isThere ? null : undefined);
  }
  for (const [when, content] of unmet) {
    assert.deepEqual(run(content, { type: "put", value: bytes("z"), expiry: never, when }), unchanged("unchanged"));
    assert.deepEqual(run(content, { type: "delete", when }), unchanged("unchanged"));
  }
  for (const content of absent) assert.deepEqual(run(content, { type: "delete" }), unchanged("unchanged"));
});

test("add: none counts as 0; what is no integer of 64 bits, or would be none, is refused", () => {
  const add = (content: Content | undefined, by: bigint) => run(content, { type: "add", by });
  for (const content of absent) assert.equal(add(content, -5n).value, "-5");
  assert.deepEqual(add(holding("41", 7), 1n), { status: "integer", value: "42", expiresMs: 7 });
  const max = 2n ** 63n - 1n;
  assert.equal(add(holding(String(max - 1n)), 1n).value, String(max));
  assert.equal(add(holding(String(-max)), -1n).value, String(-(2n ** 63n)));
  const refused: [string, bigint][] = [
    ...[
      [String(max), 1n] as [string, bigint],
      [String(-(2n ** 63n)), -1n] as [string, bigint],
      [String(max + 1n), 0n] as [string, bigint],
    ],
    ...["", " 1", "1 ", "01", "+1", "-0", "1.0", "x", "1e3", "9".repeat(40)].map((text): [string, bigint] => [
      text,
      1n,
    ]),
  ];
  for (const [text, by] of refused) assert.deepEqual(add(holding(text), by), unchanged("not-an-integer"), text);
});

test("when a key ends", () => {
  const end = (expiry: Expiry, content = holding("a", 55)) =>
    run(content, { type: "put", value: bytes("z"), expiry }).expiresMs;
  assert.equal(end(never), null);
  assert.equal(end({ type: "keep" }), 55);
  assert.equal(end({ type: "keep" }, holding(null)), null);
  assert.equal(end({ type: "after", ttlMs: 500 }), NOW_MS + 500);
  assert.equal(end({ type: "at", ms: 77 }), 77);
  assert.equal(end({ type: "at", ms: -1 }), 0);
  assert.equal(end({ type: "after", ttlMs: 1e300 }), 2 ** 48 - 1);
  const expire = (content: Content | undefined) => run(content, { type: "expire", expiry: { type: "at", ms: 9 } });
  assert.deepEqual(expire(holding("a")), { status: "done", value: "a", expiresMs: 9 });
  for (const content of absent) assert.deepEqual(expire(content), unchanged("unchanged"));
  assert.ok(isExpired(holding("a", NOW_MS), NOW_MS));
  assert.ok(!isExpired(holding("a", NOW_MS + 1), NOW_MS));
  assert.ok(!isExpired(holding("a"), NOW_MS));
});

test("what users see of it", () => {
  const [a, gone] = [holding("a", 5), holding(null)];
  const found = { value: bytes("a"), version: set, expiresMs: 5 };
  assert.deepEqual(resultOf({ status: "done" }, gone, a), { status: "done", before: undefined, after: found });
  assert.deepEqual(resultOf({ status: "unchanged" }, a, a), { status: "unchanged", before: found });
  assert.deepEqual(resultOf({ status: "not-an-integer" }, a, a), { status: "not-an-integer" });
});
