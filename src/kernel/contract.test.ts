/** Roles: each may do all that the weaker ones may. And failures, which the contracts name. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ROLES, roleAtLeast } from "./contract.ts";
import { asFailure, defineErrors, fail, isFailure } from "./errors.ts";

test("the order of roles", () => {
  assert.deepEqual([...ROLES], ["public", "guest", "member", "steward", "host"]);
  for (const [is, role] of ROLES.entries()) {
    for (const [needs, needed] of ROLES.entries())
      assert.equal(roleAtLeast(role, needed), is >= needs, `${role} for ${needed}`);
  }
});

test("failures carry code, status, parameters and cause; anything else becomes internal", () => {
  const cause = new Error("why");
  const failure = defineErrors({ "no-luck": 418 }).fail("no-luck", { params: { port: 1 }, cause });
  assert.deepEqual([failure.code, failure.status, failure.params, failure.cause], ["no-luck", 418, { port: 1 }, cause]);
  assert.equal(failure.message, 'no-luck {"port":1}');
  assert.ok(
    isFailure(failure) && isFailure(failure, "no-luck") && !isFailure(failure, "internal") && !isFailure(cause),
  );
  assert.equal(asFailure(failure), failure);
  assert.deepEqual([asFailure(cause).code, asFailure(cause).status, asFailure(cause).cause], ["internal", 500, cause]);
  assert.equal(fail("not-found").status, 404);
});
