/** The wait between two attempts of which the first met another writer: random, so that the two part ways. */
import { BACKOFF_FIRST_MS, BACKOFF_MAX_MS } from "./mutable-constants.ts";
import type { MutableNeeds } from "./mutable-file.ts";

/** `attempt`: the one that failed, 1 for the first. Rejects with the signal's reason. */
export function backOff(
  { clock, random }: Pick<MutableNeeds, "clock" | "random">,
  attempt: number,
  signal?: AbortSignal,
): Promise<void> {
  const boundMs = backOffBoundMs(attempt);
  return new Promise((resolve, reject) => {
    const end = () => {
      cancel();
      reject(signal!.reason as Error);
    };
    const cancel = clock.after(boundMs * random.float(), () => {
      signal?.removeEventListener("abort", end);
      resolve();
    });
    if (signal?.aborted) end();
    else signal?.addEventListener("abort", end, { once: true });
  });
}

export function backOffBoundMs(attempt: number): number {
  return Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (attempt - 1));
}
