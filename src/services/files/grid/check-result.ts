/** What a check says of a file, made of which good shares were seen where. */
import { happiness } from "../../../protocols/grid/placement.ts";
import type { CheckResult, Encoding, ShareSeen } from "./grid.ts";
import type { GridServer } from "./server.ts";

export interface CheckFacts {
  storageIndex: string;
  needed: number;
  total: number;
  /** Good shares, as far as was looked. */
  shares: readonly ShareSeen[];
  damaged: readonly ShareSeen[];
  silent: readonly string[];
  versions: number;
}

export function checkResult(
  { encoding, servers }: { encoding: () => Encoding; servers: () => readonly GridServer[] },
  facts: CheckFacts,
): CheckResult {
  const { shares, needed, total, versions } = facts;
  const good = new Set(shares.map(({ share }) => share)).size;
  const ids = new Set(shares.map(({ server }) => server));
  const holders = servers().filter(({ id }) => ids.has(id));
  const spread = happiness(shares);
  const isWhole = good >= total && spread >= Math.min(encoding().happy, total) && versions <= 1;
  return {
    storageIndex: facts.storageIndex,
    state: good < needed ? "lost" : isWhole ? "healthy" : "weak",
    needed,
    total,
    good,
    happiness: spread,
    servers: ids.size,
    // Those of whom nothing is known count as one: they may well be.
    owners: new Set(holders.map(({ owner }) => owner)).size,
    zones: new Set(holders.map(({ zone }) => zone)).size,
    shares: shares.toSorted(byShare),
    damaged: facts.damaged.toSorted(byShare),
    silent: [...facts.silent],
    versions,
  };
}

/**
 * All that is missing would come to lie on one server of several: then nothing is safer than before, and what lies
 * there is in the way when the others come back.
 */
export function hangsOnOne({ silent }: Pick<CheckResult, "silent">, servers: readonly GridServer[]): boolean {
  const answering = servers.filter((server) => server.state() !== "away" && !silent.includes(server.id));
  return servers.length > 1 && answering.length <= 1;
}

/** Of a file that is in its cap: nothing can happen to it. */
export function literalResult(): CheckResult {
  const none = { shares: [], damaged: [], silent: [] };
  const counts = { needed: 0, total: 0, good: 0, happiness: 0, servers: 0, owners: 0, zones: 0, versions: 1 };
  return { storageIndex: "", state: "healthy", ...counts, ...none };
}

function byShare(one: ShareSeen, other: ShareSeen): number {
  return one.share - other.share || (one.server < other.server ? -1 : 1);
}
