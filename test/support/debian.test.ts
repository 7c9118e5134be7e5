/**
 * Packages for tests: present ones cost nothing, impossible ones fail clearly, and the machine's own policy about
 * starting services is as it was before.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { missingPackages, needDebian } from "./debian.ts";

const POLICY = "/usr/sbin/policy-rc.d";

test("packages that are there need nothing", async () => {
  assert.deepEqual(await missingPackages(["dpkg", "no-such-package-at-all"]), ["no-such-package-at-all"]);
  assert.deepEqual(await needDebian(["dpkg", "coreutils"]), []);
});

test("a package that cannot be had is a failure that names it, and the policy is as before", async () => {
  const policy = (): string | null => (existsSync(POLICY) ? readFileSync(POLICY, "utf8") : null);
  const before = policy();
  await assert.rejects(needDebian(["no-such-package-at-all"]), /cannot install the Debian packages no-such-package/);
  assert.equal(policy(), before);
  assert.equal(existsSync(`${POLICY}.comu-saved`), false);
});
