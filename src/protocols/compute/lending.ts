/**
 * What a host lends, to whom, and what it answers to a wish. Everything is refused unless the host allows it. The
 * books hold what is promised: a sliver counts from the moment it is reserved until its instance is known to be gone,
 * so that the last core is never given twice.
 */
import {
  BYTES_MAX,
  CORES_MAX,
  HOST_SLIVERS_MAX,
  KEPT_FOR_LENDERS,
  LEASE_MAX_MS,
  SLIVER_DISK_BYTES_MIN,
  SLIVER_MEMORY_BYTES_MIN,
} from "./constants.ts";
import { RESOURCE_NAMES, lacking, minus, partOf, sumOf } from "./resources.ts";
import type { ResourceName, Resources } from "./resources.ts";

/** How far a sliver may speak, each beyond the one before: its own slice, the community's network, the internet. */
export const REACHES = ["slice", "community", "internet"] as const;
export type Reach = (typeof REACHES)[number];

export interface SliverSpec extends Resources {
  kind: "container" | "vm";
  /** SHA-256 of the image, hexadecimal. */
  image: string;
  reach: Reach;
}

export interface Borrower {
  /** The box that asks for one of its members. */
  box: string;
  owner: string;
  zone: string;
  /** 0 to 1: what it lends itself of what it has. */
  effort: number;
}

export interface LendPolicy {
  /** All slivers together. */
  lent: Resources;
  slivers: number;
  to: "nobody" | "zone" | "community" | "named";
  /** Owners, when `to` is "named". */
  named: readonly string[];
  reach: Reach;
  vms: boolean;
  leaseMaxMs: number;
  /** 0 to 1 of what is lent: what one borrower may have at most. */
  perBorrower: number;
  /** "effort" keeps a part for those who lend themselves; "arrival" gives to whoever comes first. */
  priority: "arrival" | "effort";
  /** Community credits for an hour of one core in a sliver, by borrowers of other zones. */
  priceAcrossZones: number;
}

export const LENDS_NOTHING: LendPolicy = {
  lent: { cores: 0, memoryBytes: 0, diskBytes: 0, egressBytesPerS: 0 },
  slivers: 0,
  to: "nobody",
  named: [],
  reach: "slice",
  vms: false,
  leaseMaxMs: LEASE_MAX_MS,
  perBorrower: 1,
  priority: "effort",
  priceAcrossZones: 0,
};

export interface Booking {
  sliver: string;
  borrower: Borrower;
  /** Of the borrower's box; slivers of one slice share a network. Undefined: it has none. */
  slice?: string | undefined;
  spec: SliverSpec;
  leaseEndMs: number;
}

export interface Wish extends Booking {
  nowMs: number;
  /** Of the host. */
  zone: string;
}

export type Refusal =
  | "bad-wish"
  | "lends-nothing"
  | "not-for-you"
  | "no-vms"
  | "reach-too-wide"
  | "lease-too-long"
  /** The host has given notice. */
  | "evicted"
  /** Another sliver has this id. */
  | "id-taken"
  | "too-many-slivers"
  /** It would be more than one borrower may have. */
  | "share-used-up"
  /** There is room, for borrowers who lend more of what they have. */
  | "kept-for-lenders"
  | "no-room";

export type Verdict =
  | { state: "granted"; price: number }
  /** `lacks`: in which dimension, where that is the reason. */
  | { state: "refused"; why: Refusal; lacks?: ResourceName };

/**
 * What the host answers. A wish that is booked already, with the same content, is granted again: who asks twice
 * because an answer was lost gets one sliver.
 */
export function judge(policy: LendPolicy, books: ReadonlyMap<string, Booking>, wish: Wish): Verdict {
  const why = refusedFor(policy, books, wish);
  if (why) return why;
  const { borrower, spec, zone } = wish;
  const hours = (wish.leaseEndMs - wish.nowMs) / 3_600_000;
  const price = borrower.zone === zone && zone !== "" ? 0 : policy.priceAcrossZones * spec.cores * hours;
  return { state: "granted", price };
}

function refusedFor(policy: LendPolicy, books: ReadonlyMap<string, Booking>, wish: Wish): Verdict | undefined {
  const { spec, borrower, sliver, leaseEndMs, nowMs } = wish;
  if (!isSensible(wish)) return refused("bad-wish");
  if (policy.to === "nobody" || policy.slivers === 0 || policy.lent.cores === 0) return refused("lends-nothing");
  if (!isWelcome(policy, wish)) return refused("not-for-you");
  if (spec.kind === "vm" && !policy.vms) return refused("no-vms");
  if (REACHES.indexOf(spec.reach) > REACHES.indexOf(policy.reach)) return refused("reach-too-wide");
  if (leaseEndMs - nowMs > Math.min(policy.leaseMaxMs, LEASE_MAX_MS)) return refused("lease-too-long");
  const there = books.get(sliver);
  if (there) return there.borrower.box === borrower.box && isSame(there.spec, spec) ? undefined : refused("id-taken");
  if (books.size >= Math.min(policy.slivers, HOST_SLIVERS_MAX)) return refused("too-many-slivers");
  return roomFor(policy, [...books.values()], wish);
}

function roomFor(policy: LendPolicy, booked: readonly Booking[], { spec, borrower }: Wish): Verdict | undefined {
  const { lent } = policy;
  const used = sumOf(booked.map((one) => one.spec));
  const lacks = lacking(spec, minus(lent, used));
  if (lacks) return refused("no-room", lacks);
  const own = sumOf(booked.filter((one) => one.borrower.box === borrower.box).map((one) => one.spec));
  const overOwn = lacking(spec, minus(partOf(lent, policy.perBorrower), own));
  if (overOwn) return refused("share-used-up", overOwn);
  if (policy.priority === "arrival") return undefined;
  const kept = KEPT_FOR_LENDERS * (1 - Math.min(1, Math.max(0, borrower.effort)));
  const overKept = lacking(spec, minus(partOf(lent, 1 - kept), used));
  return overKept && refused("kept-for-lenders", overKept);
}

function isWelcome({ to, named }: LendPolicy, { borrower, zone }: Wish): boolean {
  if (to === "zone") return zone !== "" && borrower.zone === zone;
  return to === "community" || named.includes(borrower.owner);
}

/** Bounds that hold whatever a host allows; numbers come from strangers. */
function isSensible({ spec, leaseEndMs, nowMs }: Wish): boolean {
  const areNumbers = RESOURCE_NAMES.every((name) => Number.isSafeInteger(spec[name]) && spec[name] >= 0);
  return (
    areNumbers &&
    spec.cores >= 1 &&
    spec.cores <= CORES_MAX &&
    spec.memoryBytes >= SLIVER_MEMORY_BYTES_MIN &&
    spec.memoryBytes <= BYTES_MAX &&
    spec.diskBytes >= SLIVER_DISK_BYTES_MIN &&
    spec.diskBytes <= BYTES_MAX &&
    spec.egressBytesPerS <= BYTES_MAX &&
    /^[0-9a-f]{64}$/.test(spec.image) &&
    Number.isSafeInteger(leaseEndMs) &&
    leaseEndMs > nowMs
  );
}

function isSame(a: SliverSpec, b: SliverSpec): boolean {
  return (
    a.kind === b.kind &&
    a.image === b.image &&
    a.reach === b.reach &&
    RESOURCE_NAMES.every((name) => a[name] === b[name])
  );
}

function refused(why: Refusal, lacks?: ResourceName): Verdict {
  return lacks === undefined ? { state: "refused", why } : { state: "refused", why, lacks };
}
