/**
 * The password of the Redis front end. Stored as scrypt (RFC 7914) makes it; checks are few at one time, because each
 * takes memory. Different wrong ones from one address are counted: programs on one machine share its address, and one
 * that says the same wrong password again and again must not lock out the others. Once the right one was said, it is
 * recognised by a keyed hash in memory, so that a pool of clients that connects anew does not cost seconds.
 */
import { createHmac, scrypt, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { PasswordAnswer } from "./resp-command.ts";
import {
  RESP_CHECKS_AT_ONCE,
  RESP_CHECKS_WAITING_MAX,
  RESP_WRONG_ADDRESSES_MAX,
  RESP_WRONG_LOG_MS,
  RESP_WRONG_MAX,
  RESP_WRONG_WINDOW_MS,
} from "./resp-limits.ts";

const COST = 16_384;
const BLOCK = 8;
const KEY_BYTES = 32;
const SALT_BYTES = 16;

/** The form to store. `password` has one character for each byte, as clients send it. */
export async function hashRespPassword(password: string, random: Random): Promise<string> {
  const salt = random.bytes(SALT_BYTES);
  const encode = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");
  return `scrypt$${COST}$${BLOCK}$${encode(salt)}$${encode(await derive(password, salt, COST, BLOCK))}`;
}

/** Compares in constant time. `stored` comes from `hashRespPassword`; anything else is matched by no password. */
export function createRespPasswords(needs: {
  stored: string;
  clock: Clock;
  random: Random;
  log: Log;
}): (password: string, address: string) => Promise<PasswordAnswer> {
  const { clock, stored } = needs;
  const memoryKey = needs.random.bytes(KEY_BYTES);
  /** By address: keyed hashes of what was said, and since when they are counted. */
  const wrong = new Map<string, { seals: Set<string>; sinceMs: number }>();
  const loggedMs = new Map<string, number>();
  const waiting: (() => void)[] = [];
  let running = 0;
  let right: Buffer | undefined;

  const isRight = async (password: string, seal: Buffer): Promise<boolean> => {
    if (right) return timingSafeEqual(right, seal);
    const [, cost, block, salt, key] = stored.split("$");
    const wanted = Buffer.from(key ?? "", "base64url");
    const got = await derive(password, Buffer.from(salt ?? "", "base64url"), Number(cost), Number(block));
    if (wanted.length !== got.length || !timingSafeEqual(wanted, got)) return false;
    right = seal;
    return true;
  };

  const wrongOf = (address: string): ReadonlySet<string> => {
    const known = wrong.get(address);
    return known && clock.monotonicMs() - known.sinceMs < RESP_WRONG_WINDOW_MS ? known.seals : NONE;
  };
  const countWrong = (address: string, seal: string) => {
    if (wrongOf(address).size === 0) putLast(wrong, address, { seals: new Set(), sinceMs: clock.monotonicMs() });
    wrong.get(address)!.seals.add(seal);
  };
  const tell = (address: string) => {
    const nowMs = clock.monotonicMs();
    if (nowMs - (loggedMs.get(address) ?? -Infinity) < RESP_WRONG_LOG_MS) return;
    putLast(loggedMs, address, nowMs);
    needs.log.warn("a redis client said a wrong password", { address });
  };

  const check = async (password: string, address: string): Promise<PasswordAnswer> => {
    const seal = createHmac("sha256", memoryKey).update(password, "latin1").digest();
    const name = seal.toString("base64url");
    const known = (): PasswordAnswer | undefined => {
      const seals = wrongOf(address);
      return seals.size >= RESP_WRONG_MAX ? "too-many" : seals.has(name) ? "wrong" : undefined;
    };
    const before = known();
    if (before) return before;
    if (running >= RESP_CHECKS_AT_ONCE) {
      if (waiting.length >= RESP_CHECKS_WAITING_MAX) return "too-many";
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running += 1;
    }
    try {
      // Asked again: many may have come in while this one waited.
      const meanwhile = known();
      if (meanwhile) return meanwhile;
      if (await isRight(password, seal)) return "right";
      countWrong(address, name);
      return "wrong";
    } finally {
      // The place is handed on, not given back: nobody can slip in between.
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };

  return async (password, address) => {
    const answer = await check(password, address);
    // Not whom only the queue was too long for.
    if (answer === "wrong" || wrongOf(address).size >= RESP_WRONG_MAX) tell(address);
    return answer;
  };
}

const NONE: ReadonlySet<string> = new Set();

/** As the newest; of too many addresses the oldest is forgotten. */
function putLast<T>(map: Map<string, T>, address: string, value: T): void {
  map.delete(address);
  if (map.size >= RESP_WRONG_ADDRESSES_MAX) map.delete(map.keys().next().value!);
  map.set(address, value);
}

function derive(password: string, salt: Uint8Array, cost: number, block: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const done = (failed: Error | null, key: Buffer) => (failed ? reject(failed) : resolve(key));
    scrypt(Buffer.from(password, "latin1"), salt, KEY_BYTES, { N: cost, r: block, p: 1 }, done);
  });
}
