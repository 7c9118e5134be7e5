/**
 * Since when the servers that answer are the ones of now. A box that is restarted is no change; one that came or has
 * gone for a while is, and then every file is looked at: there may be shares to make again, or a place for some.
 */
import type { Clock } from "../../../kernel/clock.ts";
import type { Notes } from "./notes.ts";

const NOTE = "care-servers";

export interface ServerChanges {
  /** Wall clock; 0 before there were any. `ids`: of those that answer now. */
  sinceMs(ids: readonly string[]): number;
}

export function createServerChanges(clock: Clock, notes: Notes, settledMs: number): ServerChanges {
  let settled = notes.read<{ ids: string; sinceMs: number }>(NOTE) ?? { ids: "", sinceMs: 0 };
  let candidate: typeof settled | undefined;
  return {
    sinceMs(list) {
      const ids = list.toSorted().join(" ");
      const nowMs = clock.wallMs();
      if (ids === settled.ids) candidate = undefined;
      else if (candidate?.ids !== ids) candidate = { ids, sinceMs: nowMs };
      else if (nowMs - candidate.sinceMs >= settledMs) {
        settled = { ids, sinceMs: nowMs };
        candidate = undefined;
        notes.write(NOTE, settled);
      }
      return settled.sinceMs;
    },
  };
}
