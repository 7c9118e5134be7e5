/** How this box's part of the store is, for pages, commands, metrics and health. */
import type { Clock } from "../../kernel/clock.ts";
import { DEGREE, SLOTS } from "../../protocols/kv/constants.ts";
import { groupOf } from "../../protocols/kv/slots.ts";
import { majorityOf } from "../../protocols/kv/slot.ts";
import type { KvMember, KvStatus } from "./client.ts";
import type { Latencies } from "./latencies.ts";
import type { Ring } from "./ring.ts";
import type { Running, StoreState } from "./store-node.ts";

export interface StatusNeeds {
  state: StoreState;
  running: Running | undefined;
  ring: Ring;
  latencies: Latencies;
  clock: Clock;
  quotaBytes: number;
}

export function statusOf({ state, running, ring, latencies, clock, quotaBytes }: StatusNeeds): KvStatus {
  const nowMs = clock.monotonicMs();
  const stats = running?.node.stats();
  const groups = running ? groupsOf(running, ring) : [];
  const { up } = ring.peers();
  const ready = groups.map((members) => members.filter((node) => up.includes(node)).length);
  const members: KvMember[] = ring.parts().map(({ boxId, node }) => ({
    ...{ boxId, node, isUp: up.includes(node) },
    slots: groups.filter((group) => group.includes(node)).length,
    coordinates: groups.filter((group) => group.find((one) => up.includes(one)) === node).length,
  }));
  return {
    ...{ state, store: running?.identity.store, node: running?.identity.node, members },
    slots: {
      total: SLOTS,
      ready: stats?.slots.ready ?? 0,
      copying: (stats?.slots.syncing ?? 0) + (stats?.slots.learning ?? 0),
      leaving: stats?.slots.fenced ?? 0,
    },
    reachableSlots: groups.filter((group, at) => ready[at]! >= majorityOf(group)).length,
    copies: groups.length > 0 ? Math.min(...groups.map((group) => group.length)) : 0,
    ...{ keys: stats?.keys ?? 0, bytes: stats?.bytes ?? 0, quotaBytes, moves: stats?.moves ?? 0 },
    openOperations: stats?.openOperations ?? 0,
    operations: running?.node.counts().operations ?? 0,
    operationsPerSecond: latencies.perSecond(nowMs),
    p50Ms: latencies.quantileMs(nowMs, 0.5),
    p99Ms: latencies.quantileMs(nowMs, 0.99),
  };
}

/** Of each slot the members that this box knows of, and otherwise those that hashing suggests. */
function groupsOf({ node }: Running, ring: Ring): (readonly number[])[] {
  const { nodes } = ring.peers();
  return Array.from({ length: SLOTS }, (_, slot) => node.viewOf(slot)?.members ?? groupOf(slot, nodes, DEGREE));
}
