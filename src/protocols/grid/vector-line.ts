/**
 * One test vector out of one line of JSON, as liberally as can be done without guessing wrong: sets of vectors come
 * from other projects and differ in names, nesting and the spelling of bytes.
 *
 *   {"kind":"chk","convergence":"…","k":3,"n":10,"segsize":131072,"seed":"…","length":1000}
 *
 * Names may be in any case, with or without "_" and "-", and inside of other objects; the outermost counts. Where
 * there are seed and length, the content is the seed over and over again, cut to that length.
 */
import { bytesSource, repeatedSource } from "./byte-source.ts";
import type { ByteSource } from "./byte-source.ts";
import { spelled, spelledTogether } from "./byte-spelling.ts";
import type { ByteSpelling } from "./byte-spelling.ts";
import { DEFAULT_SEGMENT_MAX_BYTES, VECTOR_FIELDS_MAX } from "./constants.ts";
import { GridError } from "./errors.ts";
import { privateKeyDer } from "./private-key-text.ts";
import type { Vector } from "./vector.ts";

/** What a writer takes where nobody says otherwise. */
const DEFAULT_K = 3;
const DEFAULT_N = 10;

const NAMES = {
  kind: ["kind"],
  format: ["format"],
  convergence: ["convergence", "convergencesecret", "secret"],
  k: ["k", "needed", "neededshares", "sharesneeded", "required"],
  n: ["n", "total", "totalshares", "sharestotal"],
  segsize: ["segsize", "segmentsize", "maxsegsize", "maxsegmentsize", "maxsegment"],
  data: ["data", "plaintext", "content"],
  seed: ["seed"],
  length: ["length", "size", "datalength"],
  sha256: ["sha256"],
  privkey: ["privkey", "privatekey", "key", "rsakey", "signingkey"],
  encoding: ["encoding"],
} as const;

type Name = keyof typeof NAMES;
const BYTES = ["convergence", "data", "seed", "sha256"] as const;
type BytesName = (typeof BYTES)[number];

const NAME_OF = new Map<string, Name>(
  Object.entries(NAMES).flatMap(([name, all]) => all.map((one) => [one, name as Name] as const)),
);
const SPELLINGS: Readonly<Record<string, ByteSpelling>> = {
  hex: "hex",
  hexadecimal: "hex",
  base16: "hex",
  base64: "base64",
  b64: "base64",
  base32: "base32",
  b32: "base32",
  text: "text",
  utf8: "text",
  ascii: "text",
};

interface Field {
  value: unknown;
  /** When the name says it: "dataHex", "seed_base64". */
  spelling?: ByteSpelling;
}

type Fields = Map<Name, Field>;

/** Throws GridError "bad-parameters", "bad-key", "too-large". */
export function readVector(line: string): Vector {
  let value: unknown;
  try {
    // Also without the mark that some editors put before the first line.
    value = JSON.parse(line.trim());
  } catch {
    throw bad("no JSON");
  }
  if (!isObject(value)) throw bad("no JSON object");
  const fields = fieldsOf(value);
  const { kind, ...rest } = kindOf(text(fields, "kind"), text(fields, "format"));
  const bytes = bytesOf(fields);
  if (kind === "sdmf" || kind === "mdmf") {
    const privkey = text(fields, "privkey");
    if (privkey === undefined) throw bad("privkey is needed");
    return { kind, ...rest, privateKey: privateKeyDer(privkey) };
  }
  return {
    kind,
    ...rest,
    k: number(fields, "k") ?? DEFAULT_K,
    n: number(fields, "n") ?? DEFAULT_N,
    segsize: number(fields, "segsize") ?? DEFAULT_SEGMENT_MAX_BYTES,
    content: contentOf(bytes, number(fields, "length")),
    ...(bytes.convergence ? { convergence: bytes.convergence } : {}),
    ...(bytes.sha256 ? { sha256: bytes.sha256 } : {}),
  };
}

/** All fields whose name is known, outer ones before those inside of other objects. */
function fieldsOf(outer: Record<string, unknown>): Fields {
  const fields: Fields = new Map();
  const objects = [outer];
  let count = 0;
  for (let object = objects.shift(); object; object = objects.shift()) {
    for (const [key, value] of Object.entries(object)) {
      if (++count > VECTOR_FIELDS_MAX) throw new GridError("too-large", `over ${VECTOR_FIELDS_MAX} fields`);
      if (isObject(value)) objects.push(value);
      else if (value !== null) keep(fields, plain(key), value);
    }
  }
  return fields;
}

function keep(fields: Fields, key: string, value: unknown): void {
  const [, bare, suffix] = /^(.+?)(hex|base64|b64|base32|b32|text|utf8)$/.exec(key) ?? [];
  const named = NAME_OF.get(key);
  const name = named ?? NAME_OF.get(bare ?? "");
  if (name === undefined || fields.has(name)) return;
  fields.set(name, named === undefined ? { value, spelling: SPELLINGS[suffix!]! } : { value });
}

const KIND = new RegExp(
  "^(?:uri)?(dir2|dir|directory|dirnode)?(chk|immutable|lit|literal|ssk|sdmf|mdmf|mutable)?" +
    "(ro|readonly|read|verifier|verify)?$",
);
const KINDS = {
  chk: "chk",
  immutable: "chk",
  lit: "lit",
  literal: "lit",
  ssk: "mutable",
  mutable: "mutable",
  sdmf: "sdmf",
  mdmf: "mdmf",
} as const;

/** "SSK" is any mutable file until the format says which; a directory is SDMF unless something says otherwise. */
function kindOf(
  kindText: string | undefined,
  format: string | undefined,
): Pick<Vector, "kind" | "directory" | "right"> {
  if (kindText === undefined && format === undefined) throw bad("kind is needed");
  const kind = parseKind(kindText);
  const other = parseKind(format);
  const base = kind.base ?? other.base;
  const isOpen = base === "mutable" && (other.base === "sdmf" || other.base === "mdmf");
  if (kind.base && other.base && kind.base !== other.base && other.base !== "mutable" && !isOpen) {
    throw bad(`kind ${kindText} in format ${format}`);
  }
  const found = isOpen ? other.base : base;
  const right = kind.right ?? other.right;
  return {
    kind: found === undefined || found === "mutable" ? "sdmf" : (found as Vector["kind"]),
    ...(kind.directory || other.directory ? { directory: true } : {}),
    ...(right === undefined ? {} : { right: right.startsWith("r") ? "read" : "verify" }),
  };
}

function parseKind(given: string | undefined) {
  if (given === undefined) return { base: undefined, directory: false, right: undefined };
  const [, directory, name, right] = KIND.exec(plain(given)) ?? [];
  if (directory === undefined && name === undefined) throw bad(`no kind "${given.slice(0, 40)}"`);
  return { base: name && KINDS[name as keyof typeof KINDS], directory: directory !== undefined, right };
}

/** Hashes are written in hexadecimal, also where everything else is not. */
const SURE_SPELLINGS: Partial<Record<BytesName, ByteSpelling>> = { sha256: "hex" };

function bytesOf(fields: Fields): Partial<Record<BytesName, Uint8Array>> {
  const given = text(fields, "encoding");
  const said = given === undefined ? undefined : SPELLINGS[plain(given)];
  if (given !== undefined && said === undefined) throw bad(`no encoding "${given.slice(0, 40)}"`);
  const texts = BYTES.flatMap((name) => {
    const value = text(fields, name);
    const own = SURE_SPELLINGS[name] ?? fields.get(name)?.spelling ?? said;
    return value === undefined ? [] : [{ name, value, own }];
  });
  const open = spelledTogether(texts.flatMap(({ value, own }) => (own ? [] : [value])));
  const found: Partial<Record<BytesName, Uint8Array>> = {};
  for (const { name, value, own } of texts) {
    const bytes = own ? spelled(value, own) : open.shift();
    if (!bytes) throw bad(`${name} is not ${own ?? "hexadecimal, base64 or base32"}`);
    found[name] = bytes;
  }
  return found;
}

function contentOf({ data, seed }: Partial<Record<BytesName, Uint8Array>>, length: number | undefined): ByteSource {
  if (data && seed) throw bad("data and seed");
  if (data) {
    if (length !== undefined && length !== data.length) throw bad(`data of ${data.length} bytes, and length ${length}`);
    return bytesSource(data);
  }
  if (!seed || length === undefined) throw bad("data, or seed and length, are needed");
  return repeatedSource(seed, length);
}

function text(fields: Fields, name: Name): string | undefined {
  const value = fields.get(name)?.value;
  if (value === undefined || typeof value === "string") return value;
  throw bad(`${name} is no text`);
}

function number(fields: Fields, name: Name): number | undefined {
  const value = fields.get(name)?.value;
  if (value === undefined) return undefined;
  const found = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof found !== "number" || !Number.isSafeInteger(found)) throw bad(`${name} is no whole number`);
  return found;
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function bad(problem: string): GridError {
  return new GridError("bad-parameters", problem);
}
