/** How a history is written and read, and what is said about lines that are none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { correctHistory } from "./correct.ts";
import { HistoryError, readHistory, writeHistory } from "./history.ts";

const GOOD = { proc: 1, op: "get", key: "k", in: null, out: "v", call: 5, ret: 9, status: "ok" };

test("what is written is read back", () => {
  const shape = { clients: 4, perKey: 200, registers: 2, counters: 1, infoRate: 0.1, failRate: 0.1 };
  const history = correctHistory({ seed: 3, ...shape });
  assert.equal(new Set(history.map((one) => one.op)).size, 6);
  assert.deepEqual(readHistory(writeHistory(history)), history);
});

test("a line has the fields in their order, and any bytes in keys", () => {
  const one = { ...GOOD, key: '\u0000ÿ"\n' };
  const text = writeHistory(readHistory(JSON.stringify(one)));
  const line = '{"proc":1,"op":"get","key":"\\u0000ÿ\\"\\n","in":null,"out":"v","call":5,"ret":9,"status":"ok"}\n';
  assert.equal(text, line);
});

test("empty lines, ends of other systems, other fields and forgotten ones that say nothing are no matter", () => {
  const put = { proc: 1, op: "put", key: "k", in: "v", call: 5, status: "info", box: "b1" };
  const text = `\n${JSON.stringify(GOOD)}\r\n\r\n${JSON.stringify(put)}`;
  const [get, info] = readHistory(text);
  assert.deepEqual(get, GOOD);
  assert.deepEqual(info, { proc: 1, op: "put", key: "k", in: "v", out: null, call: 5, ret: null, status: "info" });
  assert.deepEqual(readHistory(""), []);
});

test("an add may give its number as one", () => {
  const [add] = readHistory(JSON.stringify({ ...GOOD, op: "add", in: -3, out: "4" }));
  assert.equal(add!.in, "-3");
});

const WRONG: [unknown, string][] = [
  ["{", "is no JSON"],
  ["[]", "is no JSON object"],
  ["7", "is no JSON object"],
  [{ ...GOOD, proc: "a" }, '"proc" must be a whole number, not "a"'],
  [{ ...GOOD, key: undefined }, '"key" must be a text, not absent'],
  [{ ...GOOD, op: "incr" }, '"op" must be get, put, del, cas, putnx or add, not "incr"'],
  [{ ...GOOD, status: "maybe" }, '"status" must be ok, fail or info, not "maybe"'],
  [{ ...GOOD, call: -1 }, '"call" must be a whole number of nanoseconds below 2^53, not -1'],
  [{ ...GOOD, call: 2 ** 53 }, '"call" must be a whole number of nanoseconds below 2^53, not 9007199254740992'],
  [{ ...GOOD, ret: null }, '"ret" must be a whole number of nanoseconds below 2^53, not null'],
  [{ ...GOOD, ret: 4 }, '"ret" must be at or after call, not 4'],
  [{ ...GOOD, out: undefined }, '"out" must be a text or null, not absent'],
  [{ ...GOOD, out: 7 }, '"out" must be a text or null, not 7'],
  [{ ...GOOD, op: "put" }, '"in" must be a text, not null'],
  [{ ...GOOD, op: "del" }, '"out" must be true, false or null, not "v"'],
  [{ ...GOOD, op: "cas", in: "v", out: true }, '"in" must be {"expect": a text or null, "value": a text}, not "v"'],
  [{ ...GOOD, op: "cas", in: { expect: null, value: "v" } }, '"out" must be true or false, not "v"'],
  [{ ...GOOD, op: "putnx", in: "v", out: null }, '"out" must be true or false, not null'],
  [{ ...GOOD, op: "add", in: "1.5", out: "2" }, '"in" must be a decimal integer of 64 bits, not "1.5"'],
  [{ ...GOOD, op: "add", in: "1", out: "9223372036854775808" }, '"out" must be a text with a decimal integer of 64'],
  [{ ...GOOD, op: "add", in: "1", out: undefined }, '"out" must be a text with a decimal integer of 64'],
];

test("a wrong line is named, and what is wrong with it", () => {
  for (const [line, problem] of WRONG) {
    const text = `${JSON.stringify(GOOD)}\n\n${typeof line === "string" ? line : JSON.stringify(line)}\n`;
    assert.throws(
      () => readHistory(text),
      (error) => error instanceof HistoryError && error.line === 3 && error.message.startsWith(`line 3: ${problem}`),
      problem,
    );
  }
  assert.throws(
    () => readHistory(JSON.stringify({ ...GOOD, status: "x".repeat(100) })),
    (error) => (error as Error).message.length < 100,
  );
});
