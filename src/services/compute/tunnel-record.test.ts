/** What a host may announce as its end of the tunnel: what `wg` takes, since others write it into their settings. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { readTunnelBody } from "./tunnel-record.ts";

const isTaken = (key: string, port = 51_820) => readTunnelBody({ key, port }) !== undefined;

test("keys of WireGuard are taken, and nothing that only looks like one", () => {
  for (let count = 0; count < 32; count += 1) {
    const { x = "" } = generateKeyPairSync("x25519").publicKey.export({ format: "jwk" });
    assert.ok(isTaken(Buffer.from(x, "base64url").toString("base64")));
  }
  const zeros = "A".repeat(42);
  assert.ok(isTaken(`${zeros}A=`));
  // Bits beyond the 32 bytes: the same key to many readers, none to `wg`.
  for (const last of ["B", "C", "D", "/"]) assert.equal(isTaken(`${zeros}${last}=`), false, last);
  for (const key of ["", zeros, `${zeros}AA`, `${zeros}A=\n`, `${zeros}A=\nEndpoint = x`])
    assert.equal(isTaken(key), false);
  for (const port of [0, 65_536, 1.5]) assert.equal(isTaken(`${zeros}A=`, port), false);
});
