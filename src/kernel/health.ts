/**
 * Health as data: every part tells its present warnings, this file gathers them, remembers since when each stands,
 * and says when the list changes. Words for a warning are in the word lists, so page and command line say the same.
 */
import type { Warning } from "./contract.ts";

export interface StandingWarning extends Warning {
  /** The part that reports it. */
  source: string;
  sinceMs: number;
  /** The host has said: I know. It stays in the list but no longer colours the box. */
  ignored: boolean;
}

export interface Health {
  /** Adds a part; `read` returns its present warnings. */
  watch(source: string, read: () => Warning[]): void;
  /** Asks every part again; true when the list differs from the last one. */
  refresh(nowMs: number): boolean;
  /** The list as of the last refresh, worst first. */
  warnings(): StandingWarning[];
  /** "error" when any error stands that is not ignored, and so on down to "ok". */
  level(): "ok" | "info" | "warning" | "error";
  setIgnored(codes: readonly string[]): void;
}

const RANK = { error: 0, warning: 1, info: 2 } as const;

export function createHealth(): Health {
  const parts = new Map<string, () => Warning[]>();
  let standing: StandingWarning[] = [];
  let ignored = new Set<string>();
  const keyOf = (source: string, warning: Warning) =>
    `${source}/${warning.code}/${JSON.stringify(warning.params ?? {})}`;
  return {
    watch: (source, read) => void parts.set(source, read),
    refresh(nowMs) {
      const before = new Map(standing.map((warning) => [keyOf(warning.source, warning), warning]));
      const next: StandingWarning[] = [];
      for (const [source, read] of parts) {
        for (const warning of read()) {
          const sinceMs = before.get(keyOf(source, warning))?.sinceMs ?? nowMs;
          next.push({ ...warning, source, sinceMs, ignored: ignored.has(warning.code) });
        }
      }
      next.sort((a, b) => RANK[a.severity] - RANK[b.severity] || a.sinceMs - b.sinceMs);
      const isNew = (w: StandingWarning) => before.get(keyOf(w.source, w))?.severity !== w.severity;
      const changed = next.length !== standing.length || next.some(isNew);
      standing = next;
      return changed;
    },
    warnings: () => standing,
    level() {
      const counting = standing.filter((warning) => !warning.ignored);
      return counting[0]?.severity ?? "ok";
    },
    setIgnored(codes) {
      ignored = new Set(codes);
      standing = standing.map((warning) => ({ ...warning, ignored: ignored.has(warning.code) }));
    },
  };
}
