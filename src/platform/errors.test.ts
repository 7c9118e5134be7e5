/** The platform's error codes, and the translation of the system's listen errors. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { kernelErrors } from "../kernel/errors.ts";
import { Failure } from "../kernel/errors.ts";
import { asListenFailure, platformErrors } from "./errors.ts";

test("no code is declared twice, and each has an error status", () => {
  for (const [code, status] of Object.entries(platformErrors.table)) {
    assert.ok(!(code in kernelErrors.table), code);
    assert.ok(status >= 400 && status <= 599, code);
  }
});

test("listen errors become failures that name the port or the address", () => {
  const failure = (code: string) => asListenFailure(Object.assign(new Error(code), { code }), "10.0.0.1", 7);
  const inUse = failure("EADDRINUSE");
  assert.ok(inUse instanceof Failure);
  assert.deepEqual([inUse.code, inUse.status, inUse.params], ["port-in-use", 409, { address: "10.0.0.1", port: 7 }]);
  assert.equal((failure("EADDRNOTAVAIL") as Failure).code, "address-not-local");
  assert.equal((failure("EACCES") as Failure).code, "port-not-allowed");
  const bug = new TypeError("a bug");
  assert.equal(asListenFailure(bug, "", 0), bug);
});
