/**
 * A slice, as its home box keeps it: what its member asked for, the slivers that stand for it on other boxes, and what
 * is to be done so that both agree. `planSlice` is asked again and again, and after every change; it remembers nothing.
 *
 *   wished: index 0 … count-1 ──► each has one sliver that fits ──► nothing to do
 *                                 none                          ──► create
 *                                 one of another kind           ──► resize, or remove and create
 *                                 one whose host is lost        ──► abandon and create (if asked for)
 *   beyond count, slice ended ──► remove           lease ends soon ──► renew
 */
import type { Apart } from "./choosing.ts";
import { HOST_LOST_MS } from "./constants.ts";
import type { SliverSpec } from "./lending.ts";
import type { SliverState } from "./sliver.ts";

export interface SliceSpec {
  sliver: SliverSpec;
  count: number;
  apart: Apart;
  wanted: "running" | "stopped";
  endMs: number;
  /** Slivers of lost hosts are made again elsewhere. What was only in them is lost. */
  recreate: boolean;
}

/** What the home box knows of one sliver. */
export interface SliverFacts {
  id: string;
  /** 0 and up, its place in the slice. */
  index: number;
  host: string;
  spec: SliverSpec;
  wanted: "running" | "stopped" | "gone";
  leaseEndMs: number;
  /** As the host said last; undefined when it never said. */
  state: SliverState | undefined;
  /** For so long its host has not answered. */
  silentMs: number;
  /** Its host lends for no longer than this, where that is known to be less than what is asked for. */
  leaseMaxMs?: number | undefined;
}

export type SliceAction =
  | { do: "create"; index: number }
  | { do: "resize"; id: string }
  | { do: "want"; id: string; wanted: "running" | "stopped" }
  | { do: "renew"; id: string }
  /** Its host is told when it is there again. */
  | { do: "remove"; id: string; why: "unwanted" | "changed" | "failed" | "ended" | "lost" };

/** Of the time that leases were given for, what may pass before they are renewed. */
const RENEW_AFTER = 0.5;

/** What is to be done about one sliver comes in the order in which it is to be done. */
export function planSlice(
  spec: SliceSpec,
  slivers: readonly SliverFacts[],
  times: { nowMs: number; leaseMs: number },
): SliceAction[] {
  const { nowMs, leaseMs } = times;
  const isOver = spec.endMs <= nowMs;
  const actions: SliceAction[] = [];
  const filled = new Set<number>();
  const living = slivers.filter(({ wanted }) => wanted !== "gone");
  for (const sliver of living.toSorted(olderFirst)) {
    const { id, index } = sliver;
    const why = isOver ? "ended" : index >= spec.count || filled.has(index) ? "unwanted" : unfit(spec, sliver, nowMs);
    if (why) {
      actions.push({ do: "remove", id, why });
      continue;
    }
    filled.add(index);
    const lastsMs = Math.min(leaseMs, sliver.leaseMaxMs ?? leaseMs);
    const endMs = Math.min(spec.endMs, nowMs + lastsMs);
    const isDue = sliver.leaseEndMs - nowMs < lastsMs * (1 - RENEW_AFTER);
    // First of all, and as it is: a host that has no room for more keeps what it has.
    if (isDue && sliver.leaseEndMs < endMs) actions.push({ do: "renew", id });
    if (changeOf(sliver.spec, spec.sliver) === "resize") actions.push({ do: "resize", id });
    if (sliver.wanted !== spec.wanted) actions.push({ do: "want", id, wanted: spec.wanted });
  }
  for (let index = 0; !isOver && index < spec.count; index += 1) {
    if (!filled.has(index)) actions.push({ do: "create", index });
  }
  return actions;
}

function unfit(
  spec: SliceSpec,
  sliver: SliverFacts,
  nowMs: number,
): "changed" | "failed" | "lost" | "ended" | undefined {
  if (changeOf(sliver.spec, spec.sliver) === "replace") return "changed";
  if (sliver.leaseEndMs <= nowMs) return "ended";
  if (!spec.recreate) return undefined;
  if (sliver.state === "failed") return "failed";
  return sliver.silentMs > HOST_LOST_MS ? "lost" : undefined;
}

/** What it takes to make the one out of the other: limits change in a running instance, a disk only grows. */
export function changeOf(from: SliverSpec, to: SliverSpec): "none" | "resize" | "replace" {
  const { kind, image, reach, diskBytes } = from;
  if (kind !== to.kind || image !== to.image || reach !== to.reach || diskBytes > to.diskBytes) return "replace";
  const isSame =
    from.cores === to.cores &&
    from.memoryBytes === to.memoryBytes &&
    diskBytes === to.diskBytes &&
    from.egressBytesPerS === to.egressBytesPerS;
  return isSame ? "none" : "resize";
}

/** Of two for the same place the one that its host has spoken of stays, then the one whose lease ends last. */
function olderFirst(a: SliverFacts, b: SliverFacts): number {
  const known = Number(b.state !== undefined) - Number(a.state !== undefined);
  return known || b.leaseEndMs - a.leaseEndMs || (a.id < b.id ? -1 : 1);
}
