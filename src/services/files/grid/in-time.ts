/** Asks several servers the same thing and waits for none that is late: a frozen one must not stall others. */
import type { Clock } from "../../../kernel/clock.ts";
import { ANSWER_MAX_MS, LATE_FACTOR, LATE_MIN_MS } from "./constants.ts";

/** `late`: it was given up, and its signal aborted. */
export type InTime<T> = { state: "answered"; value: T } | { state: "failed"; error: unknown } | { state: "late" };

/** How long who is late is waited for. */
export interface Patience {
  /** Nobody is late before this; `LATE_MIN_MS` by default. */
  lateMinMs?: number;
  /** Nobody gets more; `ANSWER_MAX_MS` by default. */
  maxMs?: number;
  /** Nobody is late before so many have answered; half of them by default, and in any case. */
  enough?: number;
}

/**
 * Runs all questions at once; the answers are in their order. When half of them are there, the others get some times
 * as long as those took. Rejects only with the reason of `signal`.
 */
export async function answersInTime<T>(
  clock: Clock,
  questions: readonly ((signal: AbortSignal) => Promise<T>)[],
  signal: AbortSignal,
  patience: Patience = {},
): Promise<InTime<T>[]> {
  signal.throwIfAborted();
  const answers: InTime<T>[] = questions.map(() => ({ state: "late" }));
  if (questions.length === 0) return answers;
  const controllers = questions.map(() => new AbortController());
  const startedMs = clock.monotonicMs();
  const { lateMinMs = LATE_MIN_MS, maxMs = ANSWER_MAX_MS } = patience;
  const enough = Math.max(Math.ceil(questions.length / 2), Math.min(questions.length, patience.enough ?? 0));
  let [good, settled] = [0, 0];
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  const cancels = [clock.after(maxMs, () => end())];
  questions.forEach((question, index) => {
    const settle = (answer: InTime<T>) => {
      answers[index] = answer;
      settled++;
      if (answer.state === "answered") good++;
      if (settled === questions.length) end();
      else if (answer.state === "answered" && good === enough) {
        const tookMs = clock.monotonicMs() - startedMs;
        cancels.push(clock.after(Math.max(lateMinMs, LATE_FACTOR * tookMs) - tookMs, () => end()));
      }
    };
    question(controllers[index]!.signal).then(
      (value) => settle({ state: "answered", value }),
      (error: unknown) => settle({ state: "failed", error }),
    );
  });
  const stop = () => end();
  signal.addEventListener("abort", stop);
  await over;
  signal.removeEventListener("abort", stop);
  for (const cancel of cancels) cancel();
  const outcome = [...answers];
  outcome.forEach((answer, index) => answer.state === "late" && controllers[index]!.abort());
  signal.throwIfAborted();
  return outcome;
}
