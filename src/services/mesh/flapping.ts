/**
 * Members that are said to be gone and come back, again and again: somebody inside accuses them falsely, or the network
 * between is bad. The log shows the first changes of a minute one by one; what follows becomes one line at its end.
 *
 *   quiet ──a change──► counted ──more than FLAPS_PER_MINUTE_MAX──► flapping ──its minute ends──► one line, quiet
 */
import type { Clock } from "../../kernel/clock.ts";

/** Changes of one member in a minute that are told one by one: a restart makes five (suspect, failed, join, …). */
export const FLAPS_PER_MINUTE_MAX = 6;
/** Minutes with flapping, one soon after the other, after which it is no accident. */
export const FLAPPING_MINUTES_MIN = 2;
/** Without any for so long it is over. */
export const FLAPPING_OVER_MS = 5 * 60_000;
/** Members that are counted at one time; of more than that every change is told, within the limits of the log. */
export const FLAPPING_MEMBERS_MAX = 2048;
const MINUTE_MS = 60_000;

export interface Flapping {
  /** A member came, went or was doubted; `back` when it is here again. False: not to be told by itself. */
  note(member: string, back: boolean): boolean;
  /** It has gone on for minutes, and is not over. */
  goesOn(): boolean;
  /** Nothing is counted any more. */
  begin(): void;
}

export interface FlappingNeeds {
  clock: Clock;
  /** The minute of a member that flapped is over: how often it came back. */
  tell: (line: { member: string; count: number }) => void;
}

interface Minute {
  changes: number;
  returns: number;
  cancel: () => void;
}

export function createFlapping({ clock, tell }: FlappingNeeds): Flapping {
  const minutes = new Map<string, Minute>();
  /** The present row of minutes with flapping. */
  let row = 0;
  let lastMs = -Infinity;

  const flapped = () => {
    const nowMs = clock.monotonicMs();
    if (nowMs - lastMs > FLAPPING_OVER_MS) row = 0;
    // Many members at one time are one minute.
    else if (row > 0 && nowMs - lastMs < MINUTE_MS) return;
    row += 1;
    lastMs = nowMs;
  };
  const end = (member: string) => {
    const { changes, returns } = minutes.get(member)!;
    minutes.delete(member);
    if (changes <= FLAPS_PER_MINUTE_MAX) return;
    flapped();
    tell({ member, count: returns });
  };

  return {
    note(member, back) {
      let minute = minutes.get(member);
      if (!minute) {
        if (minutes.size >= FLAPPING_MEMBERS_MAX) return true;
        minute = { changes: 0, returns: 0, cancel: clock.after(MINUTE_MS, () => end(member)) };
        minutes.set(member, minute);
      }
      minute.changes += 1;
      if (back) minute.returns += 1;
      return minute.changes <= FLAPS_PER_MINUTE_MAX;
    },
    goesOn: () => row >= FLAPPING_MINUTES_MIN && clock.monotonicMs() - lastMs <= FLAPPING_OVER_MS,
    begin() {
      for (const { cancel } of minutes.values()) cancel();
      minutes.clear();
      row = 0;
      lastMs = -Infinity;
    },
  };
}
