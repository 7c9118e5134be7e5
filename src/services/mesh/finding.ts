/**
 * Finding the other boxes again: after a start, and when some do not answer. Addresses are remembered from earlier;
 * there is no fixed place to ask.
 */
import type { Random } from "../../kernel/random.ts";
import type { Membership } from "../../protocols/records/membership-rules.ts";
import type { Records } from "../../protocols/records/records.ts";
import type { Gossip } from "./gossip.ts";
import { readBoxBody } from "./kinds.ts";
import type { Address } from "./peers.ts";
import type { MeshStore } from "./store.ts";

/** Addresses tried in one go. */
const ADDRESSES_TRIED_MAX = 16;
/** Members asked in turn when none answers gossip. */
const MEMBERS_ASKED_MAX = 8;

export interface FindingNeeds {
  selfId: string;
  random: Random;
  rows: MeshStore;
  gossip: () => Gossip;
  isExcluded: (box: string) => boolean;
  /** No other box answers. */
  isAlone: boolean;
}

/**
 * Alone, all known addresses are tried. Otherwise one that does not answer: two halves of a community that both
 * started again while they were cut off from one another would never meet by gossip alone.
 */
export function lookForOthers({ selfId, random, rows, gossip, isExcluded, isAlone }: FindingNeeds): void {
  const { core, join } = gossip();
  const answers = (box: string) => {
    const status = core.member(box)?.status;
    return status === "alive" || status === "suspect" || status === "leaving";
  };
  const missing = rows.addresses().filter(({ box }) => box !== selfId && !isExcluded(box) && !answers(box));
  const first = isAlone ? 0 : random.below(missing.length || 1);
  const tried = missing.slice(first, first + (isAlone ? ADDRESSES_TRIED_MAX : 1));
  if (tried.length > 0) void join(tried.map(({ address, port }) => ({ address, port })));
}

/** Where a box listens: as gossip knows it, else as its record says, else as it was when last seen. */
export function addressOf(box: string, gossip: Gossip, core: Records, rows: MeshStore): Address | undefined {
  const member = gossip.core.member(box);
  if (member) return { address: member.address, port: member.port };
  const record = core.get(box, "box", "self");
  const body = record && readBoxBody(record.body);
  if (body?.address) return { address: body.address, port: body.meshPort };
  const known = rows.addresses().find((one) => one.box === box);
  return known && { address: known.address, port: known.port };
}

/** The others that answer; last those that are suspected, which are mostly just busy and must hear our news, too. */
export function boxesUp({ core }: Gossip, selfId: string): string[] {
  const others = core.members().filter((member) => member.name !== selfId);
  const names = (status: string) => others.filter((one) => one.status === status).map((one) => one.name);
  return [...names("alive"), ...names("suspect")];
}

/**
 * Whom a newcomer asks although nothing that it holds proves yet that they belong: the box that let it in, and those
 * that this one named (`named`, in this order). What they answer proves itself, and the newcomer has nothing to tell
 * but about itself. With the join of who let it in they have done their part: from then on membership decides.
 */
export function guidesOf(view: Membership | undefined, named: readonly string[]): readonly string[] {
  const [sponsor] = named;
  if (!view || sponsor === undefined || view.joined.has(sponsor)) return [];
  return named.filter((box) => !view.excluded.has(box));
}

/** Those of them at whose last address one can try, the one seen last first. */
export function boxesSeen(mayAsk: (box: string) => boolean, rows: MeshStore, selfId: string): string[] {
  const seen = rows.addresses().filter(({ box }) => box !== selfId && mayAsk(box));
  return seen.map(({ box }) => box);
}

/** Some of these of whom an address is known, in random order. */
export function boxesKnown(
  boxes: readonly string[],
  random: Random,
  selfId: string,
  at: (box: string) => Address | undefined,
): string[] {
  const others = boxes.filter((box) => box !== selfId);
  const start = random.below(others.length || 1);
  const turned = [...others.slice(start), ...others.slice(0, start)];
  const known: string[] = [];
  for (const box of turned) {
    if (at(box)) known.push(box);
    if (known.length >= MEMBERS_ASKED_MAX) break;
  }
  return known;
}
