/** What the headers of a storage request say. All of it is text of strangers; nothing throws but a Refusal. */
import { SECRET_BYTES, UPLOAD_SECRET_MAX_BYTES } from "./constants.ts";
import { refuse } from "./refusal.ts";

export type SecretKind = "lease-renew-secret" | "lease-cancel-secret" | "upload-secret" | "write-enabler";

const LENGTHS: Readonly<Record<SecretKind, readonly [number, number]>> = {
  "lease-renew-secret": [SECRET_BYTES, SECRET_BYTES],
  "lease-cancel-secret": [SECRET_BYTES, SECRET_BYTES],
  "upload-secret": [1, UPLOAD_SECRET_MAX_BYTES],
  "write-enabler": [SECRET_BYTES, SECRET_BYTES],
};

/** Exactly the secrets that the route asks for; 400 for any other set. */
export function readSecrets<K extends SecretKind>(lines: readonly string[], wanted: readonly K[]): Record<K, Buffer> {
  const found: Partial<Record<K, Buffer>> = {};
  for (const line of lines) {
    const space = line.indexOf(" ");
    const kind = wanted.find((one) => one === line.slice(0, space)) ?? refuse(400, "a secret that is not asked for");
    if (found[kind]) refuse(400, `${kind} is there twice`);
    const secret = fromBase64(line.slice(space + 1)) ?? refuse(400, `${kind} is not base64`);
    found[kind] = checkLength(kind, secret);
  }
  for (const kind of wanted) if (!found[kind]) refuse(400, `${kind} is missing`);
  return found as Record<K, Buffer>;
}

/** The same of a map in a body. */
export function checkSecrets<K extends SecretKind>(given: unknown, wanted: readonly K[]): Record<K, Buffer> {
  if (!(given instanceof Map) || given.size !== wanted.length) refuse(400, `secrets are ${wanted.join(", ")}`);
  const found: Partial<Record<K, Buffer>> = {};
  for (const kind of wanted) {
    const secret: unknown = given.get(kind);
    if (!(secret instanceof Uint8Array)) refuse(400, `${kind} is missing`);
    found[kind] = checkLength(kind, Buffer.from(secret.buffer, secret.byteOffset, secret.length));
  }
  return found as Record<K, Buffer>;
}

export const LEASE_SECRETS = ["lease-renew-secret", "lease-cancel-secret"] as const;

export function leaseSecretsOf(secrets: Record<(typeof LEASE_SECRETS)[number], Buffer>): {
  renewSecret: Buffer;
  cancelSecret: Buffer;
} {
  return { renewSecret: secrets["lease-renew-secret"], cancelSecret: secrets["lease-cancel-secret"] };
}

function checkLength(kind: SecretKind, secret: Buffer): Buffer {
  const [min, max] = LENGTHS[kind];
  return secret.length < min || secret.length > max ? refuse(400, `${kind} has a wrong length`) : secret;
}

/** 406 when CBOR is not the first choice. */
export function checkAccept(header: string | undefined): void {
  if (header === undefined) return;
  const choices = header.split(",").map((part) => {
    const [type = "", ...parameters] = part.split(";").map((one) => one.trim().toLowerCase());
    const weight = parameters.find((one) => one.startsWith("q="));
    return { type, weight: weight === undefined ? 1 : Number(weight.slice(2)) || 0 };
  });
  const best = choices.reduce((one, other) => (other.weight > one.weight ? other : one));
  const fits = ["application/cbor", "application/*", "*/*"].includes(best.type) && best.weight > 0;
  if (!fits) refuse(406, "answers are application/cbor");
}

/** 415 for a body that is not CBOR. */
export function checkContentType(header: string | undefined): void {
  const type = header?.split(";")[0]!.trim().toLowerCase();
  if (type !== undefined && type !== "application/cbor") refuse(415, "bodies are application/cbor");
}

/** `bytes first-last/length`, the length possibly `*`. 416 for anything else. */
export function readContentRange(header: string | undefined): { first: number; length: number } {
  const [, first, last, total] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(header ?? "") ?? [];
  if (first === undefined || Number(last) < Number(first)) refuse(416, "Content-Range is missing or not understood");
  if (total !== "*" && Number(total) <= Number(last)) refuse(416, "Content-Range ends beyond its length");
  return { first: Number(first), length: Number(last) - Number(first) + 1 };
}

/** One range with both ends, the end made exclusive; undefined without the header. 416 for anything else. */
export function readRange(header: string | undefined): { begin: number; end: number } | undefined {
  if (header === undefined) return undefined;
  const [, first, last] = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(header.trim()) ?? [];
  if (first === undefined || Number(last) < Number(first)) refuse(416, "one range with two ends is understood");
  return { begin: Number(first), end: Number(last) + 1 };
}

/** Standard base64 with its padding; undefined for any other spelling. */
function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}
