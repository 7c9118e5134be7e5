/** Times of expiry as commands give them: seconds or milliseconds, from now or since 1970, as late as the store can. */
import type { Expiry } from "../../protocols/kv/types.ts";
import { EXPIRES_MS_MAX } from "./client.ts";
import { RespError, needInt64 } from "./resp-command.ts";

const LATEST_MS = BigInt(EXPIRES_MS_MAX);
const INT64_MIN = -(2n ** 63n);

/** `word`: ex, px, exat, pxat. Throws RespError when it is no integer, not above 0, or too far away. */
export function expiryOption(word: string, value: Uint8Array, command: string, wallMs: number): Expiry {
  const given = needInt64(value);
  const ms = millisecondsOf(given, word.startsWith("e"), word.endsWith("at") ? 0n : BigInt(Math.trunc(wallMs)));
  if (given <= 0n || ms === undefined) throw new RespError(invalidTime(command));
  return word.endsWith("at") ? { type: "at", ms: Number(ms) } : { type: "after", ttlMs: Number(ms) };
}

/** Milliseconds as they were given; undefined when they, from `fromMs` on, are later than the store can note. */
export function millisecondsOf(given: bigint, seconds: boolean, fromMs: bigint): bigint | undefined {
  const ms = seconds ? given * 1000n : given;
  return ms > LATEST_MS - fromMs || ms < INT64_MIN ? undefined : ms;
}

export function invalidTime(command: string): string {
  return `ERR invalid expire time in '${command}' command`;
}
