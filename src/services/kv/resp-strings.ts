/** The commands on single values: each of them is linearizable, MGET and MSET are many of them, one by one. */
import type { Condition, Expiry, Found, Key } from "../../protocols/kv/types.ts";
import type { Reply } from "../../protocols/resp/reply.ts";
import { OK, array } from "../../protocols/resp/reply.ts";
import type { Call, Known, RespCommand, RespHouse } from "./resp-command.ts";
import {
  NOT_AN_INTEGER,
  RespError,
  SYNTAX,
  ask,
  beforeOf,
  forEachKey,
  int64Of,
  needInt64,
  ownBytes,
  read,
  textOf,
  wordOf,
} from "./resp-command.ts";
import { expiryOption } from "./resp-expiry-times.ts";
import {
  RESP_ANSWER_BYTES_MAX,
  RESP_EXPECTED_BYTES_MAX,
  RESP_EXPECTED_FIRST_BYTES,
  RESP_KEYS_AT_ONCE,
  RESP_KEYS_MAX,
  RESP_ROUNDS_MAX,
} from "./resp-limits.ts";

const NEVER: Expiry = { type: "never" };
const OVERFLOW = "ERR increment or decrement would overflow";
const MAGNITUDE_MAX = 2n ** 63n - 1n;

/** This one and `set` are what is asked most: they wait in one step, where an async function would take some. */
function get(call: Call): Promise<Reply> {
  return read(call, call.keys[0]!).then(valueOf);
}

function valueOf(found: Found | undefined): Uint8Array | null {
  return found?.value ?? null;
}

interface SetOptions {
  when?: Condition;
  expiry: Expiry;
  get: boolean;
}

function setOptions(args: readonly Uint8Array[], house: RespHouse): SetOptions {
  const options: SetOptions = { expiry: NEVER, get: false };
  let timed: { word: string; value: Uint8Array } | undefined;
  for (let at = 3; at < args.length; at += 1) {
    const word = wordOf(args[at]!);
    const value = args[at + 1];
    const hasExpiry = timed !== undefined || options.expiry !== NEVER;
    if (word === "nx" && !options.when) options.when = { is: "absent" };
    else if (word === "xx" && !options.when) options.when = { is: "present" };
    else if (word === "get") options.get = true;
    else if (word === "keepttl" && !hasExpiry) options.expiry = { type: "keep" };
    else if (/^(?:ex|px|exat|pxat)$/.test(word) && !hasExpiry && value) {
      timed = { word, value };
      at += 1;
    } else throw new RespError(SYNTAX);
  }
  if (timed) options.expiry = expiryOption(timed.word, timed.value, "set", house.clock.wallMs());
  return options;
}

function set(call: Call): Promise<Reply> {
  const { house, keys, args } = call;
  if (args.length > 3) return setWith(call);
  return ask(house, keys[0]!, { type: "put", value: ownBytes(args[2]!), expiry: NEVER }).then(okIfDone);
}

async function setWith({ house, keys, args }: Call): Promise<Reply> {
  const { when, expiry, get: isAsked } = setOptions(args, house);
  const put = { type: "put", value: ownBytes(args[2]!), expiry, ...(when && { when }) } as const;
  if (isAsked) return valueOf(beforeOf(await ask(house, keys[0]!, { ...put, returnBefore: true })));
  return okIfDone(await ask(house, keys[0]!, put));
}

function okIfDone({ status }: Known): Reply {
  return status === "done" ? OK : null;
}

async function setnx({ house, keys, args }: Call): Promise<Reply> {
  const value = ownBytes(args[2]!);
  const result = await ask(house, keys[0]!, { type: "put", value, expiry: NEVER, when: { is: "absent" } });
  return result.status === "done" ? 1 : 0;
}

/** SETEX and PSETEX. */
function setFor(unit: "ex" | "px", name: string) {
  return async ({ house, keys, args }: Call): Promise<Reply> => {
    const expiry = expiryOption(unit, args[2]!, name, house.clock.wallMs());
    await ask(house, keys[0]!, { type: "put", value: ownBytes(args[3]!), expiry });
    return OK;
  };
}

async function getset({ house, keys, args }: Call): Promise<Reply> {
  const put = { type: "put", value: ownBytes(args[2]!), expiry: NEVER, returnBefore: true } as const;
  return beforeOf(await ask(house, keys[0]!, put))?.value ?? null;
}

async function getdel({ house, keys }: Call): Promise<Reply> {
  return beforeOf(await ask(house, keys[0]!, { type: "delete", returnBefore: true }))?.value ?? null;
}

async function getex(call: Call): Promise<Reply> {
  const { house, keys, args } = call;
  if (args.length === 2) return get(call);
  const word = wordOf(args[2]!);
  const persist = word === "persist" && args.length === 3;
  if (!persist && !(/^(?:ex|px|exat|pxat)$/.test(word) && args.length === 4)) throw new RespError(SYNTAX);
  const expiry = persist ? NEVER : expiryOption(word, args[3]!, "getex", house.clock.wallMs());
  return beforeOf(await ask(house, keys[0]!, { type: "expire", expiry }))?.value ?? null;
}

async function mget(call: Call): Promise<Reply> {
  let bytes = 0;
  let largestBytes = RESP_EXPECTED_FIRST_BYTES;
  const one = async (key: Key) => {
    // Looked at before each part, so that what is too much is not read to its end.
    if (bytes > RESP_ANSWER_BYTES_MAX) throw new RespError("ERR the answer would be too large; ask for fewer keys");
    const value = (await read(call, key))?.value ?? null;
    bytes += value?.length ?? 0;
    largestBytes = Math.max(value?.length ?? 0, largestBytes * 0.75);
    return value;
  };
  const room = () => Math.max(1, Math.min(RESP_KEYS_AT_ONCE, Math.floor(RESP_EXPECTED_BYTES_MAX / largestBytes)));
  return array(await forEachKey(call.keys, one, room));
}

async function mset({ house, keys, args }: Call): Promise<Reply> {
  if (args.length % 2 === 0) throw new RespError("ERR wrong number of arguments for 'mset' command");
  await forEachKey(keys, (key, at) =>
    ask(house, key, { type: "put", value: ownBytes(args[2 * at + 2]!), expiry: NEVER }),
  );
  return OK;
}

async function add(house: RespHouse, key: Key, by: bigint): Promise<Reply> {
  const result = await ask(house, key, { type: "add", by });
  if (result.status === "not-an-integer") {
    // Nothing was done; which of both reasons it was is looked up only for the words.
    const found = beforeOf(await ask(house, key, { type: "get" }));
    throw new RespError(found && int64Of(found.value) === undefined ? NOT_AN_INTEGER : OVERFLOW);
  }
  const after = result.status === "done" ? result.after : undefined;
  return after ? BigInt(textOf(after.value)) : null;
}

const incr = ({ house, keys }: Call) => add(house, keys[0]!, 1n);
const decr = ({ house, keys }: Call) => add(house, keys[0]!, -1n);
const incrby = async ({ house, keys, args }: Call) => add(house, keys[0]!, needInt64(args[2]));

async function decrby({ house, keys, args }: Call): Promise<Reply> {
  const by = -needInt64(args[2]);
  if (by > MAGNITUDE_MAX) throw new RespError("ERR decrement would overflow");
  return add(house, keys[0]!, by);
}

async function strlen(call: Call): Promise<Reply> {
  return (await read(call, call.keys[0]!))?.value.length ?? 0;
}

/**
 * Reads, and writes what `change` makes of it if nobody else wrote in between, again and again. Undefined: nothing is
 * to be changed. Throws TRYAGAIN when others were always faster: nothing was done.
 */
export async function compareAndSet(
  house: RespHouse,
  key: Key,
  change: (found: Found | undefined) => { value: Uint8Array; expiry: Expiry } | undefined,
): Promise<Found | undefined> {
  for (let round = 0; round < RESP_ROUNDS_MAX; round += 1) {
    const found = beforeOf(await ask(house, key, { type: "get" }));
    const next = change(found);
    if (!next) return undefined;
    const when: Condition = found ? { is: "version", version: found.version } : { is: "absent" };
    const result = await ask(house, key, { type: "put", ...next, when });
    if (result.status === "done") return result.after;
  }
  throw new RespError("TRYAGAIN others changed the key all the time; nothing was done");
}

async function append({ house, keys, args }: Call): Promise<Reply> {
  const more = args[2]!;
  let length = 0;
  await compareAndSet(house, keys[0]!, (found) => {
    const value = found ? Buffer.concat([found.value, more]) : new Uint8Array(more);
    length = value.length;
    return { value, expiry: { type: "keep" } };
  });
  return length;
}

const SINGLE = [1, 1, 1] as const;
const base = { order: "keys", group: "string", keys: SINGLE } as const;
const reading = { ...base, flags: ["readonly", "fast"] };
const write = { ...base, flags: ["write", "denyoom", "fast"] };

export const stringCommands: readonly RespCommand[] = [
  { ...reading, name: "get", arity: 2, since: "1.0.0", summary: "The value of a key.", run: get },
  {
    ...write,
    name: "set",
    arity: -3,
    since: "1.0.0",
    summary: "Sets a key, if so wished under a condition.",
    run: set,
  },
  { ...write, name: "setnx", arity: 3, since: "1.0.0", summary: "Sets a key that does not exist.", run: setnx },
  {
    ...write,
    name: "setex",
    arity: 4,
    since: "2.0.0",
    summary: "Sets a key for some seconds.",
    run: setFor("ex", "setex"),
  },
  {
    ...write,
    name: "psetex",
    arity: 4,
    since: "2.6.0",
    summary: "Sets a key for some milliseconds.",
    run: setFor("px", "psetex"),
  },
  { ...write, name: "getset", arity: 3, since: "1.0.0", summary: "Sets a key, answers the old value.", run: getset },
  { ...write, name: "getdel", arity: 2, since: "6.2.0", summary: "Removes a key, answers its value.", run: getdel },
  { ...write, name: "getex", arity: -2, since: "6.2.0", summary: "The value, and a new end.", run: getex },
  {
    ...reading,
    name: "mget",
    arity: -2,
    argumentsMax: RESP_KEYS_MAX + 1,
    keys: [1, -1, 1],
    since: "1.0.0",
    summary: "Values of many keys, read one by one: not a transaction.",
    run: mget,
  },
  {
    ...write,
    name: "mset",
    arity: -3,
    argumentsMax: 2 * RESP_KEYS_MAX + 1,
    keys: [1, -1, 2],
    since: "1.0.1",
    summary: "Sets many keys one by one: not a transaction.",
    run: mset,
  },
  { ...write, name: "incr", arity: 2, since: "1.0.0", summary: "Adds 1.", run: incr },
  { ...write, name: "decr", arity: 2, since: "1.0.0", summary: "Takes 1 away.", run: decr },
  { ...write, name: "incrby", arity: 3, since: "1.0.0", summary: "Adds a number.", run: incrby },
  { ...write, name: "decrby", arity: 3, since: "1.0.0", summary: "Takes a number away.", run: decrby },
  { ...reading, name: "strlen", arity: 2, since: "2.2.0", summary: "Length of the value in bytes.", run: strlen },
  { ...write, name: "append", arity: 3, since: "2.0.0", summary: "Adds bytes at the end.", run: append },
];
