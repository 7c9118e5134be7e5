/** How this box's part of the store is, for pages, commands, metrics and health. */
import type { Clock } from "../../kernel/clock.ts";
import { SLOTS } from "../../protocols/kv/constants.ts";
import type { Groups } from "../../protocols/kv/slots.ts";
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
  /** That hashing suggests. */
  wanted: Groups;
  latencies: Latencies;
  peers: PeerCounts;
  clock: Clock;
  quotaBytes: number;
}

type WantedOf = (slot: number) => readonly number[];

export function statusOf(needs: StatusNeeds): KvStatus {
  const { state, running, ring, wanted, latencies, peers, clock, quotaBytes } = needs;
  const nowMs = clock.monotonicMs();
  const stats = running?.node.stats();
  const counts = running?.node.counts();
  // Asked once: each time it asks the mesh for every box.
  const { up, nodes } = ring.peers();
  const wantedOf = (slot: number) => wanted.of(slot, nodes);
  const groups = running ? groupsOf(running, wantedOf) : [];
  const { shares, reachable, copies, survives } = sharesOf(groups, up);
  const members: KvMember[] = ring.parts().map(({ boxId, node }) => ({
    ...{ boxId, node, isUp: shares.get(node)?.isUp ?? false },
    slots: shares.get(node)?.slots ?? 0,
    coordinates: shares.get(node)?.coordinates ?? 0,
  }));
  return {
    ...{ state, store: running?.identity.store, node: running?.identity.node, members },
    slots: {
      total: SLOTS,
      ready: stats?.slots.ready ?? 0,
      copying: (stats?.slots.syncing ?? 0) + (stats?.slots.learning ?? 0),
      leaving: stats?.slots.fenced ?? 0,
    },
    dueSlots: running ? dueOf(running, wantedOf) : 0,
    reachableSlots: reachable,
    ...{ copies, survives },
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

interface Share {
  isUp: boolean;
  slots: number;
  coordinates: number;
}

/** In one pass, and each member looked up once: this is asked for often, and there are many slots. */
function sharesOf(groups: readonly (readonly number[])[], up: readonly number[]) {
  const shares = new Map<number, Share>(up.map((node) => [node, { isUp: true, slots: 0, coordinates: 0 }]));
  let reachable = 0;
  let copies = groups[0]?.length ?? 0;
  let survives = copies;
  for (const group of groups) {
    let there = 0;
    for (const node of group) {
      let share = shares.get(node);
      if (!share) shares.set(node, (share = { isUp: false, slots: 0, coordinates: 0 }));
      share.slots++;
      if (share.isUp && there++ === 0) share.coordinates++;
    }
    if (there >= majorityOf(group)) reachable++;
    copies = Math.min(copies, group.length);
    survives = Math.min(survives, Math.max(0, there - majorityOf(group)));
  }
  return { shares, reachable, copies, survives };
}

/** Slots of which this box is a member, and whose members are not yet those that hashing suggests. */
function dueOf({ node }: Running, wantedOf: WantedOf): number {
  let due = 0;
  for (const { number, view, status } of node.slots()) {
    if (status === "fenced") continue;
    const wanted = wantedOf(number);
    if (wanted.length !== view.members.length || wanted.some((one) => !view.members.includes(one))) due++;
  }
  return due;
}

/** Of each slot the members that this box knows of, and otherwise those that hashing suggests. */
function groupsOf({ node }: Running, wantedOf: WantedOf): (readonly number[])[] {
  return Array.from({ length: SLOTS }, (_, slot) => node.viewOf(slot)?.members ?? wantedOf(slot));
}
