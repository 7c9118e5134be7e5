/**
 * Tasks of the engine ("operations"): what takes longer than an answer. A task is asked for, waited for, and lives in
 * the engine's memory only, so that one that is gone was broken off by the engine's end.
 */
import { z } from "zod";
import { isFailure } from "../../kernel/errors.ts";
import { checked } from "./answers.ts";
import type { Answer } from "./answers.ts";
import { asEngineFailure, fail } from "./errors.ts";
import { late } from "./transport.ts";
import type { Ask, Transport } from "./transport.ts";

/** Asks for a task and waits for its end. Gives the task's metadata, or the answer's where it was done at once. */
export async function task(transport: Transport, ask: Ask): Promise<unknown> {
  const begun = await transport.ask({ ...ask, timeoutMs: undefined });
  if (begun.operation === undefined) return begun.metadata;
  return waitFor(transport, begun.operation, ask);
}

const operation = z.object({
  status_code: z.number(),
  err: z.string().nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
});
const [SUCCESS, FAILURE, CANCELLED] = [200, 400, 401];

/**
 * Waits for a task. When the signal or the deadline ends the waiting, the engine is asked to cancel it, which it does
 * for few kinds of tasks: what happens then is for the caller to look at.
 */
export async function waitFor(
  transport: Transport,
  id: string,
  ask: Pick<Ask, "about" | "signal" | "timeoutMs">,
): Promise<Record<string, unknown>> {
  const { clock, limits } = transport;
  const timeoutMs = ask.timeoutMs ?? limits.taskTimeoutMs;
  const endMs = clock.monotonicMs() + timeoutMs;
  for (;;) {
    const leftMs = endMs - clock.monotonicMs();
    const roundMs = Math.max(0, Math.min(leftMs, limits.waitRoundMs));
    let answer: Answer;
    try {
      answer = await transport.ask({
        ...{ path: `/operations/${id}/wait`, query: { timeout: String(Math.ceil(roundMs / 1000)) } },
        ...{ about: { kind: "operation", name: id }, signal: ask.signal, timeoutMs: roundMs + limits.answerTimeoutMs },
      });
    } catch (error) {
      if (ask.signal?.aborted) {
        cancel(transport, id);
        throw ask.signal.reason;
      }
      // The engine's tasks die with it: not there, or not reachable, is one that was broken off.
      const codes = ["engine-has-no", "engine-missing", "engine-unreachable", "engine-interrupted"];
      if (isFailure(error) && codes.includes(error.code)) throw fail("engine-interrupted", { cause: error });
      throw error;
    }
    const state = checked(operation, answer.metadata, "an operation");
    if (state.status_code === SUCCESS) return state.metadata ?? {};
    if (state.status_code === FAILURE) throw asEngineFailure(FAILURE, state.err ?? "", ask.about);
    if (state.status_code === CANCELLED) throw fail("engine-cancelled");
    if (clock.monotonicMs() >= endMs) {
      cancel(transport, id);
      throw late(timeoutMs);
    }
  }
}

function cancel(transport: Transport, id: string): void {
  const about = { kind: "operation", name: id } as const;
  // Most tasks cannot be cancelled, and who waits no longer wants no answer.
  transport.ask({ method: "DELETE", path: `/operations/${id}`, about }).catch(() => {});
}
