/**
 * The search against trying every order, on thousands of small histories with few values, where equal times, equal
 * values and answers that cannot be are frequent. What operations do is written here once more, in another way.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkHistory } from "./check.ts";
import type { Action, Operation } from "./history.ts";

const CASES = 6000;
const OPERATIONS_MAX = 7;
const TIME_MAX = 9;

/** [the answer, the value after it] */
function act(value: string | null, one: Action): [Action["out"], string | null] {
  const isNumber = value === null || /^-?\d+$/.test(value);
  switch (one.op) {
    case "get":
      return [value, value];
    case "put":
      return [null, one.in];
    case "del":
      return [value !== null, null];
    case "cas":
      return value === one.in.expect ? [true, one.in.value] : [false, value];
    case "putnx":
      return value === null ? [true, one.in] : [false, value];
    case "add":
      return isNumber ? [`${Number(value) + Number(one.in)}`, `${Number(value) + Number(one.in)}`] : [null, value];
  }
}

function isPossible(told: Operation, answer: Action["out"]): boolean {
  return told.status === "info" || (told.op === "del" && told.out === null) || told.out === answer;
}

/** Tries each order of all that returned, with each selection of what did not. */
function tryAll(left: readonly Operation[], value: string | null): boolean {
  if (left.every((one) => one.status === "info")) return true;
  return left.some((one) => {
    if (left.some((other) => other.status === "ok" && other.ret! < one.call)) return false;
    const [answer, after] = act(value, one);
    if (!isPossible(one, answer)) return false;
    return tryAll(
      left.filter((other) => other !== one),
      after,
    );
  });
}

const value = fc.constantFrom("a", "0", "1");
const valueOrNone = fc.option(value, { nil: null });
const done = fc.boolean();
const number = fc.constantFrom("0", "1", "2", "-1");
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant("get" as const), in: fc.constant(null), out: valueOrNone }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("put" as const), in: value, out: fc.constant(null) }) },
  fc.record({ op: fc.constant("del" as const), in: fc.constant(null), out: fc.option(done, { nil: null }) }),
  fc.record({
    op: fc.constant("cas" as const),
    in: fc.record({ expect: valueOrNone, value }),
    out: done,
  }),
  fc.record({ op: fc.constant("putnx" as const), in: value, out: done }),
  fc.record({ op: fc.constant("add" as const), in: number, out: fc.option(number, { nil: null }) }),
);
const times = fc.record({
  call: fc.nat(TIME_MAX),
  length: fc.nat(TIME_MAX),
  status: fc.constantFrom("ok", "ok", "ok", "ok", "ok", "info", "fail"),
  /** Where it is done, between call and return; and whether it is, without an answer. */
  at: fc.nat(100),
  isDone: fc.boolean(),
});
const drawn = fc.array(fc.tuple(action, times), { minLength: 1, maxLength: OPERATIONS_MAX });
type Drawn = [Action, { call: number; length: number; status: string; at: number; isDone: boolean }][];

function operationsOf(from: Drawn): Operation[] {
  return from.map(
    ([one, { call, length, status }], proc) =>
      ({
        ...one,
        proc,
        key: "k",
        call,
        ret: call + length,
        status,
        ...(status === "ok" ? {} : { out: null }),
      }) as Operation,
  );
}

/** The same operations with the answers that they would have had. */
function carriedOut(from: Drawn): Operation[] {
  const operations = operationsOf(from);
  const moments = from.map(([, { call, length, at }]) => call + (length * at) / 100);
  let now: string | null = null;
  for (const index of moments.map((_, one) => one).toSorted((a, b) => moments[a]! - moments[b]!)) {
    const one = operations[index]!;
    if (one.status === "fail" || (one.status === "info" && !from[index]![1].isDone)) continue;
    const [answer, after] = act(now, one);
    if (one.status === "ok" && one.op !== "put") one.out = answer;
    now = after;
  }
  return operations;
}

function compare(operations: Operation[], seen: Map<string, number>): void {
  const told = operations.filter((one) => one.status === "ok" || (one.status === "info" && one.op !== "get"));
  const expected = tryAll(told, null) ? "ok" : "illegal";
  const { keys } = checkHistory(operations);
  assert.equal(keys[0]!.verdict, expected);
  seen.set(expected, (seen.get(expected) ?? 0) + 1);
}

test("says the same as trying every order, of answers drawn at random", () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(drawn, (from) => compare(operationsOf(from), seen)),
    { numRuns: CASES },
  );
  assert.ok(seen.get("ok")! > CASES / 20 && seen.get("illegal")! > CASES / 20, JSON.stringify([...seen]));
});

test("says the same as trying every order, of true answers, one or none of them changed", () => {
  const seen = new Map<string, number>();
  const changed = fc.record({ index: fc.nat(OPERATIONS_MAX), to: action, change: fc.boolean() });
  fc.assert(
    fc.property(drawn, changed, (from, { index, to, change }) => {
      const operations = carriedOut(from);
      assert.ok(
        tryAll(
          operations.filter((one) => one.status !== "fail"),
          null,
        ),
        "the way it was made is one order",
      );
      const one = operations[index % operations.length]!;
      if (change && one.status === "ok") Object.assign(one, to);
      compare(operations, seen);
    }),
    { numRuns: CASES },
  );
  assert.ok(seen.get("ok")! > CASES / 20 && seen.get("illegal")! > CASES / 20, JSON.stringify([...seen]));
});
