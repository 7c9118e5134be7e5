/** The key by which devices know this box again: made once, kept by the caller, told to people as its fingerprint. */
import { createHash } from "node:crypto";
import ssh2 from "ssh2";

/** An Ed25519 key in OpenSSH's form. Whoever has it can pretend to be this box. */
export function makeHostKey(): string {
  return ssh2.utils.generateKeyPairSync("ed25519", { comment: "comu" }).private;
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
