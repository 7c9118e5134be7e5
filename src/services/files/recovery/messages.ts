/**
 * What boxes say to one another about sealed roots, as JSON over a link. Readers take a stranger's message apart, and
 * give nothing for what does not fit.
 *
 *   /files/recovery/keep  {locator, proofHash, sealed} → {kept}      /files/recovery/find {locator} → {sealed: […]}
 *   /files/recovery/drop  {locator, proof} → {dropped}
 */
import { createHash } from "node:crypto";
import { ANSWER_BYTES_MAX, ASKED_BYTES_MAX, KEPT_PER_LOCATOR_MAX, SEALED_BYTES } from "./constants.ts";

export const KEEP_PATH = "/files/recovery/keep";
export const FIND_PATH = "/files/recovery/find";
export const DROP_PATH = "/files/recovery/drop";

const HEX_32 = /^[0-9a-f]{64}$/;
const SEALED_CHARS = Math.ceil(SEALED_BYTES / 3) * 4;

export interface KeepAsked {
  locator: string;
  /** Of what must be shown to take it back, so that this is not told before. */
  proofHash: string;
  sealed: Uint8Array;
}

export function proofHashOf(proof: string): string {
  return createHash("sha256").update(Buffer.from(proof, "hex")).digest("hex");
}

export function keepAsked({ locator, proofHash, sealed }: KeepAsked): Uint8Array {
  return encoded({ locator, proofHash, sealed: base64(sealed) });
}

export function keepIn(body: Uint8Array): KeepAsked | undefined {
  const { locator, proofHash, sealed } = objectIn(body, ASKED_BYTES_MAX);
  const bytes = sealedIn(sealed);
  return isHex(locator) && isHex(proofHash) && bytes ? { locator, proofHash, sealed: bytes } : undefined;
}

export function findIn(body: Uint8Array): { locator: string } | undefined {
  const { locator } = objectIn(body, ASKED_BYTES_MAX);
  return isHex(locator) ? { locator } : undefined;
}

export function dropIn(body: Uint8Array): { locator: string; proof: string } | undefined {
  const { locator, proof } = objectIn(body, ASKED_BYTES_MAX);
  return isHex(locator) && isHex(proof) ? { locator, proof } : undefined;
}

/** Of an answer to one of these questions: did the other box do it? */
export function isDone(answer: Uint8Array, word: "kept" | "dropped"): boolean {
  return objectIn(answer, ANSWER_BYTES_MAX)[word] === true;
}

export function found(sealed: readonly Uint8Array[]): Uint8Array {
  return encoded({ sealed: sealed.map(base64) });
}

/** Undefined: that is no answer. */
export function foundIn(answer: Uint8Array): Uint8Array[] | undefined {
  const { sealed } = objectIn(answer, ANSWER_BYTES_MAX);
  if (!Array.isArray(sealed)) return undefined;
  return sealed.slice(0, KEPT_PER_LOCATOR_MAX).flatMap((one) => sealedIn(one) ?? []);
}

export function encoded(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

function isHex(value: unknown): value is string {
  return typeof value === "string" && HEX_32.test(value);
}

function sealedIn(value: unknown): Uint8Array | undefined {
  if (typeof value !== "string" || value.length !== SEALED_CHARS) return undefined;
  const bytes = Buffer.from(value, "base64");
  return bytes.length === SEALED_BYTES ? bytes : undefined;
}

/** Nothing where it is no object, or too much. */
function objectIn(bytes: Uint8Array, bytesMax: number): Record<string, unknown> {
  if (bytes.length > bytesMax) return {};
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
