/**
 * What the page says about the state of the store: what it survives, what moves, in which order boxes stand. Pure.
 */
import type { Output } from "../../../../ui/src/api.ts";
import { COPIES_WANTED } from "./limits.ts";

export type Status = Output<"kv.status">;
export type Member = Status["members"][number];
/** What the verdict needs of the status. */
export type Standing = Pick<Status, "state" | "slots" | "copies"> & {
  members: readonly Pick<Member, "up" | "slots">[];
};

export interface Verdict {
  /** Of the word `kv.survives-…`. */
  word: "waiting" | "leaving" | "failed" | "stopped" | "partly" | "alone" | "two" | "three" | "growing" | "weak";
  tone: "ok" | "info" | "warning" | "error";
}

/** The one sentence that matters, worst news first. */
export function verdictOf(status: Standing): Verdict {
  const { state, members, copies, slots } = status;
  if (state === "failed") return { word: "failed", tone: "error" };
  if (state === "waiting" || members.length === 0) return { word: "waiting", tone: "info" };
  if (state === "leaving") return { word: "leaving", tone: "info" };
  if (slots.reachable === 0) return { word: "stopped", tone: "error" };
  if (slots.reachable < slots.total) return { word: "partly", tone: "error" };
  if (members.length === 1) return { word: "alone", tone: "info" };
  if (copies < Math.min(COPIES_WANTED, members.length)) return { word: "growing", tone: "warning" };
  if (copies < COPIES_WANTED) return { word: "two", tone: "info" };
  // Whoever is down holds copies that are not there now: those slots have no box left to lose.
  if (members.some((member) => !member.up && member.slots > 0)) return { word: "weak", tone: "warning" };
  return { word: "three", tone: "ok" };
}

/** Slots that this box takes up: how many are done, of how many; undefined when none is on its way. */
export function arriving({ slots }: Pick<Status, "slots">): { done: number; all: number } | undefined {
  return slots.copying > 0 ? { done: slots.ready, all: slots.ready + slots.copying } : undefined;
}

/** A share as whole percent that says 0 and 100 only when it is so. */
export function wholePercent(part: number, all: number): number {
  if (all <= 0 || part <= 0) return 0;
  return part >= all ? 100 : Math.min(99, Math.max(1, Math.round((100 * part) / all)));
}

type Named = Pick<Member, "boxId" | "box" | "self">;

/** This box first, then by name; the same on every look, so that numbers in the picture stay. */
export function memberOrder(a: Named, b: Named): number {
  if (a.self !== b.self) return a.self ? -1 : 1;
  return a.box.localeCompare(b.box) || (a.boxId < b.boxId ? -1 : a.boxId > b.boxId ? 1 : 0);
}
