/** How this box's part of the store is, for pages, commands, metrics and health. */
import type { Clock } from "../../kernel/clock.ts";
import { DEGREE, SLOTS } from "../../protocols/kv/constants.ts";
import { groupOf } from "../../protocols/kv/slots.ts";
import { majorityOf } from "../../protocols/kv/slot.ts";
import type { KvMember, KvStatus } from "./client.ts";
import type { Latencies } from "./latencies.ts";
import type { PeerCounts } from "./peer-streams.ts";
import type { Ring } from "./ring.ts";
import type { Running, StoreState } from "./store-node.ts";

export interface StatusNeeds {
  state: StoreState;
  running: Running | undefined;
  ring: Ring;
  latencies: Latencies;
  peers: PeerCounts;
  clock: Clock;
  quotaBytes: number;
}

export function statusOf({ state, running, ring, latencies, peers, clock, quotaBytes }: StatusNeeds): KvStatus {
  const nowMs = clock.monotonicMs();
  const stats = running?.node.stats();
  const counts = running?.node.counts();
  const groups = running ? groupsOf(running, ring) : [];
  const up = new Set(ring.peers().up);
  const shares = sharesOf(groups, up);
  const members: KvMember[] = ring.parts().map(({ boxId, node }) => ({
    ...{ boxId, node, isUp: up.has(node) },
    slots: shares.slots.get(node) ?? 0,
    coordinates: shares.coordinates.get(node) ?? 0,
  }));
  return {
    ...{ state, store: running?.identity.store, node: running?.identity.node, members },
    slots: {
      total: SLOTS,
      ready: stats?.slots.ready ?? 0,
      copying: (stats?.slots.syncing ?? 0) + (stats?.slots.learning ?? 0),
      leaving: stats?.slots.fenced ?? 0,
    },
    dueSlots: running ? dueOf(running, ring) : 0,
    reachableSlots: shares.reachable,
    ...{ copies: shares.copies, survives: shares.survives },
    ...{ keys: stats?.keys ?? 0, bytes: stats?.bytes ?? 0, quotaBytes },
    ...{ moves: counts?.views ?? 0, moving: stats?.moves ?? 0 },
    ...{ copiedSlots: counts?.copiedSlots ?? 0, copiedKeys: counts?.copiedKeys ?? 0 },
    peers,
    openOperations: stats?.openOperations ?? 0,
    operations: counts?.operations ?? 0,
    operationsPerSecond: latencies.perSecond(nowMs),
    p50Ms: latencies.quantileMs(nowMs, 0.5),
    p99Ms: latencies.quantileMs(nowMs, 0.99),
  };
}

/** In one pass: this is asked for often, and there are many slots. */
function sharesOf(groups: readonly (readonly number[])[], up: ReadonlySet<number>) {
  const slots = new Map<number, number>();
  const coordinates = new Map<number, number>();
  let reachable = 0;
  let copies = groups[0]?.length ?? 0;
  let survives = copies;
  for (const group of groups) {
    let there = 0;
    for (const node of group) {
      slots.set(node, (slots.get(node) ?? 0) + 1);
      if (up.has(node) && there++ === 0) coordinates.set(node, (coordinates.get(node) ?? 0) + 1);
    }
    if (there >= majorityOf(group)) reachable++;
    copies = Math.min(copies, group.length);
    survives = Math.min(survives, Math.max(0, there - majorityOf(group)));
  }
  return { slots, coordinates, reachable, copies, survives };
}

/** Slots of which this box is a member, and whose members are not yet those that hashing suggests. */
function dueOf({ node }: Running, ring: Ring): number {
  const { nodes } = ring.peers();
  let due = 0;
  for (const { number, view, status } of node.slots()) {
    if (status === "fenced") continue;
    const wanted = groupOf(number, nodes, DEGREE);
    if (wanted.length !== view.members.length || wanted.some((one) => !view.members.includes(one))) due++;
  }
  return due;
}

/** Of each slot the members that this box knows of, and otherwise those that hashing suggests. */
function groupsOf({ node }: Running, ring: Ring): (readonly number[])[] {
  const { nodes } = ring.peers();
  return Array.from({ length: SLOTS }, (_, slot) => node.viewOf(slot)?.members ?? groupOf(slot, nodes, DEGREE));
}
