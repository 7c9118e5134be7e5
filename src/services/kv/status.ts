/** How this box's part of the store is, for pages, commands, metrics and health. */
import type { Clock } from "../../kernel/clock.ts";
import { SLOTS } from "../../protocols/kv/constants.ts";
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

export function statusOf(needs: StatusNeeds): KvStatus {
  const { state, running, ring, latencies, peers, clock, quotaBytes } = needs;
  const nowMs = clock.monotonicMs();
  const figures = running?.node.figures();
  const counts = running?.node.counts();
  // Asked once: each time it asks the mesh for every box.
  const { up, nodes } = ring.peers();
  const counted = running?.tally.read(up, nodes);
  const members: KvMember[] = ring.parts().map(({ boxId, node }) => ({
    ...{ boxId, node, isUp: up.includes(node) },
    slots: counted?.shares.get(node)?.slots ?? 0,
    coordinates: counted?.shares.get(node)?.coordinates ?? 0,
  }));
  return {
    ...{ state, store: running?.identity.store, node: running?.identity.node, members },
    slots: {
      total: SLOTS,
      ready: counted?.statuses.ready ?? 0,
      copying: counted ? counted.statuses.syncing + counted.statuses.learning : 0,
      leaving: counted?.statuses.fenced ?? 0,
    },
    dueSlots: counted?.due ?? 0,
    reachableSlots: counted?.reachable ?? 0,
    ...{ copies: counted?.copies ?? 0, survives: counted?.survives ?? 0 },
    ...{ keys: figures?.keys ?? 0, bytes: figures?.bytes ?? 0, quotaBytes },
    ...{ moves: counts?.views ?? 0, moving: figures?.moves ?? 0 },
    ...{ copiedSlots: counts?.copiedSlots ?? 0, copiedKeys: counts?.copiedKeys ?? 0 },
    peers,
    openOperations: figures?.openOperations ?? 0,
    operations: counts?.operations ?? 0,
    operationsPerSecond: latencies.perSecond(nowMs),
    p50Ms: latencies.quantileMs(nowMs, 0.5),
    p99Ms: latencies.quantileMs(nowMs, 0.99),
  };
}
