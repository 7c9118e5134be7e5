/**
 * Finding the other boxes again: after a start, and when some do not answer. Addresses are remembered from earlier;
 * there is no fixed place to ask.
 */
import type { Random } from "../../kernel/random.ts";
import type { Gossip } from "./gossip.ts";
import type { MeshStore } from "./store.ts";

/** Addresses tried in one go. */
const ADDRESSES_TRIED_MAX = 16;

export interface FindingNeeds {
  selfId: string;
  random: Random;
  rows: MeshStore;
  gossip: () => Gossip;
  isExcluded: (box: string) => boolean;
}

/**
 * Alone, all known addresses are tried. Otherwise one that does not answer: two halves of a community that both
 * started again while they were cut off from one another would never meet by gossip alone.
 */
export function lookForOthers({ selfId, random, rows, gossip, isExcluded }: FindingNeeds): void {
  const { core, join } = gossip();
  const answers = (box: string) => {
    const status = core.member(box)?.status;
    return status === "alive" || status === "suspect" || status === "leaving";
  };
  const missing = rows.addresses().filter(({ box }) => box !== selfId && !isExcluded(box) && !answers(box));
  const alone = core.aliveCount() === 1;
  const first = alone ? 0 : random.below(missing.length || 1);
  const tried = missing.slice(first, first + (alone ? ADDRESSES_TRIED_MAX : 1));
  if (tried.length > 0) void join(tried.map(({ address, port }) => ({ address, port })));
}
