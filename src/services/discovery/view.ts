/**
 * Puts together what is shown of a service: its record, its box, and its quality from here.
 */
import { isoTime } from "../../kernel/clock.ts";
import type { BoxView } from "../mesh/client.ts";
import type { ServiceBody } from "./body.ts";
import type { ServiceView } from "./client.ts";
import { serviceUrl, typeFacts } from "./kinds.ts";
import type { MeasuredFacts } from "./measure.ts";
import { qualityScore } from "./quality.ts";

/** A service whose box is away stays in the list, grey, for this long. */
export const AWAY_SHOWN_MS = 600_000;
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
  measured: MeasuredFacts;
}

export function viewOf({ box, key, body, own, measured }: ViewParts): ServiceView {
  const boxUp = box.self || box.state === "up" || box.state === "suspect";
  const host = body.host ?? box.address ?? "";
  const { last } = measured;
  // A figure from before the box went away would look like one of now.
  const rttMs = boxUp ? (last?.rttMs ?? box.rttMs) : null;
  const facts = {
    boxUp: boxUp && (own?.state ?? "up") === "up",
    reachable: last ? last.ok : null,
    rttMs,
    firstByteMs: boxUp ? (last?.firstByteMs ?? null) : null,
    loss: measured.loss,
    success7d: measured.success7d,
    load: box.load,
  };
  return {
    id: serviceId(box.id, key),
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
    quality: {
      score: qualityScore(facts),
      reachable: facts.reachable,
      rttMs: rounded(rttMs),
      rttSource: boxUp && last?.rttMs != null ? "measured" : rttMs === null ? null : "estimate",
      firstByteMs: rounded(facts.firstByteMs),
      lossPercent: percent(measured.loss),
      success7dPercent: percent(measured.success7d),
      load: box.load,
      measuredAt: last ? isoTime(last.atMs) : null,
    },
  };
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
