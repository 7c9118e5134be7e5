/**
 * Passwords: Argon2id (RFC 9106) from node:crypto, with the parameters that OWASP names as the smallest good ones:
 * 19 MiB, two passes, one lane. The stored form carries its parameters, so that they can be raised later.
 * Hashing is bounded in how many run and wait at once, so that sign-in attempts cannot eat the box's memory.
 */
import { argon2, timingSafeEqual } from "node:crypto";
import { fail } from "../../kernel/errors.ts";
import type { Random } from "../../kernel/random.ts";

const MEMORY_KIB = 19_456;
const PASSES = 2;
const TAG_BYTES = 32;
const SALT_BYTES = 16;
/** Hashes computed at one time, 19 MiB each. */
export const HASHES_AT_ONCE_MAX = 2;
/** Attempts that wait for their turn; more are told to come back. */
export const HASHES_WAITING_MAX = 16;

export interface Passwords {
  /** The form to store. */
  hash(password: string): Promise<string>;
  /** Compares in constant time; `stored` undefined takes as long and is never right. */
  matches(password: string, stored: string | undefined): Promise<boolean>;
}

export function createPasswords(random: Random): Passwords {
  let running = 0;
  const waiting: (() => void)[] = [];

  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= HASHES_AT_ONCE_MAX) {
      if (waiting.length >= HASHES_WAITING_MAX) throw fail("too-many", { params: { seconds: 5 } });
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running += 1;
    }
    try {
      return await work();
    } finally {
      // The place is handed on, not given back: nobody can slip in between.
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };

  const derive = (password: string, salt: Uint8Array, memory: number, passes: number) =>
    inTurn(
      () =>
        new Promise<Buffer>((resolve, reject) => {
          const parameters = {
            message: password.normalize("NFKC"),
            nonce: salt,
            parallelism: 1,
            tagLength: TAG_BYTES,
            memory,
            passes,
          };
          argon2("argon2id", parameters, (error, tag) => (error ? reject(error) : resolve(tag)));
        }),
    );

  return {
    async hash(password) {
      const salt = random.bytes(SALT_BYTES);
      const tag = await derive(password, salt, MEMORY_KIB, PASSES);
      const encode = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");
      return `argon2id$${MEMORY_KIB}$${PASSES}$${encode(salt)}$${encode(tag)}`;
    },
    async matches(password, stored) {
      const [, memory, passes, salt, tag] = (stored ?? "").split("$");
      const wanted = Buffer.from(tag ?? "", "base64url");
      const saltBytes = salt ? Buffer.from(salt, "base64url") : random.bytes(SALT_BYTES);
      const got = await derive(password, saltBytes, Number(memory ?? MEMORY_KIB), Number(passes ?? PASSES));
      return wanted.length === got.length && timingSafeEqual(wanted, got);
    },
  };
}
