/**
 * What the network of a host's slivers has to look like, out of its books, what home boxes told about their slices,
 * and where other hosts are. It is asked again and again; what the system has and this does not say goes away.
 *
 *   sliver ── cs… ──┐                                   ┌── cs… ── sliver of the same slice
 *                   host ── cw… ══ WireGuard ══ cw… ── host
 *   sliver ── cs… ──┘   exactly these addresses per peer
 */
import { sliverAddress, sliverAddress4, sliverDevice } from "./addresses.ts";
import type { Sha256 } from "./addresses.ts";
import { EGRESS_FLOOR_BYTES_PER_S } from "./constants.ts";
import type { Reach } from "./lending.ts";

/** One of this host's own. */
export interface HostedSliver {
  sliver: string;
  home: string;
  slice: string;
  reach: Reach;
  egressBytesPerS: number;
}

export interface Member {
  sliver: string;
  host: string;
  /** As the others call it, such as "web-0". */
  name: string;
}

/** What a home box said of one of its slices. Its word counts for this slice alone. */
export interface ToldSlice {
  home: string;
  slice: string;
  members: readonly Member[];
}

/** Another host's end of the tunnel. */
export interface TunnelEnd {
  /** Public key of WireGuard, base64. */
  key: string;
  /** "address:port"; undefined where nobody knows: it may come by itself. */
  endpoint: string | undefined;
}

export interface PlannedSliver {
  sliver: string;
  device: string;
  address: string;
  /** Where it may speak beyond its slice. */
  address4: string | undefined;
  reach: Reach;
  egressBytesPerS: number;
  /** Its slice's place among `slices`. */
  slice: number;
}

export interface PlannedSlice {
  /** Of all its slivers, here and elsewhere. */
  addresses: string[];
  names: { name: string; address: string }[];
}

export interface PlannedPeer extends TunnelEnd {
  /** What may come from there, and what goes there. */
  addresses: string[];
}

export interface NetworkPlan {
  slivers: PlannedSliver[];
  slices: PlannedSlice[];
  peers: PlannedPeer[];
}

export interface PlanNetworkInput {
  sha256: Sha256;
  self: string;
  slivers: readonly HostedSliver[];
  told: readonly ToldSlice[];
  /** Undefined for a box that has no tunnel, or is no member. */
  tunnelOf: (host: string) => TunnelEnd | undefined;
}

export function planNetwork({ sha256, self, slivers, told, tunnelOf }: PlanNetworkInput): NetworkPlan {
  const plan: NetworkPlan = { slivers: [], slices: [], peers: [] };
  const peers = new Map<string, PlannedPeer>();
  const keyOf = ({ home, slice }: { home: string; slice: string }) => `${home}\n${slice}`;
  const toldOf = new Map(told.map((one) => [keyOf(one), one.members]));
  // Sorted, so that what has not changed is written alike.
  const bySlice = Map.groupBy(slivers.toSorted(byId), keyOf);
  for (const key of [...bySlice.keys()].toSorted()) {
    const own = bySlice.get(key)!;
    const { home, slice } = own[0]!;
    const addressOf = (sliver: string) => sliverAddress(sha256, { home, slice, sliver });
    const here = new Set(own.map(({ sliver }) => sliver));
    const members = (toldOf.get(key) ?? []).toSorted(byId).filter(isFirst);
    const planned: PlannedSlice = { addresses: own.map(({ sliver }) => addressOf(sliver)), names: [] };
    for (const { sliver, host, name } of members) {
      const isHere = here.has(sliver);
      // What is said to be here and is not has no place to send it to.
      const end = isHere || host === self ? undefined : tunnelOf(host);
      if (!isHere && !end) continue;
      planned.names.push({ name, address: addressOf(sliver) });
      if (!end) continue;
      planned.addresses.push(addressOf(sliver));
      const peer = peers.get(end.key) ?? { ...end, addresses: [] };
      peers.set(end.key, peer);
      peer.addresses.push(addressOf(sliver));
    }
    for (const one of own) plan.slivers.push(plannedOf(sha256, one, plan.slices.length, addressOf(one.sliver)));
    plan.slices.push(planned);
  }
  plan.peers = [...peers.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1));
  return plan;
}

function plannedOf(sha256: Sha256, one: HostedSliver, slice: number, address: string): PlannedSliver {
  const { sliver, reach, egressBytesPerS } = one;
  return {
    ...{ sliver, device: sliverDevice(sha256, sliver), address, reach, slice },
    address4: reach === "slice" ? undefined : sliverAddress4(sha256, sliver),
    egressBytesPerS: Math.max(EGRESS_FLOOR_BYTES_PER_S, egressBytesPerS),
  };
}

/** Of those sorted by id: one that is told twice counts once. */
function isFirst({ sliver }: Member, at: number, all: readonly Member[]): boolean {
  return all[at - 1]?.sliver !== sliver;
}

function byId(a: { sliver: string }, b: { sliver: string }): number {
  return a.sliver < b.sliver ? -1 : a.sliver > b.sliver ? 1 : 0;
}
