/**
 * The password of the Redis front end. Stored as scrypt (RFC 7914) makes it; checks are few at one time, because each
 * takes memory, and wrong ones from one address are counted. Once the right one was said, it is recognised by a keyed
 * hash in memory, so that a pool of clients that connects anew does not cost seconds.
 */
import { createHmac, scrypt, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import type { PasswordAnswer } from "./resp-command.ts";
import {
  RESP_CHECKS_AT_ONCE,
  RESP_CHECKS_WAITING_MAX,
  RESP_WRONG_ADDRESSES_MAX,
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
}): (password: string, address: string) => Promise<PasswordAnswer> {
  const { clock, stored } = needs;
  const memoryKey = needs.random.bytes(KEY_BYTES);
  const wrong = new Map<string, { count: number; sinceMs: number }>();
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

  const countWrong = (address: string) => {
    const nowMs = clock.monotonicMs();
    const known = wrong.get(address);
    if (known && nowMs - known.sinceMs < RESP_WRONG_WINDOW_MS) known.count += 1;
    else {
      wrong.delete(address);
      if (wrong.size >= RESP_WRONG_ADDRESSES_MAX) wrong.delete(wrong.keys().next().value!);
      wrong.set(address, { count: 1, sinceMs: nowMs });
    }
  };

  return async (password, address) => {
    const tooMany = () => {
      const known = wrong.get(address);
      return known && known.count >= RESP_WRONG_MAX && clock.monotonicMs() - known.sinceMs < RESP_WRONG_WINDOW_MS;
    };
    if (tooMany()) return "too-many";
    if (running >= RESP_CHECKS_AT_ONCE) {
      if (waiting.length >= RESP_CHECKS_WAITING_MAX) return "too-many";
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running += 1;
    }
    try {
      // Asked again: many may have come in while this one waited.
      if (tooMany()) return "too-many";
      if (await isRight(password, createHmac("sha256", memoryKey).update(password, "latin1").digest())) return "right";
      countWrong(address);
      return "wrong";
    } finally {
      // The place is handed on, not given back: nobody can slip in between.
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}

function derive(password: string, salt: Uint8Array, cost: number, block: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const done = (failed: Error | null, key: Buffer) => (failed ? reject(failed) : resolve(key));
    scrypt(Buffer.from(password, "latin1"), salt, KEY_BYTES, { N: cost, r: block, p: 1 }, done);
  });
}
