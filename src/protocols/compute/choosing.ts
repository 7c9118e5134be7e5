/**
 * Which hosts get the slivers of a slice, out of what hosts offered: apart as asked, then cheap, then reliable, then
 * near. The same question always gets the same answer.
 */
import { OFFERS_MAX } from "./constants.ts";

export interface Offer {
  box: string;
  owner: string;
  zone: string;
  /** Slivers of this kind that it would take. */
  fits: number;
  /** Credits, for one sliver until its lease ends. */
  price: number;
  /** Round trip; undefined when it is not known, which counts as far. */
  rttMs: number | undefined;
  /** 0 to 1: how much of the time its slivers were there that were to be there. 1 for who had none yet. */
  reliability: number;
}

/** No two slivers of the slice in the same zone, with the same owner, on the same box; or wherever there is room. */
export const APARTS = ["zone", "owner", "box", "none"] as const;
export type Apart = (typeof APARTS)[number];

export interface Choice {
  /** One box for each sliver that has a place. */
  boxes: string[];
  /** Slivers that found none. */
  missing: number;
}

/** Reliability is compared in steps of this size, so that one bad hour does not send everything far away. */
const RELIABILITY_STEP = 0.05;

/** `placed`: where other slivers of the same slice are already. */
export function chooseHosts(
  offers: readonly Offer[],
  wish: { count: number; apart: Apart; placed: readonly Pick<Offer, "box" | "owner" | "zone">[] },
): Choice {
  const left = new Map(offers.slice(0, OFFERS_MAX).map((offer) => [offer.box, offer.fits]));
  const placed = [...wish.placed];
  const boxes: string[] = [];
  while (boxes.length < wish.count) {
    const free = offers.filter(({ box }) => (left.get(box) ?? 0) > 0);
    const able = free.filter((offer) => !placed.some((other) => areTogether(offer, other, wish.apart)));
    const [best] = able.toSorted((a, b) => crowding(a, placed) - crowding(b, placed) || compareOffers(a, b));
    if (!best) break;
    left.set(best.box, left.get(best.box)! - 1);
    placed.push(best);
    boxes.push(best.box);
  }
  return { boxes, missing: wish.count - boxes.length };
}

type Place = Pick<Offer, "box" | "owner" | "zone">;

function areTogether(a: Place, b: Place, apart: Apart): boolean {
  if (apart === "none") return false;
  if (a.box === b.box) return true;
  if (apart === "box") return false;
  // A box that names no zone may stand anywhere: it is apart from others only by its owner.
  const sameOwner = a.owner === b.owner;
  return apart === "owner" ? sameOwner : a.zone === "" || b.zone === "" ? sameOwner : a.zone === b.zone;
}

/** How much of the slice would be lost together with this host, beyond what was asked for. */
function crowding(offer: Place, placed: readonly Place[]): number {
  const count = (isSame: (other: Place) => boolean) => placed.filter(isSame).length;
  return count(({ box }) => box === offer.box) * 3 + count(({ owner }) => owner === offer.owner) * 2;
}

function compareOffers(a: Offer, b: Offer): number {
  const steps = (offer: Offer) => Math.ceil(offer.reliability / RELIABILITY_STEP);
  return (
    a.price - b.price ||
    steps(b) - steps(a) ||
    (a.rttMs ?? Number.MAX_VALUE) - (b.rttMs ?? Number.MAX_VALUE) ||
    (a.box < b.box ? -1 : 1)
  );
}
