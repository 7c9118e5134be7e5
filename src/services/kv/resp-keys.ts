/** The commands about which keys there are. What reads many keys is not a snapshot: keys may come and go meanwhile. */
import type { Key } from "../../protocols/kv/types.ts";
import { globPrefix, matchesGlob } from "../../protocols/resp/glob.ts";
import type { Reply } from "../../protocols/resp/reply.ts";
import { array } from "../../protocols/resp/reply.ts";
import type { Call, RespCommand, RespHouse } from "./resp-command.ts";
import { RespError, SYNTAX, ask, forEachKey, int64Of, needInt64, read, textOf, wordOf } from "./resp-command.ts";
import {
  RESP_CURSORS_MAX,
  RESP_KEYS_MAX,
  RESP_LOOKED_AT_MAX,
  RESP_PAGE_KEYS,
  RESP_PAGE_KEYS_MAX,
  RESP_PATTERN_CHARS_MAX,
} from "./resp-limits.ts";

async function del({ house, keys }: Call): Promise<Reply> {
  const results = await forEachKey(keys, (key) => ask(house, key, { type: "delete" }));
  return results.filter((one) => one.status === "done").length;
}

async function exists(call: Call): Promise<Reply> {
  const found = await forEachKey(call.keys, (key) => read(call, key));
  return found.filter((one) => one !== undefined).length;
}

async function type(call: Call): Promise<Reply> {
  const found = await read(call, call.keys[0]!);
  return { type: "simple", text: found ? "string" : "none" };
}

/** Numbers for the store's cursors, because clients read a cursor as a number. The oldest are forgotten. */
export function createCursors(firstNumber: bigint): RespHouse["cursors"] {
  const numbers = new Map<string, bigint>();
  const cursors = new Map<bigint, string>();
  let next = firstNumber;
  return {
    put(cursor) {
      const known = numbers.get(cursor);
      if (known !== undefined) return known;
      if (cursors.size >= RESP_CURSORS_MAX) {
        const [oldest, forgotten] = cursors.entries().next().value!;
        cursors.delete(oldest);
        numbers.delete(forgotten);
      }
      next += 1n;
      numbers.set(cursor, next);
      cursors.set(next, cursor);
      return next;
    },
    take: (number) => cursors.get(number),
  };
}

function patternOf(bytes: Uint8Array): string {
  if (bytes.length > RESP_PATTERN_CHARS_MAX) throw new RespError("ERR the pattern is too long");
  return textOf(bytes);
}

async function scan({ house, args }: Call): Promise<Reply> {
  const number = int64Of(args[1]!);
  if (number === undefined || number < 0n) throw new RespError("ERR invalid cursor");
  let pattern = "*";
  let limit = BigInt(RESP_PAGE_KEYS);
  let strings = true;
  for (let at = 2; at < args.length; at += 2) {
    const word = wordOf(args[at]!);
    const value = args[at + 1];
    if (!value) throw new RespError(SYNTAX);
    if (word === "match") pattern = patternOf(value);
    else if (word === "count") limit = needInt64(value);
    else if (word === "type") strings = wordOf(value) === "string";
    else throw new RespError(SYNTAX);
  }
  if (limit < 1n) throw new RespError(SYNTAX);
  const cursor = number === 0n ? undefined : house.cursors.take(number);
  if (number !== 0n && cursor === undefined) throw new RespError("ERR invalid cursor");
  const page = await house.store.list(globPrefix(pattern), {
    limit: limit > RESP_PAGE_KEYS_MAX ? RESP_PAGE_KEYS_MAX : Number(limit),
    ...(cursor === undefined ? {} : { cursor }),
  });
  const found = strings ? page.keys.filter((key) => matchesGlob(pattern, key)) : [];
  const following = page.cursor === undefined ? "0" : String(house.cursors.put(page.cursor));
  return array([following, array(found)]);
}

/** Every key with this beginning, page by page. Throws RespError when there are too many. */
async function forAll(house: RespHouse, prefix: Key, see: (keys: readonly Key[]) => void): Promise<void> {
  let cursor: string | undefined;
  let seen = 0;
  do {
    const page = await house.store.list(prefix, {
      limit: RESP_PAGE_KEYS_MAX,
      ...(cursor === undefined ? {} : { cursor }),
    });
    see(page.keys);
    seen += page.keys.length;
    if (seen > RESP_LOOKED_AT_MAX) throw new RespError(`ERR more than ${RESP_LOOKED_AT_MAX} keys; use SCAN`);
    cursor = page.cursor;
  } while (cursor !== undefined);
}

async function keys({ house, args }: Call): Promise<Reply> {
  const pattern = patternOf(args[1]!);
  const found: Key[] = [];
  await forAll(house, globPrefix(pattern), (page) => {
    found.push(...page.filter((key) => matchesGlob(pattern, key)));
  });
  return array(found);
}

async function dbsize({ house }: Call): Promise<Reply> {
  let count = 0;
  await forAll(house, "", (page) => {
    count += page.length;
  });
  return count;
}

const many = { order: "keys", group: "generic", keys: [1, -1, 1], argumentsMax: RESP_KEYS_MAX + 1 } as const;
const looking = { order: "alone", flags: ["readonly"] } as const;

export const keyCommands: readonly RespCommand[] = [
  { ...many, name: "del", arity: -2, flags: ["write"], since: "1.0.0", summary: "Removes keys, one by one.", run: del },
  {
    ...many,
    name: "unlink",
    arity: -2,
    flags: ["write", "fast"],
    since: "4.0.0",
    summary: "Removes keys, one by one.",
    run: del,
  },
  {
    ...many,
    name: "exists",
    arity: -2,
    flags: ["readonly", "fast"],
    since: "1.0.0",
    summary: "How many of the keys exist.",
    run: exists,
  },
  {
    ...many,
    name: "type",
    arity: 2,
    keys: [1, 1, 1],
    flags: ["readonly", "fast"],
    since: "1.0.0",
    summary: "Every value is a string.",
    run: type,
  },
  {
    ...looking,
    name: "scan",
    arity: -2,
    group: "generic",
    since: "2.8.0",
    summary: "Some of the keys, and where to go on.",
    run: scan,
  },
  {
    ...looking,
    name: "keys",
    arity: 2,
    group: "generic",
    since: "1.0.0",
    summary: "All keys that fit a pattern, if there are not too many.",
    run: keys,
  },
  {
    ...looking,
    name: "dbsize",
    arity: 1,
    group: "server",
    since: "1.0.0",
    summary: "Counts the keys, if there are not too many.",
    run: dbsize,
  },
];
