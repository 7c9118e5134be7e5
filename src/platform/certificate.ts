/**
 * A self-signed X.509 v3 certificate for an Ed25519 key, written as DER by hand, because Node can read certificates
 * but not make them. TLS needs one to carry the key; who a peer is follows from the key alone, so the dates are wide
 * and the name is the box id. Sources: RFC 5280 (sections 4.1 and 4.2), RFC 8410 (Ed25519 in X.509), X.690 (DER).
 *
 * The result depends on the key only (Ed25519 signatures are deterministic), so that it need not be stored.
 */
import { createHash } from "node:crypto";

export interface CertificateSubject {
  /** At most 64 characters (RFC 5280, upper bound of a common name). */
  commonName: string;
  /** 32 raw bytes. */
  publicKey: Uint8Array;
  /** Signs with the private key of `publicKey`; 64 bytes. */
  sign: (bytes: Uint8Array) => Uint8Array;
}

/** The certificate in DER. */
export function selfSignedCertificate({ commonName, publicKey, sign }: CertificateSubject): Uint8Array {
  if (commonName.length === 0 || commonName.length > 64) throw new Error("a common name has 1 to 64 characters");
  if (publicKey.length !== 32) throw new Error("an Ed25519 public key has 32 bytes");
  const algorithm = sequence(OID_ED25519);
  const name = sequence(set(sequence(OID_COMMON_NAME, der(0x0c, Buffer.from(commonName, "utf8")))));
  const digest = createHash("sha256").update(publicKey).digest();
  const body = sequence(
    der(0xa0, integer(Buffer.of(2))), // version 3
    integer(digest.subarray(0, 16)),
    algorithm,
    name,
    sequence(der(0x17, ascii("200101000000Z")), der(0x18, ascii("21200101000000Z"))),
    name,
    sequence(algorithm, bitString(publicKey)),
    der(0xa3, sequence(BASIC_CONSTRAINTS, KEY_USAGE)),
  );
  return sequence(body, algorithm, bitString(sign(body)));
}

/** PEM (RFC 7468) of any DER. */
export function pemOf(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** One DER element: tag, length in its shortest form, content. */
function der(tag: number, ...content: Uint8Array[]): Uint8Array {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body]);
  const bytes: number[] = [];
  for (let left = body.length; left > 0; left >>>= 8) bytes.unshift(left & 0xff);
  return Buffer.concat([Buffer.of(tag, 0x80 | bytes.length, ...bytes), body]);
}

function sequence(...parts: Uint8Array[]): Uint8Array {
  return der(0x30, ...parts);
}

function set(...parts: Uint8Array[]): Uint8Array {
  return der(0x31, ...parts);
}

function ascii(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

/** A positive integer from big-endian bytes: no needless leading zeros, and one where the top bit would mean minus. */
function integer(bytes: Uint8Array): Uint8Array {
  let first = 0;
  while (first < bytes.length - 1 && bytes[first] === 0) first++;
  const short = bytes.subarray(first);
  return der(0x02, (short[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), short]) : short);
}

/** A bit string of whole bytes. */
function bitString(bytes: Uint8Array): Uint8Array {
  return der(0x03, Buffer.of(0), bytes);
}

const OID_ED25519 = der(0x06, Buffer.of(0x2b, 0x65, 0x70)); // 1.3.101.112
const OID_COMMON_NAME = der(0x06, Buffer.of(0x55, 0x04, 0x03)); // 2.5.4.3
const CRITICAL = der(0x01, Buffer.of(0xff));
/** 2.5.29.19, critical, an empty sequence: not an authority. */
const BASIC_CONSTRAINTS = sequence(der(0x06, Buffer.of(0x55, 0x1d, 0x13)), CRITICAL, der(0x04, sequence()));
/** 2.5.29.15, critical: digital signature only (bit 0, seven unused bits). */
const KEY_USAGE = sequence(
  der(0x06, Buffer.of(0x55, 0x1d, 0x0f)),
  CRITICAL,
  der(0x04, der(0x03, Buffer.of(0x07, 0x80))),
);
