/** The password of the Redis front end: right, wrong, remembered, and how many wrong ones and how many at once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "../../kernel/log.ts";
import { seededRandom } from "../../kernel/random.ts";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import {
  RESP_CHECKS_AT_ONCE,
  RESP_CHECKS_WAITING_MAX,
  RESP_WRONG_ADDRESSES_MAX,
  RESP_WRONG_LOG_MS,
  RESP_WRONG_MAX,
  RESP_WRONG_WINDOW_MS,
} from "./resp-limits.ts";
import { createRespPasswords, hashRespPassword } from "./resp-password.ts";

const random = seededRandom(5);
let lines: string[] = [];
const log = createLog({ clock: virtualClock(), level: "debug", write: (line) => void lines.push(String(line)) });
const stored = await hashRespPassword("s\xe9same", random);

test("the right one and no other; what is stored does not say it", async () => {
  const check = createRespPasswords({ stored, clock: virtualClock(), random, log });
  assert.ok(!stored.includes("same"));
  assert.equal(await check("sesame", "a"), "wrong");
  assert.equal(await check("s\xe9same", "a"), "right");
  assert.equal(await check("sesame", "a"), "wrong");
  assert.equal(await check("s\xe9same", "a"), "right");
  assert.notEqual(await hashRespPassword("s\xe9same", random), stored);
});

test("after so many wrong ones an address waits, also with the right one; others do not", async () => {
  const clock = virtualClock();
  const check = createRespPasswords({ stored, clock, random, log });
  await check("s\xe9same", "warm");
  for (let at = 0; at < RESP_WRONG_MAX; at += 1) assert.equal(await check(`no${at}`, "a"), "wrong");
  assert.equal(await check("s\xe9same", "a"), "too-many");
  assert.equal(await check("s\xe9same", "b"), "right");
  clock.advance(RESP_WRONG_WINDOW_MS);
  assert.equal(await check("s\xe9same", "a"), "right");
});

test("a program that says the same wrong one for ever locks nobody out who shares its address", async () => {
  const check = createRespPasswords({ stored, clock: virtualClock(), random, log });
  for (let at = 0; at < 3 * RESP_WRONG_MAX; at += 1) assert.equal(await check("old one", "127.0.0.1"), "wrong");
  assert.equal(await check("s\xe9same", "127.0.0.1"), "right");
  assert.equal(await check("old one", "127.0.0.1"), "wrong");
});

test("wrong ones stand in the log, once a minute for each address, and never the password", async () => {
  const clock = virtualClock();
  const check = createRespPasswords({ stored, clock, random, log });
  lines = [];
  for (let at = 0; at < 2 * RESP_WRONG_MAX; at += 1) await check(`guess${at}`, "10.0.0.7");
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /wrong password.*10\.0\.0\.7/);
  assert.ok(!lines[0]!.includes("guess"));
  await check("guess", "10.0.0.8");
  clock.advance(RESP_WRONG_LOG_MS);
  await check("guess", "10.0.0.7");
  await check("s\xe9same", "10.0.0.9");
  assert.equal(lines.length, 3);
});

test("guesses at one time do not get past the limit, and only so many wait", async () => {
  const check = createRespPasswords({ stored, clock: virtualClock(), random, log });
  const all = RESP_CHECKS_AT_ONCE + RESP_CHECKS_WAITING_MAX + 3;
  const answers = await Promise.all(Array.from({ length: all }, (_, at) => check(`no${at}`, "a")));
  assert.equal(answers.filter((one) => one === "wrong").length, RESP_WRONG_MAX);
  assert.equal(answers.slice(-3).join(), "too-many,too-many,too-many");
  assert.equal(await check("s\xe9same", "b"), "right");
});

test("so many addresses are remembered, the oldest is forgotten", async () => {
  const check = createRespPasswords({ stored, clock: virtualClock(), random, log });
  await check("s\xe9same", "warm");
  for (let at = 0; at < RESP_WRONG_MAX; at += 1) await check(`no${at}`, "first");
  assert.equal(await check("s\xe9same", "first"), "too-many");
  for (let at = 0; at < RESP_WRONG_ADDRESSES_MAX; at += 1) await check("no", `a${at}`);
  assert.equal(await check("s\xe9same", "first"), "right");
});

test("a stored form that is broken is matched by nothing", async () => {
  for (const broken of ["", "scrypt$16384$8$$", "s\xe9same"]) {
    const check = createRespPasswords({ stored: broken, clock: virtualClock(), random, log });
    assert.equal(await check("s\xe9same", "a").catch(() => "failed"), broken.startsWith("scrypt") ? "wrong" : "failed");
  }
});
