/**
 * Export and import: all keys as lines of JSON, to keep a copy or to move to another store. No snapshot: each key is
 * read at a moment of its own.
 */
import type { Clock } from "../../kernel/clock.ts";
import { isoTime, nextTurn } from "../../kernel/clock.ts";
import { inputFailure } from "../../kernel/config.ts";
import { fail as kernelFail, isFailure } from "../../kernel/errors.ts";
import { LIST_KEYS_MAX } from "../../protocols/kv/constants.ts";
import type { Key, KvClient } from "./client.ts";
import { EXPIRES_MS_MAX } from "./client.ts";
import { IMPORT_REFUSED_MAX } from "./contract.ts";
import { base64, bytesFrom, keyFrom, latin1 } from "./forms.ts";
import { kvExported } from "./shapes.ts";

/** Values that are read at one time, each of at most 8 MiB. */
export const EXPORT_AT_ONCE = 8;
/** Keys that are written at one time. */
export const IMPORT_AT_ONCE = 64;

/** After a line of this length, others get a turn. */
const LONG_LINE_CHARS = 256 * 1024;

/** Lines of `kvExported`, some at a time. */
export async function* exported(client: KvClient, prefix: Key, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  let cursor: string | undefined;
  do {
    const page = await client.list(prefix, { limit: LIST_KEYS_MAX, ...(cursor === undefined ? {} : { cursor }) });
    for (let at = 0; at < page.keys.length; at += EXPORT_AT_ONCE) {
      const keys = page.keys.slice(at, at + EXPORT_AT_ONCE);
      const lines = await Promise.all(keys.map((key) => line(client, key, signal)));
      const text = lines.join("");
      if (text !== "") yield new TextEncoder().encode(text);
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
}

/** Empty for a key that has gone since it was listed. */
async function line(client: KvClient, key: Key, signal: AbortSignal): Promise<string> {
  const result = await client.run(key, { type: "get" }, { signal });
  const found = result.status === "done" ? result.after : undefined;
  if (!found) return "";
  const expiresAt = found.expiresMs === null ? null : isoTime(found.expiresMs);
  const row = { key: base64(Buffer.from(key, "latin1")), value: base64(found.value), expiresAt };
  return `${JSON.stringify(row)}\n`;
}

export interface Imported {
  written: number;
  kept: number;
  expired: number;
  refused: number;
  refusals: { line: number; code: string }[];
}

/** What is about one line is counted; what stops all (no majority, no room) is thrown. */
export async function imported(
  needs: { client: KvClient; clock: Clock; signal: AbortSignal },
  bytes: Uint8Array,
  options: { overwrite: boolean; firstLine: number },
): Promise<Imported> {
  const sum: Imported = { written: 0, kept: 0, expired: 0, refused: 0, refusals: [] };
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  let number = options.firstLine - 1;
  for (const text of linesOf(bytes)) {
    number += 1;
    if (text === "") continue;
    const line = number;
    const refuse = (error: unknown) => {
      if (!isFailure(error) || !LINE_FAILURES.has(error.code)) return void failures.push(error);
      sum.refused += 1;
      if (sum.refusals.length < IMPORT_REFUSED_MAX) sum.refusals.push({ line, code: error.code });
    };
    const one: Promise<void> = put(needs, text, options.overwrite)
      .then((outcome) => void (sum[outcome] += 1), refuse)
      .finally(() => running.delete(one));
    running.add(one);
    if (running.size >= IMPORT_AT_ONCE) await Promise.race(running);
    if (text.length >= LONG_LINE_CHARS) await nextTurn();
    if (failures.length > 0) break;
  }
  await Promise.all(running);
  if (failures.length > 0) throw failures[0];
  return sum;
}

const LINE_FAILURES: ReadonlySet<string> = new Set(["bad-input", "kv-key-too-long", "kv-value-too-large"]);

async function put(
  { client, clock, signal }: { client: KvClient; clock: Clock; signal: AbortSignal },
  text: string,
  overwrite: boolean,
): Promise<"written" | "kept" | "expired"> {
  const { key, value, expiresAt } = readLine(text);
  const expiresMs = expiresAt === null ? null : Math.min(Date.parse(expiresAt), EXPIRES_MS_MAX);
  if (expiresMs !== null && expiresMs <= clock.wallMs()) return "expired";
  const result = await client.run(
    keyFrom(key, "base64url"),
    {
      type: "put",
      value: bytesFrom(value, "base64url", "value"),
      expiry: expiresMs === null ? { type: "never" } : { type: "at", ms: expiresMs },
      ...(overwrite ? {} : { when: { is: "absent" } }),
    },
    { signal },
  );
  return result.status === "unchanged" ? "kept" : "written";
}

function readLine(text: string) {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw kernelFail("bad-input", { params: { field: "line", reason: "not valid JSON" }, cause });
  }
  const read = kvExported.safeParse(value);
  if (!read.success) throw inputFailure(read.error);
  return read.data;
}

function* linesOf(bytes: Uint8Array): Generator<string> {
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf(0x0a, from);
    const to = end < 0 ? bytes.length : end;
    // Nothing but ASCII belongs into a line; anything else is refused when it is read.
    yield latin1(bytes.subarray(from, to)).trim();
    from = to + 1;
  }
}
