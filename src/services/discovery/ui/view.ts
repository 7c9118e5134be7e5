/**
 * What the list of services shows and in which order: filters, sorting, the level of quality. Pure.
 */
import type { Output } from "../../../../ui/src/api.ts";
import { type Findable, find } from "../../../../ui/src/find.ts";

export type Service = Output<"discovery.list">[number];
export type Quality = Service["quality"];
export type Category = Service["category"];

export const SORTS = ["quality", "distance", "title", "newest"] as const;
export type Sort = (typeof SORTS)[number];

export interface Wish {
  query: string;
  category: string;
  zone: string;
  owner: string;
  sort: Sort;
}

export const NO_WISH: Wish = { query: "", category: "", zone: "", owner: "", sort: "quality" };

export function wordsOf(service: Service): string[] {
  return [service.title, service.description, service.type, service.category, service.box, service.zone, service.owner];
}

const QUALITY_WORDS = ["none", "poor", "fair", "good", "best"] as const;

export interface Mark {
  /** 0 to 4 bars; null while nothing was measured: no bars is an answer, none drawn is not. */
  level: number | null;
  word: (typeof QUALITY_WORDS)[number] | "unmeasured" | "unmeasurable" | "off";
}

/** Only what was measured from here gets a word of praise or blame. */
export function markOf({ state, quality }: Pick<Service, "state" | "quality">): Mark {
  const { score, reachable, method } = quality;
  if (state === "away" || state === "withdrawn") return { level: null, word: "off" };
  if (state === "failing" || reachable === false) return { level: 0, word: "none" };
  if (score === null) return { level: null, word: method === "none" ? "unmeasurable" : "unmeasured" };
  const level = Math.min(4, Math.max(1, Math.ceil(score / 25)));
  return { level, word: QUALITY_WORDS[level]! };
}

/** A good one before one not measured, that before one that does not answer. */
function qualityRank({ quality }: Service): number {
  if (quality.score === null) return 0;
  return quality.score > 0 ? quality.score : -1;
}

/** Two unknown distances are equal, not NaN. */
function byDistance(a: Service, b: Service): number {
  return (a.quality.rttMs ?? Number.MAX_VALUE) - (b.quality.rttMs ?? Number.MAX_VALUE);
}

const STATE_RANK = { up: 0, failing: 1, away: 2, withdrawn: 3 } as const;

function byTitle(a: Service, b: Service): number {
  return a.title < b.title ? -1 : a.title > b.title ? 1 : a.id < b.id ? -1 : 1;
}

/** Whatever is up comes first; what was not measured comes after what was, the nearest first. */
function comparison(sort: Sort): (a: Service, b: Service) => number {
  const rank = (a: Service, b: Service) => STATE_RANK[a.state] - STATE_RANK[b.state];
  if (sort === "title") return byTitle;
  if (sort === "newest") return (a, b) => (a.since < b.since ? 1 : a.since > b.since ? -1 : byTitle(a, b));
  if (sort === "distance") return (a, b) => rank(a, b) || byDistance(a, b) || byTitle(a, b);
  return (a, b) => rank(a, b) || qualityRank(b) - qualityRank(a) || nearerUnmeasured(a, b) || byTitle(a, b);
}

/** Among those that were not measured the estimate is all there is. */
function nearerUnmeasured(a: Service, b: Service): number {
  return a.quality.score === null && b.quality.score === null ? byDistance(a, b) : 0;
}

/** Sorts once; filtering keeps the order, so that a key press never sorts again. */
export function sorted(services: readonly Service[], sort: Sort): Service[] {
  return services.toSorted(comparison(sort));
}

export function filtered(entries: readonly Findable<Service>[], wish: Wish): Service[] {
  return find(entries, wish.query).filter(
    (service) =>
      (!wish.category || service.category === wish.category) &&
      (!wish.zone || service.zone === wish.zone) &&
      (!wish.owner || service.owner === wish.owner),
  );
}

export interface Tally {
  value: string;
  count: number;
}

/** How many services each value has, most first. */
export function tally(services: readonly Service[], key: "category" | "zone" | "owner"): Tally[] {
  const counts = new Map<string, number>();
  for (const service of services) counts.set(service[key], (counts.get(service[key]) ?? 0) + 1);
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .toSorted((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
}
