/** The commands about the end of keys. */
import type { Expiry, Found } from "../../protocols/kv/types.ts";
import type { Reply } from "../../protocols/resp/reply.ts";
import type { Call, RespCommand, RespHouse } from "./resp-command.ts";
import { RespError, ask, beforeOf, needInt64, textOf, wordOf } from "./resp-command.ts";
import { invalidTime, millisecondsOf } from "./resp-expiry-times.ts";
import { compareAndSet } from "./resp-strings.ts";

type Flag = "nx" | "xx" | "gt" | "lt";

function flagsOf(args: readonly Uint8Array[]): Set<Flag> {
  const flags = new Set<Flag>();
  for (const arg of args.slice(3)) {
    const word = wordOf(arg);
    if (word !== "nx" && word !== "xx" && word !== "gt" && word !== "lt")
      throw new RespError(`ERR Unsupported option ${textOf(arg.subarray(0, 128))}`);
    flags.add(word);
  }
  if (flags.has("nx") && flags.size > 1)
    throw new RespError("ERR NX and XX, GT or LT options at the same time are not compatible");
  if (flags.has("gt") && flags.has("lt"))
    throw new RespError("ERR GT and LT options at the same time are not compatible");
  return flags;
}

/** A key without an end ends later than any other. */
function mayChange(flags: ReadonlySet<Flag>, { expiresMs }: Found, atMs: number): boolean {
  if (flags.has("nx") && expiresMs !== null) return false;
  if (flags.has("xx") && expiresMs === null) return false;
  if (flags.has("gt") && (expiresMs === null || atMs <= expiresMs)) return false;
  return !(flags.has("lt") && expiresMs !== null && atMs >= expiresMs);
}

function expire(name: string, seconds: boolean, absolute: boolean) {
  return async ({ house, keys, args }: Call): Promise<Reply> => {
    const given = needInt64(args[2]);
    const nowMs = Math.trunc(house.clock.wallMs());
    const ms = millisecondsOf(given, seconds, absolute ? 0n : BigInt(nowMs));
    if (ms === undefined) throw new RespError(invalidTime(name));
    const flags = flagsOf(args);
    const atMs = absolute ? Number(ms) : nowMs + Number(ms);
    const key = keys[0]!;
    if (flags.size > 0) return expireIf(house, key, flags, atMs);
    if (atMs <= nowMs) return (await ask(house, key, { type: "delete" })).status === "done" ? 1 : 0;
    const expiry: Expiry = absolute ? { type: "at", ms: atMs } : { type: "after", ttlMs: Number(ms) };
    return (await ask(house, key, { type: "expire", expiry })).status === "done" ? 1 : 0;
  };
}

async function expireIf(house: RespHouse, key: string, flags: ReadonlySet<Flag>, atMs: number): Promise<Reply> {
  const changed = await compareAndSet(house, key, (found) =>
    found && mayChange(flags, found, atMs) ? { value: found.value, expiry: { type: "at", ms: atMs } } : undefined,
  );
  return changed ? 1 : 0;
}

async function persist({ house, keys }: Call): Promise<Reply> {
  const result = await ask(house, keys[0]!, { type: "expire", expiry: { type: "never" } });
  return result.status === "done" && result.before && result.before.expiresMs !== null ? 1 : 0;
}

/** -2: no such key; -1: it has no end. */
function until(show: (expiresMs: number, nowMs: number) => number) {
  return async ({ house, keys }: Call): Promise<Reply> => {
    const found = beforeOf(await ask(house, keys[0]!, { type: "get" }));
    if (!found) return -2;
    return found.expiresMs === null ? -1 : show(found.expiresMs, house.clock.wallMs());
  };
}

const leftMs = (expiresMs: number, nowMs: number) => Math.max(0, Math.round(expiresMs - nowMs));
const base = { order: "keys", group: "generic", keys: [1, 1, 1], arity: 2 } as const;
const read = { ...base, flags: ["readonly", "fast"] };
const write = { ...base, flags: ["write", "fast"] };
const SET = "Sets when the key ends";

export const expiryCommands: readonly RespCommand[] = [
  {
    ...write,
    name: "expire",
    arity: -3,
    since: "1.0.0",
    summary: `${SET}, in seconds from now.`,
    run: expire("expire", true, false),
  },
  {
    ...write,
    name: "pexpire",
    arity: -3,
    since: "2.6.0",
    summary: `${SET}, in milliseconds from now.`,
    run: expire("pexpire", false, false),
  },
  {
    ...write,
    name: "expireat",
    arity: -3,
    since: "1.2.0",
    summary: `${SET}, in seconds since 1970.`,
    run: expire("expireat", true, true),
  },
  {
    ...write,
    name: "pexpireat",
    arity: -3,
    since: "2.6.0",
    summary: `${SET}, in milliseconds since 1970.`,
    run: expire("pexpireat", false, true),
  },
  { ...write, name: "persist", since: "2.2.0", summary: "Takes the end of a key away.", run: persist },
  {
    ...read,
    name: "ttl",
    since: "1.0.0",
    summary: "Seconds until the end of the key.",
    run: until((expiresMs, nowMs) => Math.floor((leftMs(expiresMs, nowMs) + 500) / 1000)),
  },
  { ...read, name: "pttl", since: "2.6.0", summary: "Milliseconds until the end of the key.", run: until(leftMs) },
  {
    ...read,
    name: "expiretime",
    since: "7.0.0",
    summary: "When the key ends, in seconds since 1970.",
    run: until((expiresMs) => Math.floor((expiresMs + 500) / 1000)),
  },
  {
    ...read,
    name: "pexpiretime",
    since: "7.0.0",
    summary: "When the key ends, in milliseconds since 1970.",
    run: until((expiresMs) => expiresMs),
  },
];
