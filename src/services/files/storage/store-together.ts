/**
 * What one request stores under several storage indexes, in one step of the journal: the disk is waited for once, and
 * after a crash all of it is there or nothing. Each part gets ready in the turn of its own storage index; the last one
 * goes on when all others are ready, and what it puts goes with what they put.
 *
 *   parts that come before ──► ready: put ──┐
 *   last part ──► begin ◄───────────────────┤ one failed: it does not go on, and what the others put is stored
 *                  └──► put ────────────────┴──► one step ──► answers
 *
 * Nobody waits for ever: all parts ask for their turns before anything is waited for, so that two requests for the
 * same storage indexes come in the same order in each of them.
 */
import { PENDING_PUT_BYTES_MAX } from "./constants.ts";
import { sizeOf } from "./pending-shares.ts";
import type { Containers, PendingShares } from "./pending-shares.ts";

/** How a part of a request gets what it stores to the disk. */
export interface Storing {
  /** Resolves when it is there. A part that has put does not fail any more but with this. */
  put(storageIndex: string, shares: Containers): Promise<void>;
  /** Before it decides anything. Rejects when it must not go on. */
  begin?(): Promise<void>;
  /** Before it writes anything in another way. */
  aside?(): Promise<void>;
}

/** Calls `storing.put` at most once. It asks for its turn at once when it is called. */
type Part<T> = (storing: Storing) => Promise<T>;

/**
 * The parts are of different storage indexes. What the last part writes is on the disk when all others are, or together
 * with them. Throws the failure of the first part that has one; what the others have put is stored all the same.
 */
export async function storeTogether<T>(
  pending: PendingShares,
  before: readonly Part<void>[],
  last: Part<T>,
): Promise<T> {
  const puts = new Map<string, Containers>();
  const stored = Promise.withResolvers<void>();
  let isStored = false;
  const store = (more?: [string, Containers]) => {
    if (!isStored) stored.resolve(putInOrder(pending, puts, more));
    isStored = true;
    return stored.promise;
  };
  const parts = before.map((part) => {
    const ready = Promise.withResolvers<void>();
    const done = part({
      put(storageIndex, shares) {
        puts.set(storageIndex, shares);
        ready.resolve();
        return stored.promise;
      },
    });
    const outcome = done.then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    return { outcome, ready: Promise.race([ready.promise, outcome]) };
  });
  const allReady = Promise.all(parts.map(({ ready }) => ready));
  const outcome = last({
    async begin() {
      for (const failed of await allReady) if (failed) throw failed.error;
    },
    put: (storageIndex, shares) => store([storageIndex, shares]),
    aside: () => store(),
  });
  await outcome.catch(() => {});
  await allReady;
  await store().catch(() => {});
  for (const part of parts) {
    const failed = await part.outcome;
    if (failed) throw failed.error;
  }
  return outcome;
}

/** At once, if it is not too much for that; else what is `last` comes after all others. */
async function putInOrder(
  pending: PendingShares,
  puts: ReadonlyMap<string, Containers>,
  last: [string, Containers] | undefined,
): Promise<void> {
  const all = new Map(last ? [...puts, last] : puts);
  if (all.size === 0) return;
  if (sizeOf(all).bytes <= PENDING_PUT_BYTES_MAX) return pending.putAll(all);
  await Promise.all([...puts].map(([storageIndex, shares]) => pending.put(storageIndex, shares)));
  if (last) await pending.put(...last);
}
