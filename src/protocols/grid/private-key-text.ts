/**
 * A private RSA key as people write it down: PEM, or its DER in base64 or hexadecimal, as PKCS#8 or as the older
 * PKCS#1. The formats know it as PKCS#8 DER, whose bytes make the write key.
 */
import { spelledInOneOf } from "./byte-spelling.ts";
import { concat } from "./concat.ts";
import { MUTABLE_KEY_MAX_BYTES } from "./constants.ts";
import { GridError } from "./errors.ts";

const PEM = /-----BEGIN (?:RSA )?PRIVATE KEY-----([^-]*)-----END/;
const SEQUENCE = 0x30;
const INTEGER = 0x02;
const OCTET_STRING = 0x04;
/** Version 0, and the algorithm: rsaEncryption without parameters. */
const PKCS8_BEGIN = Uint8Array.of(2, 1, 0, 48, 13, 6, 9, 42, 134, 72, 134, 247, 13, 1, 1, 1, 5, 0);

/** PKCS#8 DER. Throws GridError "bad-key" for what is no key, "too-large". Whether it is of RSA is not looked at. */
export function privateKeyDer(text: string): Uint8Array {
  // Four characters for three bytes in base64, two for one in hexadecimal, and line ends.
  if (text.length > 4 * MUTABLE_KEY_MAX_BYTES) throw new GridError("too-large", `a key of ${text.length} characters`);
  const isPem = text.includes("-----BEGIN");
  const body = isPem ? PEM.exec(text)?.[1] : text;
  const der = body === undefined ? undefined : spelledInOneOf(withoutLineEnds(body), ["hex", "base64"]);
  const kind = der && kindOf(der);
  if (!der || kind === undefined) throw new GridError("bad-key", "neither PEM nor DER of a private key");
  return kind === "pkcs8" ? der : element(SEQUENCE, PKCS8_BEGIN, element(OCTET_STRING, der));
}

/** Also those that somebody escaped twice. */
function withoutLineEnds(text: string): string {
  return text.replaceAll(/\s|\\[rn]/g, "");
}

/** What follows the version number tells: an algorithm, or at once the numbers of the key. */
function kindOf(der: Uint8Array): "pkcs8" | "pkcs1" | undefined {
  if (der[0] !== SEQUENCE || der[1] === undefined) return undefined;
  const at = 2 + (der[1] & 0x80 ? der[1] & 0x7f : 0);
  if (der[at] !== INTEGER || der[at + 1] !== 1 || der[at + 2] !== 0) return undefined;
  if (der[at + 3] === SEQUENCE) return "pkcs8";
  return der[at + 3] === INTEGER ? "pkcs1" : undefined;
}

function element(tag: number, ...parts: Uint8Array[]): Uint8Array {
  const content = concat(parts);
  const { length } = content;
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return concat([Uint8Array.of(tag, ...head), content]);
}
