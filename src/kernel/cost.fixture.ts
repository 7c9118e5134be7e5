/**
 * What work costs, for tests that must show that something costs little where nothing can be counted. A limit is far
 * above what is needed, or what other work costs in the same moment, so that it parts the right way of doing it from
 * a wrong one and not a busy machine from an idle one. Figures belong into bench/.
 */

/**
 * Milliseconds of the quickest of some tries: other programs and a collection of garbage make some of them slower, and
 * none of them quicker.
 */
export function leastMs(run: () => void, tries = 5): number {
  let least = Infinity;
  for (let n = 0; n < tries; n += 1) {
    const beganMs = performance.now();
    run();
    least = Math.min(least, performance.now() - beganMs);
  }
  return least;
}

/** Milliseconds that pass until `run` is done. */
export async function elapsedMs(run: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await run();
  return performance.now() - beganMs;
}

/** Some tries, until one of them says that it took less: what is slow by itself is slow each time. */
export async function quickerThan(limitMs: number, once: () => Promise<number>, tries = 5): Promise<void> {
  const seen: number[] = [];
  while (seen.length < tries) {
    seen.push(await once());
    if (seen.at(-1)! < limitMs) return;
  }
  throw new Error(`never within ${limitMs} ms: ${seen.map(Math.round).join(", ")} ms`);
}
