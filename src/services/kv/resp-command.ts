/**
 * What a command of the Redis front end is, and what the commands have in common: reading arguments as Redis reads
 * them, asking the store, and the words for what fails.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Command, Found, Key, KvFailure, Result } from "../../protocols/kv/types.ts";
import type { Reply, RespVersion } from "../../protocols/resp/reply.ts";
import { error } from "../../protocols/resp/reply.ts";
import { RESP_KEYS_AT_ONCE } from "./resp-limits.ts";

/** What is needed of the store's client. Operations on one key take effect in the order in which they are handed in. */
export interface RespStore {
  run(key: Key, command: Command): Promise<Result>;
  list(prefix: Key, options: { limit: number; cursor?: string }): Promise<{ keys: Key[]; cursor: string | undefined }>;
}

/** What a connection has said about itself. */
export interface RespSession {
  readonly id: number;
  readonly remote: string;
  readonly remoteAddress: string;
  readonly local: string;
  readonly openedMs: number;
  lastMs: number;
  lastCommand: string;
  version: RespVersion;
  trusted: boolean;
  /** Reads may be behind (READONLY). */
  stale: boolean;
  name: string;
  library: { name: string; version: string };
  /** Set by a command after whose answer the connection is closed. */
  leaving: boolean;
  heldBytes(): number;
}

/** What the commands see of the server. */
export interface RespHouse {
  readonly store: RespStore;
  readonly clock: Clock;
  readonly cursors: { put(cursor: string): bigint; take(number: bigint): string | undefined };
  readonly version: string;
  /** Undefined: there is no password. */
  readonly checkPassword: ((password: string, address: string) => Promise<PasswordAnswer>) | undefined;
  sessions(): Iterable<RespSession>;
  stats(): RespStats;
}

export type PasswordAnswer = "right" | "wrong" | "too-many";

export interface RespStats {
  startedMs: number;
  connections: number;
  connectionsMax: number;
  connectionsTaken: number;
  connectionsRefused: number;
  commands: number;
  heldBytes: number;
}

export interface Call {
  /** The name first. Views of what came from the network: what is kept is copied. */
  args: readonly Uint8Array[];
  /** The arguments that are keys. */
  keys: readonly Key[];
  session: RespSession;
  house: RespHouse;
}

export interface RespCommand {
  /** In small letters. */
  name: string;
  /** Number of arguments with the name; negative: at least so many. As COMMAND tells it. */
  arity: number;
  argumentsMax?: number;
  flags: readonly string[];
  /** Which arguments are keys: first, last (negative: from the end), step. */
  keys?: readonly [first: number, last: number, step: number];
  /**
   * "keys" runs beside others of its connection as long as none reads what another writes; "alone" waits for those
   * before it and lets those after it wait; "now" needs neither store nor order.
   */
  order: "keys" | "alone" | "now";
  /** May be said before the password. */
  open?: true;
  group: "string" | "generic" | "connection" | "server";
  summary: string;
  since: string;
  subcommands?: readonly string[];
  run(call: Call): Reply | Promise<Reply>;
}

/** What is thrown to answer with an error from within. */
export class RespError extends Error {}

export const NOT_AN_INTEGER = "ERR value is not an integer or out of range";
export const SYNTAX = "ERR syntax error";
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** One character for each byte. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** The word of an option, in small letters. */
export function wordOf(bytes: Uint8Array): string {
  return bytes.length > 64 ? "" : textOf(bytes).toLowerCase();
}

/** A decimal integer of 64 bits, written as Redis writes it; undefined for everything else. */
export function int64Of(bytes: Uint8Array): bigint | undefined {
  if (bytes.length === 0 || bytes.length > 20) return undefined;
  const text = textOf(bytes);
  if (!/^(?:0|-?[1-9][0-9]*)$/.test(text)) return undefined;
  const value = BigInt(text);
  return value < INT64_MIN || value > INT64_MAX ? undefined : value;
}

export function needInt64(bytes: Uint8Array | undefined, text: string = NOT_AN_INTEGER): bigint {
  const value = bytes && int64Of(bytes);
  if (value === undefined) throw new RespError(text);
  return value;
}

/** Bytes that may be kept: a small part of what came from the network is copied, so that it does not hold the rest. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength > 2 * bytes.length + 64 ? new Uint8Array(bytes) : bytes;
}

/** Runs one command of the store. Throws what the store throws, and RespError when what came of it is not known. */
export function ask(house: RespHouse, key: Key, command: Command): Promise<Known> {
  return house.store.run(key, command).then(known);
}

/** What a key holds, as this connection wants to read. */
export function read({ house, session }: Call, key: Key): Promise<Found | undefined> {
  return house.store.run(key, session.stale ? STALE : FRESH).then(knownBefore);
}

const FRESH: Command = { type: "get" };
const STALE: Command = { type: "get", stale: true };

export type Known = Exclude<Result, { status: "repeated" }>;

export function known(result: Result): Known {
  if (result.status === "repeated") throw new RespError(REPEATED);
  return result;
}

/** What the key held before the command. */
export function beforeOf(result: Known): Found | undefined {
  return result.status === "not-an-integer" ? undefined : result.before;
}

function knownBefore(result: Result): Found | undefined {
  return beforeOf(known(result));
}

/** Asks for each key, `atOnce` at one time; answers in their order. The first failure fails all. */
export async function forEachKey<T>(
  keys: readonly Key[],
  run: (key: Key, at: number) => Promise<T>,
  atOnce: () => number = () => RESP_KEYS_AT_ONCE,
): Promise<T[]> {
  const found: T[] = [];
  while (found.length < keys.length) {
    const done = found.length;
    const some = keys.slice(done, done + atOnce());
    found.push(...(await Promise.all(some.map((key, index) => run(key, done + index)))));
  }
  return found;
}

/** The first word is stable; clients look at it. TRYAGAIN: certainly not done. */
export const FAILURES: Record<KvFailure, string> = {
  unknown: "UNKNOWN the outcome is not known: it may have been done, or may still be",
  "no-majority": "TRYAGAIN no majority of the boxes that hold this key answers; nothing was done",
  "too-many": "TRYAGAIN this box waits for too many operations; nothing was done",
  "key-too-long": "ERR the key is too long",
  "value-too-large": "ERR the value is too large for the store; larger things do not belong here",
  full: "OOM the boxes that hold this key have no room; nothing was done",
};
/** The store of this box has stopped. OOM is what clients know for "no room". */
const DISK_FULL = "OOM the disk of this box is full; nothing was done";
const REPEATED = "UNKNOWN the change was made, by a try whose answer was lost; what was there before is not known";
export const BUG = "UNKNOWN the operation failed in a way that was not foreseen; the log of the box says how";

/** Undefined: nothing that the store announces; a bug. */
export function failureReply(cause: unknown): Reply | undefined {
  if (cause instanceof RespError) return error(cause.message);
  const code = (cause as { code?: unknown } | undefined)?.code;
  const text =
    typeof code === "string" ? ({ ...FAILURES, "disk-full": DISK_FULL } as Record<string, string>)[code] : undefined;
  return text === undefined ? undefined : error(text);
}
