/** How safe a file is, in plain words: which sentence, with which figures, how bad. Pure. */
import type { Output } from "../../../../ui/src/api.ts";

export type Health = Output<"files.health">;

export interface Verdict {
  word: "unknown" | "tiny" | "safe" | "one-box" | "one-owner" | "weak" | "cannot";
  tone: "ok" | "info" | "warning" | "error";
}

export function verdictOf({ state, total, good, needed, servers, owners }: Health): Verdict {
  if (state === "unknown") return { word: "unknown", tone: "info" };
  if (state === "lost" || good < needed) return { word: "cannot", tone: "error" };
  if (state === "weak") return { word: "weak", tone: "warning" };
  // Tiny files stand in their folder itself.
  if (total === 0) return { word: "tiny", tone: "ok" };
  if (servers <= 1) return { word: "one-box", tone: "warning" };
  return owners <= 1 ? { word: "one-owner", tone: "info" } : { word: "safe", tone: "ok" };
}
