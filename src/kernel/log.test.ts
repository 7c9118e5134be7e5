/** The log: levels, secrets, the ring, cutting, and values that JSON cannot write. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogLevel } from "./log.ts";
import { createLog, describe, LOG_DEPTH_MAX, LOG_KEYS_MAX, LOG_LINES_KEPT, LOG_MESSAGE_LENGTH_MAX } from "./log.ts";
import { virtualClock } from "./virtual-clock.ts";

function open(level: LogLevel = "debug") {
  const written: string[] = [];
  return { written, log: createLog({ clock: virtualClock(0), level, write: (line) => written.push(line) }) };
}

test("a line is one JSON object with time, level, area and message", () => {
  const { log, written } = open();
  log.area("mesh").warn("two\nlines", { boxes: 3 });
  const line = {
    time: "1970-01-01T00:00:00.000Z",
    level: "warn",
    area: "mesh",
    message: "two\nlines",
    fields: { boxes: 3 },
  };
  assert.deepEqual(JSON.parse(written[0]!), line);
  assert.ok(!written[0]!.includes("\n"));
  assert.deepEqual(log.recent(10), [line]);
});

test("lines below the level are dropped; the level can change", () => {
  const { log, written } = open("warn");
  for (const level of ["debug", "info", "warn", "error"] as const) log[level](level);
  log.setLevel("info");
  log.area("x").info("later");
  log.debug("never");
  assert.deepEqual(
    written.map((line) => (JSON.parse(line) as { message: string }).message),
    ["warn", "error", "later"],
  );
});

test("secrets never reach a line, however deep they lie", () => {
  const { log, written } = open();
  const secret = "hunter2";
  log.info("sign-in", {
    password: secret,
    newPassword: secret,
    setupToken: secret,
    code: secret,
    request: { headers: { Cookie: secret }, list: [{ privateKey: secret }] },
    failureCode: "kept",
  });
  assert.ok(!written[0]!.includes(secret), "the line");
  assert.ok(!JSON.stringify(log.recent(1)).includes(secret));
  assert.ok(written[0]!.includes("kept"));
});

test("the newest lines are kept, and no more than LOG_LINES_KEPT", () => {
  const { log } = open();
  for (let n = 0; n < LOG_LINES_KEPT + 10; n += 1) log.info(`line ${n}`);
  assert.equal(log.recent(10_000).length, LOG_LINES_KEPT);
  assert.equal(log.recent(10_000)[0]!.message, "line 10");
  assert.deepEqual(
    log.recent(2).map((line) => line.message),
    [`line ${LOG_LINES_KEPT + 8}`, `line ${LOG_LINES_KEPT + 9}`],
  );
  assert.deepEqual(log.recent(0), []);
});

test("long messages, long fields, long lists and deep objects are cut", () => {
  const { log, written } = open();
  const long = "x".repeat(LOG_MESSAGE_LENGTH_MAX * 3);
  const many = Object.fromEntries(Array.from({ length: LOG_KEYS_MAX * 3 }, (_none, n) => [`k${n}`, n]));
  let deep: object = { end: "too deep" };
  for (let n = 0; n < LOG_DEPTH_MAX; n += 1) deep = { deep };
  log.info(long, { long, error: new Error(long), list: Array.from({ length: LOG_KEYS_MAX * 3 }, () => 1), many, deep });
  const { message, fields } = log.recent(1)[0]!;
  assert.equal(message.length, LOG_MESSAGE_LENGTH_MAX);
  assert.equal((fields!["long"] as string).length, LOG_MESSAGE_LENGTH_MAX);
  assert.equal((fields!["error"] as string).length, LOG_MESSAGE_LENGTH_MAX);
  assert.equal((fields!["list"] as unknown[]).length, LOG_KEYS_MAX);
  assert.equal(Object.keys(fields!["many"] as object).length, LOG_KEYS_MAX);
  assert.ok(!written[0]!.includes("too deep"));
});

test("no value makes the log fail: circles, big integers, functions, bytes, nothing", () => {
  const { log, written } = open();
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  log.info("odd", {
    circle,
    big: 5n,
    run: () => 1,
    symbol: Symbol("s"),
    bytes: new Uint8Array(9),
    none: undefined,
    nil: null,
  });
  const { fields } = JSON.parse(written[0]!) as { fields: Record<string, unknown> };
  assert.deepEqual([fields["big"], fields["bytes"], fields["nil"]], ["5", "(9 bytes)", null]);
});

test("an error is told with its causes, also when they bite their tail", () => {
  const error = new TypeError("outer", { cause: new Error("inner", { cause: "a word" }) });
  assert.equal(describe(error), "TypeError: outer (because Error: inner (because a word))");
  const circle = new Error("again");
  circle.cause = circle;
  assert.equal(describe(circle).match(/again/g)!.length, LOG_DEPTH_MAX);
  const { log } = open();
  log.error("failed", { error });
  assert.equal(log.recent(1)[0]!.fields!["error"], describe(error));
});
