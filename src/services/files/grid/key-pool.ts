/**
 * RSA keys for new mutable files, generated ahead: one takes 50 to 300 ms, which nobody should wait for who makes a
 * folder. Each key is handed out once. When the box stops, the unused ones go to a file, which the next start takes
 * and removes before any of them is used: after a crash they are gone, and no key can ever serve two files.
 */
import { generateKeyPair } from "node:crypto";
import { readFile, rm, stat } from "node:fs/promises";
import { promisify } from "node:util";
import type { Cancel, Clock } from "../../../kernel/clock.ts";
import { syncFolder, writeAtomic } from "../../../platform/files.ts";
import { dirname } from "node:path";
import { filesErrors } from "../errors.ts";
import {
  KEYS_KEPT,
  KEYS_LOW,
  KEY_FILE_MAX_BYTES,
  KEY_MAKERS_MAX,
  KEY_QUIET_MS,
  KEY_RETRY_MS,
  KEY_WAITERS_MAX,
} from "./mutable-constants.ts";

const RSA_BITS = 2048;

/** PKCS#8 DER of a new RSA key of 2048 bits, exponent 65537. Runs in the thread pool. */
export async function newRsaKey(): Promise<Uint8Array> {
  const { privateKey } = await promisify(generateKeyPair)("rsa", {
    modulusLength: RSA_BITS,
    publicExponent: 65537,
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "der" },
  });
  return new Uint8Array(privateKey);
}

export interface KeyPoolNeeds {
  clock: Clock;
  /** Where unused keys are kept while the box is off; without it they are lost. */
  path?: string;
  makeKey?: () => Promise<Uint8Array>;
  kept?: number;
}

interface Waiter {
  give(key: Uint8Array): void;
}

export class KeyPool {
  readonly #clock: Clock;
  readonly #path: string | undefined;
  readonly #makeKey: () => Promise<Uint8Array>;
  readonly #kept: number;
  #keys: Uint8Array[] = [];
  readonly #waiters = new Set<Waiter>();
  #making = 0;
  #isRunning = false;
  #retry: Cancel | undefined;
  /** Set while keys are being taken. */
  #quiet: Cancel | undefined;

  constructor({ clock, path, makeKey = newRsaKey, kept = KEYS_KEPT }: KeyPoolNeeds) {
    this.#clock = clock;
    this.#path = path;
    this.#makeKey = makeKey;
    this.#kept = kept;
  }

  /** Keys that can be had at once. */
  get size(): number {
    return this.#keys.length;
  }

  async start(): Promise<void> {
    if (this.#path !== undefined) this.#keys = (await takeKeys(this.#path)).slice(0, this.#kept);
    this.#isRunning = true;
    this.#fill();
  }

  /** Who still waits for a key goes on waiting until its signal ends it. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#retry?.();
    this.#quiet?.();
    const keys = this.#keys.splice(0);
    if (this.#path === undefined || keys.length === 0) return;
    const text = JSON.stringify(keys.map((key) => Buffer.from(key).toString("base64")));
    await writeAtomic(this.#path, text);
  }

  /** A key that nobody else gets. `files-too-many` when very many wait for one already. */
  async take(signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const ready = this.#keys.shift();
    if (ready) {
      this.#quiet?.();
      this.#quiet = this.#clock.after(KEY_QUIET_MS, () => {
        this.#quiet = undefined;
        this.#fill();
      });
      this.#fill();
      return ready;
    }
    if (this.#waiters.size >= KEY_WAITERS_MAX) {
      throw filesErrors.fail("files-too-many", { params: { limit: KEY_WAITERS_MAX } });
    }
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiters.delete(waiter);
        reject(signal!.reason as Error);
      };
      const waiter: Waiter = {
        give: (key) => {
          signal?.removeEventListener("abort", leave);
          resolve(key);
        },
      };
      signal?.addEventListener("abort", leave, { once: true });
      this.#waiters.add(waiter);
      this.#fill();
    });
  }

  /** Before `start` a key is only made for somebody who waits. */
  #fill(): void {
    const isWanted = () => {
      const wanted = this.#waiters.size;
      if (wanted > 0) return this.#making < Math.min(wanted, KEY_MAKERS_MAX);
      const few = this.#quiet ? Math.min(KEYS_LOW, this.#kept) : this.#kept;
      return this.#isRunning && this.#making === 0 && this.#keys.length < few;
    };
    while (!this.#retry && isWanted()) {
      this.#making++;
      void this.#makeOne();
    }
  }

  async #makeOne(): Promise<void> {
    try {
      const key = await this.#makeKey();
      const [waiter] = this.#waiters;
      if (waiter) {
        this.#waiters.delete(waiter);
        waiter.give(key);
      } else if (this.#keys.length < this.#kept && this.#isRunning) this.#keys.push(key);
    } catch {
      // The system has no memory or no threads at the moment.
      this.#retry = this.#clock.after(KEY_RETRY_MS, () => {
        this.#retry = undefined;
        this.#fill();
      });
    }
    this.#making--;
    this.#fill();
  }
}

/** The keys of the file, which is gone when they are handed out. */
async function takeKeys(path: string): Promise<Uint8Array[]> {
  const facts = await stat(path).catch(() => undefined);
  if (!facts) return [];
  const text = facts.size <= KEY_FILE_MAX_BYTES ? await readFile(path, "utf8") : "";
  await rm(path, { force: true });
  await syncFolder(dirname(path));
  try {
    const list: unknown = JSON.parse(text);
    if (!Array.isArray(list)) return [];
    const keys = list.filter((one): one is string => typeof one === "string");
    return keys.map((one) => new Uint8Array(Buffer.from(one, "base64")));
  } catch {
    return [];
  }
}
