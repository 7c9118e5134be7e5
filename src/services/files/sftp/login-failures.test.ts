/** The memory of failed logins: it bars, forgets in time, and is bounded. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { virtualClock } from "../../../kernel/virtual-clock.ts";
import { LoginFailures } from "./login-failures.ts";

const LIMITS = { loginFailuresMax: 3, loginMemoryMs: 1000, loginAddressesMax: 2 };

test("an address is barred after so many failures, until they are forgotten or a login succeeds", () => {
  const clock = virtualClock();
  const failures = new LoginFailures(clock, LIMITS);
  const fail = (address: string, times: number) => {
    for (let n = 0; n < times; n += 1) failures.failed(address);
  };
  fail("a", 2);
  assert.equal(failures.isBarred("a"), false);
  fail("a", 1);
  assert.deepEqual([failures.isBarred("a"), failures.isBarred("b")], [true, false]);
  clock.advance(1000);
  assert.equal(failures.isBarred("a"), false);
  fail("a", 2);
  failures.succeeded("a");
  fail("a", 2);
  assert.equal(failures.isBarred("a"), false);
});

test("the address that failed longest ago is forgotten first", () => {
  const failures = new LoginFailures(virtualClock(), LIMITS);
  for (const address of ["a", "a", "a", "b", "b", "b", "c", "c", "c"]) failures.failed(address);
  assert.deepEqual(
    ["a", "b", "c"].map((one) => failures.isBarred(one)),
    [false, true, true],
  );
});
