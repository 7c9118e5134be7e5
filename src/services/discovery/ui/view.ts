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

/** 0 to 4 bars; null while nothing is known. A service that does not answer has none. */
export function level({ score, reachable }: Quality): number | null {
  if (reachable === false) return 0;
  if (score === null) return null;
  return Math.min(4, Math.max(1, Math.ceil(score / 25)));
}

const QUALITY_WORDS = ["none", "poor", "fair", "good", "best"] as const;

export function levelWord(at: number | null): "unknown" | (typeof QUALITY_WORDS)[number] {
  return at === null ? "unknown" : (QUALITY_WORDS[at] ?? "unknown");
}

const STATE_RANK = { up: 0, failing: 1, away: 2, withdrawn: 3 } as const;

function byTitle(a: Service, b: Service): number {
  return a.title < b.title ? -1 : a.title > b.title ? 1 : a.id < b.id ? -1 : 1;
}

/** Whatever is up comes first; what is unknown comes after what is known. */
function comparison(sort: Sort): (a: Service, b: Service) => number {
  const rank = (a: Service, b: Service) => STATE_RANK[a.state] - STATE_RANK[b.state];
  if (sort === "title") return byTitle;
  if (sort === "newest") return (a, b) => (a.since < b.since ? 1 : a.since > b.since ? -1 : byTitle(a, b));
  if (sort === "distance") {
    return (a, b) => rank(a, b) || (a.quality.rttMs ?? Infinity) - (b.quality.rttMs ?? Infinity) || byTitle(a, b);
  }
  return (a, b) => rank(a, b) || (b.quality.score ?? -1) - (a.quality.score ?? -1) || byTitle(a, b);
}

/** NaN arises from Infinity - Infinity; two unknown distances are equal. */
function safely(compare: (a: Service, b: Service) => number): (a: Service, b: Service) => number {
  return (a, b) => compare(a, b) || byTitle(a, b);
}

/** Sorts once; filtering keeps the order, so that a key press never sorts again. */
export function sorted(services: readonly Service[], sort: Sort): Service[] {
  return services.toSorted(safely(comparison(sort)));
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
