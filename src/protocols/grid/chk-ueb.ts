/**
 * The URI extension block of an immutable file: what a reader must know beyond the cap. Each share has a copy; the
 * cap has its hash, so that any server's copy will do.
 */
import { sameBytes } from "./merkle.ts";
import { fromUtf8, utf8 } from "../wire/utf8.ts";
import type { ChkReadCap, ChkVerifyCap } from "./caps.ts";
import { chkParams, type ChkParams } from "./chk-params.ts";
import { concat } from "./concat.ts";
import { HASH_BYTES, UEB_MAX_BYTES } from "./constants.ts";
import type { GridCrypto } from "./crypto.ts";
import { GridError } from "./errors.ts";
import { uebHash } from "./hashes.ts";
import { netstring, NetstringReader } from "./netstring.ts";

export interface UebHashes {
  /** Of the whole ciphertext. */
  crypttextHash: Uint8Array;
  crypttextRoot: Uint8Array;
  shareRoot: Uint8Array;
}

export interface Ueb extends UebHashes {
  params: ChkParams;
}

const KEY_CHARS_MAX = 64;
const KEY = /^[a-zA-Z_-]+$/;
const DECIMAL = /^\d{1,16}$/;

export function formatUeb({ params, crypttextHash, crypttextRoot, shareRoot }: Ueb): Uint8Array {
  const { k, n, size, segmentBytes, segments, paddedTailBytes } = params;
  // In ascending order of the keys.
  const fields: [string, string | number | Uint8Array][] = [
    ["codec_name", "crs"],
    ["codec_params", `${segmentBytes}-${k}-${n}`],
    ["crypttext_hash", crypttextHash],
    ["crypttext_root_hash", crypttextRoot],
    ["needed_shares", k],
    ["num_segments", segments],
    ["segment_size", segmentBytes],
    ["share_root_hash", shareRoot],
    ["size", size],
    ["tail_codec_params", `${paddedTailBytes}-${k}-${n}`],
    ["total_shares", n],
  ];
  const parts = fields.map(([key, value]) => [
    utf8(`${key}:`),
    netstring(value instanceof Uint8Array ? value : utf8(String(value))),
  ]);
  return concat(parts.flat());
}

/** The length of a file's UEB before its hashes are known. */
export function uebLength(params: ChkParams): number {
  const hash = new Uint8Array(HASH_BYTES);
  return formatUeb({ params, crypttextHash: hash, crypttextRoot: hash, shareRoot: hash }).length;
}

/**
 * Takes a UEB from a stranger. Throws GridError: "bad-hash" when it is not the one of the cap, "bad-ueb" when nobody
 * makes such a one or it contradicts the cap, "too-large" when its file is beyond our limits.
 */
export function readUeb(crypto: GridCrypto, cap: ChkReadCap | ChkVerifyCap, bytes: Uint8Array): Ueb {
  if (bytes.length >= UEB_MAX_BYTES) throw bad(`${bytes.length} bytes`);
  if (!sameBytes(uebHash(crypto, bytes), cap.uebHash)) throw new GridError("bad-hash", "not the UEB of this cap");
  const fields = readFields(bytes);
  const number = (key: string, expected?: number): number => {
    const field = fields.get(key);
    const text = field && asText(field);
    if (text === undefined || !DECIMAL.test(text)) throw bad(`no number ${key}`);
    if (expected !== undefined && Number(text) !== expected) throw bad(`${key} is ${text}, not ${expected}`);
    return Number(text);
  };
  const hash = (key: string): Uint8Array => {
    const field = fields.get(key);
    if (field?.length !== HASH_BYTES) throw bad(`no hash ${key}`);
    return field.slice();
  };
  const params = paramsOf(cap, number("segment_size"));
  // Who alters k, n or the size in the text of a cap must not get another file out of it.
  number("needed_shares", cap.k);
  number("total_shares", cap.n);
  number("size", cap.size);
  number("num_segments", params.segments);
  const codec = fields.get("codec_name");
  if (!codec || asText(codec) !== "crs") throw bad("another codec");
  return {
    params,
    crypttextHash: hash("crypttext_hash"),
    crypttextRoot: hash("crypttext_root_hash"),
    shareRoot: hash("share_root_hash"),
  };
}

function readFields(bytes: Uint8Array): Map<string, Uint8Array> {
  const fields = new Map<string, Uint8Array>();
  const reader = new NetstringReader(bytes);
  try {
    while (!reader.isEnd) {
      const key = reader.key(KEY_CHARS_MAX);
      if (!KEY.test(key) || fields.has(key)) throw bad("a key that is none, or twice");
      fields.set(key, reader.next());
    }
  } catch (error) {
    throw error instanceof GridError && error.code === "bad-netstring" ? bad(error.message) : error;
  }
  return fields;
}

function paramsOf({ k, n, size }: ChkReadCap | ChkVerifyCap, segmentBytes: number): ChkParams {
  try {
    return chkParams({ k, n, size, segmentBytes });
  } catch (error) {
    throw error instanceof GridError && error.code === "bad-parameters" ? bad(error.message) : error;
  }
}

/** The characters of a short field, also when they are no text. */
function asText(bytes: Uint8Array): string | undefined {
  return bytes.length <= 64 && bytes.every((byte) => byte < 0x80) ? fromUtf8(bytes) : undefined;
}

function bad(problem: string): GridError {
  return new GridError("bad-ueb", problem);
}
