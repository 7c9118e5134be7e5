/** The key by which devices know this box again: made once, kept by the caller, told to people as its fingerprint. */
import { createHash } from "node:crypto";
import ssh2 from "ssh2";

/** One of some 400 keys that ssh2 makes is malformed, and it does not take it back: another one is made then. */
const MAKE_TRIES_MAX = 20;

/** An Ed25519 key in OpenSSH's form. Whoever has it can pretend to be this box. `make` is there for tests. */
export function makeHostKey(
  make = () => ssh2.utils.generateKeyPairSync("ed25519", { comment: "comu" }).private,
): string {
  for (let tries = 0; tries < MAKE_TRIES_MAX; tries++) {
    const key = make();
    if (!(ssh2.utils.parseKey(key) instanceof Error)) return key;
  }
  throw new Error(`no SSH key out of ${MAKE_TRIES_MAX} that can be read`);
}

export interface PublicHostKey {
  /** As in `known_hosts`: "ssh-ed25519 AAAA…". */
  line: string;
  /** As `ssh` asks: "SHA256:…". */
  fingerprint: string;
}

/** Throws when it is no key. */
export function publicHostKey(hostKey: string): PublicHostKey {
  const parsed = ssh2.utils.parseKey(hostKey);
  if (parsed instanceof Error) throw parsed;
  const bytes = parsed.getPublicSSH();
  return { line: `${parsed.type} ${bytes.toString("base64")}`, fingerprint: fingerprintOf(bytes) };
}

/** Of a public key's bytes, as OpenSSH prints it. */
export function fingerprintOf(bytes: Uint8Array): string {
  return `SHA256:${createHash("sha256").update(bytes).digest("base64").replace(/=+$/, "")}`;
}
