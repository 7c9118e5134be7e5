/**
 * Invitations: an Ed25519 key pair made from the code's seed. The public key stands in a signed record; the private
 * one is known to whoever holds the code.
 */
import { createHash, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { rawPublicKey } from "../../platform/identity.ts";
import { toBase64url } from "../../protocols/records/base64url.ts";

export interface InvitationKey {
  /** Raw public key, base64url: the key of the invitation's record. */
  id: string;
  sign(bytes: Uint8Array): Uint8Array;
}

/** DER of an Ed25519 private key (RFC 8410), before its 32 bytes. */
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");

export function invitationKey(seed: Uint8Array): InvitationKey {
  const secret = createHash("sha256").update("comu-invitation-1\n").update(seed).digest();
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, secret]), format: "der", type: "pkcs8" });
  const id = toBase64url(rawPublicKey(createPublicKey(key))!);
  return { id, sign: (bytes) => new Uint8Array(sign(null, bytes, key)) };
}
