/**
 * The key that a first-run page must show when it is not opened on the machine itself, so that a stranger on the same
 * network cannot claim a new box. It follows from the box's private key: the same until the box is set up.
 */
import { createHash } from "node:crypto";
import type { Identity } from "../../platform/identity.ts";

/** Easy to read aloud: ten letters and digits without those that look alike. */
const ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";
const LENGTH = 10;

export function setupKeyOf(identity: Identity): string {
  const secret = createHash("sha256")
    .update(identity.sign(Buffer.from("comu-setup-key-1")))
    .digest();
  return Array.from(secret.subarray(0, LENGTH), (byte) => ALPHABET[byte % ALPHABET.length]).join("");
}
