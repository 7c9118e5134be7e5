/**
 * The boxes as this one sees them: put together from admission (who belongs), records (what each says of itself) and
 * gossip (who answers).
 */
import type { Clock } from "../../kernel/clock.ts";
import { estimateRttMs } from "../../protocols/membership/vivaldi.ts";
import type { Member } from "../../protocols/membership/types.ts";
import type { BoxState, BoxView } from "./client.ts";
import { readBoxBody, readRequestBody } from "./kinds.ts";
import type { BoxBody } from "./kinds.ts";
import type { Session } from "./session.ts";
import type { MeshStore } from "./store.ts";

/** Tags of gossip: one letter each, since all of them share 512 bytes with every packet about the box. */
export interface BoxTags {
  /** Load per core times 100. */
  l?: string;
  /** When it said so: minutes since 1970 in base 36, by its own clock. */
  t?: string;
  /** Health: o(k), i(nfo), w(arning), e(rror). */
  h?: string;
  /** The newest gossip key that it holds: number, and the beginning of its check. */
  k?: string;
}

const MINUTE_MS = 60_000;

export function saidAt(wallMs: number): string {
  return Math.floor(wallMs / MINUTE_MS).toString(36);
}

const HEALTH = { o: "ok", i: "info", w: "warning", e: "error" } as const;

export interface BoxesNeeds {
  clock: Clock;
  rows: MeshStore;
  selfId: string;
  /** What this box says of itself, fresher than its record. */
  self: () => BoxBody;
  selfHealth: () => BoxView["health"];
  selfLoad: () => number;
}

/** All boxes of the community, this one first; the pending and the excluded last. */
export function listBoxes(needs: BoxesNeeds, session: Session | undefined): BoxView[] {
  const self = selfView(needs, session);
  const view = session?.admission.view();
  if (!session || !view) return [self];
  const known = new Map(needs.rows.addresses().map((one) => [one.box, one.seenMs]));
  const members = new Map(session.gossip.core.members().map((member) => [member.name, member]));
  const others = [...view.members.keys()].filter((id) => id !== needs.selfId);
  const shown = others.map((id) => memberView(needs, session, id, members.get(id), () => known.get(id)));
  const pending = pendingBoxes(session).filter((box) => !view.members.has(box.id) && !view.excluded.has(box.id));
  const excluded = [...view.excluded.keys()].map((id) => emptyView(id, "excluded", nameOfExcluded(session, id)));
  return [self, ...shown.sort((a, b) => a.name.localeCompare(b.name)), ...pending, ...excluded];
}

/** What the list of all boxes says of one, without making it: this is asked for often. */
export function viewOfBox(needs: BoxesNeeds, session: Session | undefined, id: string): BoxView | undefined {
  if (id === needs.selfId) return selfView(needs, session);
  if (!session?.admission.view()?.members.has(id)) return listBoxes(needs, session).find((box) => box.id === id);
  const member = session.gossip.core.member(id);
  const seenMs = () => needs.rows.addresses().find(({ box }) => box === id)?.seenMs;
  return memberView(needs, session, id, member, seenMs);
}

/** What the steward wrote down of a box whose own records are gone. */
export function nameOfExcluded(session: Session, id: string): Partial<BoxBody> {
  const by = session.admission.view()!.excluded.get(id)!.by;
  const body = (session.replica.core.get(by, "exclude", id)?.body ?? {}) as Record<string, unknown>;
  const text = (value: unknown) => (typeof value === "string" && !/\p{Cc}/u.test(value) ? value.slice(0, 60) : "");
  return { name: text(body["name"]), owner: text(body["owner"]) };
}

/** What a box says of itself; before it has said anything, what it said when it asked to join. */
function bodyOrRequest(session: Session, id: string): Partial<BoxBody> | undefined {
  const said = boxBody(session, id);
  if (said) return said;
  const request = session.replica.core.list("request").find((record) => record.key === id);
  return request && readRequestBody(request.body);
}

function boxBody(session: Session, id: string): BoxBody | undefined {
  const record = session.replica.core.get(id, "box", "self");
  return record && readBoxBody(record.body);
}

function emptyView(id: string, state: BoxState, body?: Partial<BoxBody>): BoxView {
  return {
    id,
    name: body?.name || id.slice(0, 8),
    owner: body?.owner ?? "",
    zone: body?.zone ?? "",
    state,
    self: false,
    steward: false,
    address: body?.address || null,
    meshPort: body?.meshPort ?? null,
    webPort: body?.webPort ?? null,
    version: body?.version ?? "",
    rttMs: null,
    rttAtMs: null,
    answersAt: null,
    seenMs: null,
    sinceMs: null,
    startedMs: body?.startedMs ?? null,
    load: null,
    loadAtMs: null,
    health: null,
  };
}

function selfView(needs: BoxesNeeds, session: Session | undefined): BoxView {
  const view = session?.admission.view();
  return {
    ...emptyView(needs.selfId, session?.isExcluded(needs.selfId) ? "excluded" : "up", needs.self()),
    self: true,
    steward: view?.stewards.has(needs.selfId) ?? false,
    rttMs: 0,
    rttAtMs: needs.clock.wallMs(),
    seenMs: needs.clock.wallMs(),
    sinceMs: view?.joined.get(needs.selfId)?.since ?? null,
    load: needs.selfLoad(),
    loadAtMs: needs.clock.wallMs(),
    health: needs.selfHealth(),
  };
}

function memberView(
  needs: BoxesNeeds,
  session: Session,
  id: string,
  member: Member | undefined,
  seenMs: () => number | undefined,
): BoxView {
  const view = session.admission.view()!;
  const sinceStatusMs = member ? needs.clock.monotonicMs() - member.statusSinceMs : 0;
  const base = emptyView(id, stateOf(member, sinceStatusMs > session.suspectShownMs), bodyOrRequest(session, id));
  const tags = (member?.tags ?? {}) as BoxTags;
  const present = base.state === "up" || base.state === "suspect";
  const own = session.gossip.core.coordinate();
  return {
    ...base,
    address: base.address ?? member?.address ?? null,
    steward: view.stewards.has(id),
    rttMs: present && member?.coordinate ? Math.round(estimateRttMs(own, member.coordinate) * 10) / 10 : null,
    seenMs: present ? needs.clock.wallMs() : member ? needs.clock.wallMs() - sinceStatusMs : (seenMs() ?? null),
    sinceMs: view.joined.get(id)?.since ?? null,
    ...(present ? loadOf(tags, needs.clock.wallMs()) : {}),
    answersAt: present ? (member?.address ?? null) : null,
    rttAtMs:
      present && member?.coordinateAtMs !== undefined
        ? needs.clock.wallMs() - (needs.clock.monotonicMs() - member.coordinateAtMs)
        : null,
    health: present && tags.h !== undefined ? (HEALTH[tags.h as "o"] ?? null) : null,
  };
}

/** A load without its time is none: nobody could tell whether it still holds. A clock that is ahead says "now". */
export function loadOf({ l, t }: BoxTags, nowMs: number): { load: number; loadAtMs: number } | undefined {
  const load = /^\d{1,6}$/.test(l ?? "") ? Number(l) / 100 : undefined;
  const saidMs = /^[0-9a-z]{1,7}$/.test(t ?? "") ? Number.parseInt(t!, 36) * MINUTE_MS : undefined;
  return load === undefined || saidMs === undefined ? undefined : { load, loadAtMs: Math.min(nowMs, saidMs) };
}

function stateOf(member: Member | undefined, isLong: boolean): BoxState {
  if (member?.status === "alive" || member?.status === "leaving") return "up";
  return member?.status === "suspect" && !isLong ? "suspect" : "away";
}

function pendingBoxes(session: Session): BoxView[] {
  const pending = new Map<string, BoxView>();
  for (const record of session.replica.core.list("request")) {
    const request = readRequestBody(record.body);
    if (request && request.box === record.key) {
      pending.set(request.box, { ...emptyView(request.box, "pending", request), sinceMs: request.atMs });
    }
  }
  return [...pending.values()];
}
