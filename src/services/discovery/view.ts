/**
 * Puts together what is shown of a service: its record, its box, and its quality from here.
 */
import { isoTime } from "../../kernel/clock.ts";
import type { BoxView } from "../mesh/client.ts";
import type { ServiceBody } from "./body.ts";
import type { ServiceView } from "./client.ts";
import { serviceUrl, typeFacts } from "./kinds.ts";
import type { CheckKind } from "./kinds.ts";
import type { MeasuredFacts } from "./measure.ts";
import { qualityScore } from "./quality.ts";
import type { QualityFacts } from "./quality.ts";

/** A service whose box is away stays in the list, grey, for this long. */
export const AWAY_SHOWN_MS = 600_000;
/** A load that was said longer ago is not used. Up to 1,400 boxes say theirs oftener than that (mesh/telling.ts). */
export const LOAD_AGE_MS_MAX = 25 * 60_000;
/** How many characters of the box id begin a service's id. */
const ID_BOX_LENGTH = 16;

export function serviceId(boxId: string, key: string): string {
  return `${boxId.slice(0, ID_BOX_LENGTH)}-${key}`;
}

export interface ViewParts {
  box: BoxView;
  key: string;
  body: ServiceBody;
  /** What the own box knows beyond the record. */
  own?: { state: ServiceView["state"]; reason: string | null };
  measured: (id: string, host: string) => MeasuredFacts;
  nowMs: number;
}

export function viewOf({ box, key, body, own, measured, nowMs }: ViewParts): ServiceView {
  const boxUp = box.self || box.state === "up" || box.state === "suspect";
  const host = body.host ?? box.address ?? "";
  const id = serviceId(box.id, key);
  const facts = measured(id, host);
  const isUp = boxUp && (own?.state ?? "up") === "up";
  return {
    id,
    title: body.title,
    description: body.description,
    type: body.type,
    category: body.category,
    scope: body.scope,
    open: body.open,
    box: box.name,
    boxId: box.id,
    zone: box.zone,
    owner: box.owner,
    own: box.self,
    state: own?.state ?? (boxUp ? "up" : "away"),
    reason: own?.reason ?? null,
    host,
    port: body.port,
    path: body.path,
    url: host ? serviceUrl(body.scheme, host, body.port, body.path) : "",
    action: body.scheme === "http" || body.scheme === "https" ? typeFacts(body.type).action : "copy",
    since: isoTime(body.sinceMs),
    version: body.version,
    quality: qualityOf(box, isUp, facts, facts.refused ? "none" : typeFacts(body.type).check, nowMs),
  };
}

/** Figures of now, each with its age; of a box that is away only what was measured while it was there. */
function qualityOf(
  box: BoxView,
  isUp: boolean,
  { summary, host }: MeasuredFacts,
  method: CheckKind,
  nowMs: number,
): ServiceView["quality"] {
  const facts = qualityFacts(box, isUp, summary, nowMs);
  const rtt = isUp ? roundTrip(box, summary, host) : undefined;
  return {
    score: qualityScore(facts),
    method,
    reachable: facts.reachable,
    rttMs: rounded(rtt?.ms ?? null),
    rttSource: rtt?.source ?? null,
    rttAt: rtt ? isoTime(rtt.atMs) : null,
    firstByteMs: rounded(facts.firstByteMs),
    lossPercent: summary ? percent(summary.loss) : null,
    lossSamples: summary?.recent ?? 0,
    success7dPercent: summary ? percent(summary.answered / summary.samples) : null,
    samples: facts.samples,
    load: facts.load,
    loadAt: facts.load === null ? null : isoTime(box.loadAtMs!),
    measuredAt: summary ? isoTime(summary.last.atMs) : null,
  };
}

export function qualityFacts(
  box: BoxView,
  isUp: boolean,
  summary: MeasuredFacts["summary"],
  nowMs: number,
): QualityFacts {
  const loadIsFresh = box.load !== null && box.loadAtMs !== null && nowMs - box.loadAtMs <= LOAD_AGE_MS_MAX;
  return {
    boxUp: isUp,
    reachable: summary ? summary.last.ok : null,
    rttMs: summary?.rttMs ?? null,
    firstByteMs: summary?.firstByteMs ?? null,
    loss: summary?.loss ?? 0,
    samples: summary?.samples ?? 0,
    answered: summary?.answered ?? 0,
    load: loadIsFresh ? box.load : null,
  };
}

/** The newest that was measured, of this service or of another one on the same host; else the estimate. */
function roundTrip(
  box: BoxView,
  summary: MeasuredFacts["summary"],
  host: MeasuredFacts["host"],
): { ms: number; atMs: number; source: "estimate" | "measured" } | undefined {
  const lastMs = summary?.last.atMs ?? -Infinity;
  if (host && host.atMs > lastMs) return { ms: host.rttMs, atMs: host.atMs, source: "measured" };
  if (summary && summary.rttMs !== null) return { ms: summary.rttMs, atMs: lastMs, source: "measured" };
  if (box.self || box.rttMs === null || box.rttAtMs === null) return undefined;
  return { ms: box.rttMs, atMs: box.rttAtMs, source: "estimate" };
}

function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 10) / 10;
}

function percent(share: number | null): number | null {
  return share === null ? null : Math.round(share * 100);
}

export interface Filter {
  q?: string;
  type?: string;
  category?: string;
  zone?: string;
  box?: string;
  all: boolean;
}

/** Lower case, without accents: "educacio" finds "Educació". */
export function folded(text: string): string {
  return text.normalize("NFD").replaceAll(/\p{M}/gu, "").toLowerCase();
}

export function matches(service: ServiceView, filter: Filter): boolean {
  if (filter.type && service.type !== filter.type) return false;
  if (filter.category && service.category !== filter.category) return false;
  if (filter.zone && folded(service.zone) !== folded(filter.zone)) return false;
  if (filter.box && service.boxId !== filter.box && folded(service.box) !== folded(filter.box)) return false;
  if (!filter.q) return true;
  const { title, description, type, category, box, zone, owner } = service;
  const text = folded([title, description, type, category, box, zone, owner].join("\n"));
  return folded(filter.q)
    .split(/\s+/)
    .every((word) => text.includes(word));
}
