/** The tunnel's key: made once, kept for its owner alone, and the public one that belongs to it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openTunnelKey } from "./tunnel.ts";

const folder = mkdtempSync(join(tmpdir(), "comu-tunnel-"));
after(() => rmSync(folder, { recursive: true }));

test("the key is made once, and only its owner may read it", async () => {
  const file = join(folder, "deep", "tunnel.key");
  const made = await openTunnelKey(join(folder, "deep"), file);
  assert.match(made.private, /^[A-Za-z0-9+/]{43}=$/);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(await openTunnelKey(join(folder, "deep"), file), made);
});

test("the public key is that of the private one (RFC 7748, section 6.1)", async () => {
  const base64 = (hex: string) => Buffer.from(hex, "hex").toString("base64");
  const file = join(folder, "alice.key");
  writeFileSync(file, `${base64("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")}\n`);
  const { public: key } = await openTunnelKey(folder, file);
  assert.equal(key, base64("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"));
});

test("a file that holds no key is replaced", async () => {
  const file = join(folder, "broken.key");
  writeFileSync(file, "half a ke");
  assert.match((await openTunnelKey(folder, file)).private, /=$/);
});
