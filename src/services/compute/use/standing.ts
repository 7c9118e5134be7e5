/**
 * Waits until a slice stands as its member wants it: for whoever asks for something and goes on when it is done. What
 * is not done in time goes on all the same.
 */
import type { Clock } from "../../../kernel/clock.ts";
import { LAUNCH_WAIT_MS, MESSAGE_TIMEOUT_MS } from "../constants.ts";
import { HOST_FULL } from "./hosts.ts";
import type { KnownSliver, Slices } from "./slices.ts";

export interface StandingNeeds {
  clock: Clock;
  slices: Pick<Slices, "onLooked" | "facts">;
}

/** Until each sliver that is not to go is as it is wanted, or has failed. */
export function untilStands(needs: StandingNeeds, id: string, signal: AbortSignal): Promise<void> {
  const stands = ({ state, wanted }: KnownSliver) => wanted === "gone" || state === wanted || state === "failed";
  return until(needs, id, signal, stands);
}

/** Until no sliver is left. */
export function untilGone(needs: StandingNeeds, id: string, signal: AbortSignal): Promise<void> {
  return until(needs, id, signal, () => false);
}

/**
 * Nobody waits for a host that does not answer, or whose disk is full: its slivers follow when it is back or has room,
 * or end with their leases.
 */
async function until(
  { clock, slices }: StandingNeeds,
  id: string,
  signal: AbortSignal,
  isSo: (sliver: KnownSliver) => boolean,
): Promise<void> {
  const endMs = clock.monotonicMs() + LAUNCH_WAIT_MS;
  const isLeft = (sliver: KnownSliver) =>
    !isSo(sliver) && sliver.silentMs <= MESSAGE_TIMEOUT_MS && sliver.trouble !== HOST_FULL;
  while (slices.facts(id).some(isLeft) && clock.monotonicMs() < endMs) {
    await new Promise<void>((resolve) => {
      const end = () => {
        forget();
        cancel();
        resolve();
      };
      const forget = slices.onLooked(id, end);
      const cancel = clock.after(endMs - clock.monotonicMs(), end);
    });
    signal.throwIfAborted();
  }
}
