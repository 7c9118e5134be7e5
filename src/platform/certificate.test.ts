/** The hand-written certificate, judged by Node's own reader and by the openssl command. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { X509Certificate, createPrivateKey } from "node:crypto";
import { test } from "node:test";
import { pemOf, selfSignedCertificate } from "./certificate.ts";
import { newIdentity, rawPublicKey } from "./identity.ts";

test("Node reads the certificate, its key, its name, its dates and its signature", () => {
  for (let round = 0; round < 50; round++) {
    const identity = newIdentity();
    const certificate = new X509Certificate(identity.certificatePem);
    assert.ok(certificate.verify(certificate.publicKey));
    assert.ok(certificate.checkPrivateKey(createPrivateKey(identity.privateKeyPem)));
    assert.equal(certificate.subject, `CN=${identity.boxId}`);
    assert.equal(certificate.ca, false);
    assert.deepEqual(rawPublicKey(certificate.publicKey), identity.publicKey);
    assert.equal(new Date(certificate.validFrom).toISOString(), "2020-01-01T00:00:00.000Z");
    assert.equal(new Date(certificate.validTo).toISOString(), "2120-01-01T00:00:00.000Z");
    assert.ok(!certificate.verify(new X509Certificate(newIdentity().certificatePem).publicKey));
  }
});

test("the certificate depends on the key only", () => {
  const { boxId, publicKey, sign, certificatePem } = newIdentity();
  assert.equal(pemOf("CERTIFICATE", selfSignedCertificate({ commonName: boxId, publicKey, sign })), certificatePem);
});

test("names and keys that do not fit are refused", () => {
  const { publicKey, sign } = newIdentity();
  assert.throws(() => selfSignedCertificate({ commonName: "x".repeat(65), publicKey, sign }), /64/);
  assert.throws(() => selfSignedCertificate({ commonName: "x", publicKey: publicKey.subarray(1), sign }), /32/);
});

// Registered only where the command exists: it is a second opinion, not something that the box needs.
if (spawnSync("openssl", ["version"]).status === 0) {
  test("openssl reads it as version 3, Ed25519, and verifies it", () => {
    const { certificatePem, boxId } = newIdentity();
    const shown = spawnSync("openssl", ["x509", "-text", "-noout"], { input: certificatePem, encoding: "utf8" });
    assert.equal(shown.status, 0, shown.stderr);
    for (const part of ["Version: 3 (0x2)", "Public Key Algorithm: ED25519", boxId, "CA:FALSE", "Digital Signature"]) {
      assert.ok(shown.stdout.includes(part), `${part} in\n${shown.stdout}`);
    }
    const strict = spawnSync("openssl", ["x509", "-inform", "PEM", "-outform", "DER"], { input: certificatePem });
    assert.equal(strict.status, 0);
    const parsed = spawnSync("openssl", ["asn1parse", "-inform", "DER"], { input: strict.stdout, encoding: "utf8" });
    assert.equal(parsed.status, 0, parsed.stderr);
  });
}
