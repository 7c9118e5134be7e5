/**
 * Everything that gossip knows, box or not: the list, finding one by what people call it, and how far two are apart.
 * What a box is in the community (owner, services, pending) stands in boxes.ts; here it is what others hear of it.
 */
import type { Clock } from "../../kernel/clock.ts";
import { fail as kernelFail } from "../../kernel/errors.ts";
import { isExpression, matches } from "../../protocols/membership/tag-filter.ts";
import type { Member, MemberStatus } from "../../protocols/membership/types.ts";
import type { Tags } from "../../protocols/membership/tags.ts";
import { estimateRttMs } from "../../protocols/membership/vivaldi.ts";
import { isAgentName } from "./agents.ts";
import { nameOfExcluded } from "./boxes.ts";
import type { BoxTags } from "./boxes.ts";
import { meshErrors } from "./contract.ts";
import { readBoxBody } from "./kinds.ts";
import type { Session } from "./session.ts";

/** Characters of a box's id that are shown beside its name. */
export const SHORT_ID_LENGTH = 8;
const REF_LENGTH_MIN = 4;

/** box: a member of the community. newcomer: named like a box, its admission has not arrived. agent: no box at all. */
export type MemberKind = "box" | "newcomer" | "agent";

export interface MemberView {
  /** The name in gossip: a box's id, or what an agent calls itself. */
  id: string;
  name: string;
  kind: MemberKind;
  self: boolean;
  status: MemberStatus;
  address: string;
  port: number;
  sinceMs: number;
  tags: Tags;
  incarnation: number;
  protocol: number;
  /** Estimated round trip from here, and how old its coordinate is; both null before there is one. */
  rttMs: number | null;
  rttAgeMs: number | null;
}

export interface MembersNeeds {
  clock: Clock;
  selfId: string;
}

/** This box first, then by name. */
export function listMembers({ clock, selfId }: MembersNeeds, session: Session): MemberView[] {
  const { core } = session.gossip;
  const nowMs = clock.monotonicMs();
  const own = core.coordinate();
  const views = core.members().map((member): MemberView => {
    const self = member.name === selfId;
    const { coordinate, coordinateAtMs = nowMs } = member;
    return {
      id: member.name,
      name: nameOfMember(session, member),
      kind: kindOf(session, member.name),
      self,
      status: member.status,
      address: member.address,
      port: member.port,
      sinceMs: clock.wallMs() - (nowMs - member.statusSinceMs),
      tags: member.tags,
      incarnation: member.incarnation,
      protocol: member.protocol,
      rttMs: self ? 0 : coordinate ? estimateRttMs(own, coordinate) : null,
      rttAgeMs: self ? 0 : coordinate ? nowMs - coordinateAtMs : null,
    };
  });
  return views.sort((a, b) => Number(b.self) - Number(a.self) || a.name.localeCompare(b.name));
}

export interface MembersWanted {
  status?: MemberStatus | undefined;
  /** "key=value"; the value must be the whole one. */
  tag?: string | undefined;
  /** A part of the name or of the id, in any case; or an expression in Serf's manner. */
  name?: string | undefined;
}

/** Throws `bad-input` when `name` is neither a part of any name nor an expression. */
export function filterMembers(members: readonly MemberView[], { status, tag, name }: MembersWanted): MemberView[] {
  const [key, value] = tag === undefined ? [] : splitTag(tag);
  const part = name?.toLowerCase();
  const isNamed = (text: string) =>
    part === undefined || text.toLowerCase().includes(part) || matches(part, text.toLowerCase());
  if (part !== undefined && !isExpression(part) && !members.some((one) => isNamed(one.name) || isNamed(one.id))) {
    throw kernelFail("bad-input", { params: { field: "name", reason: "not a pattern that is understood here" } });
  }
  return members.filter(
    (one) =>
      (status === undefined || one.status === status) &&
      (key === undefined || one.tags[key] === value) &&
      (isNamed(one.name) || isNamed(one.id)),
  );
}

export function splitTag(tag: string): [key: string, value: string] {
  const at = tag.indexOf("=");
  return [tag.slice(0, at), tag.slice(at + 1)];
}

/** By id, by a beginning of it that only one has, or by name. Throws `member-unknown`, `box-ambiguous`. */
export function findMember(members: readonly MemberView[], ref: string): MemberView {
  const exact = members.find((one) => one.id === ref);
  if (exact) return exact;
  const named = members.filter((one) => one.name.toLowerCase() === ref.toLowerCase());
  const begins = ref.length >= REF_LENGTH_MIN ? members.filter((one) => one.id.startsWith(ref)) : [];
  const found = named.length > 0 ? named : begins;
  if (found.length > 1) throw meshErrors.fail("box-ambiguous", { params: { box: ref } });
  if (!found[0]) throw meshErrors.fail("member-unknown", { params: { member: ref } });
  return found[0];
}

export interface Rtt {
  rttMs: number;
  /** Of the older one of the two coordinates. */
  ageMs: number;
}

/** The estimated round trip between two members. Throws `coordinate-unknown`. */
export function estimateRtt({ clock, selfId }: MembersNeeds, session: Session, a: MemberView, b: MemberView): Rtt {
  if (a.id === b.id) return { rttMs: 0, ageMs: 0 };
  const { core } = session.gossip;
  const place = (view: MemberView) => {
    if (view.id === selfId) return { coordinate: core.coordinate(), ageMs: 0 };
    const { coordinate, coordinateAtMs } = core.member(view.id) ?? {};
    if (!coordinate) throw meshErrors.fail("coordinate-unknown", { params: { member: view.name } });
    return { coordinate, ageMs: clock.monotonicMs() - (coordinateAtMs ?? 0) };
  };
  const [one, other] = [place(a), place(b)];
  return { rttMs: estimateRttMs(one.coordinate, other.coordinate), ageMs: Math.max(one.ageMs, other.ageMs) };
}

export function kindOf(session: Session, name: string): MemberKind {
  if (isAgentName(name)) return "agent";
  return session.isMember(name) ? "box" : "newcomer";
}

/** What people call a member: a box by its record, else by its tag; an agent by its own name. */
export function nameOfMember(session: Session | undefined, member: Member): string {
  if (isAgentName(member.name)) return member.name;
  return (session && recordedName(session, member.name)) || shownTag(member.tags) || shortId(member.name);
}

export function nameOfBox(session: Session, box: string): string {
  const recorded = recordedName(session, box);
  if (recorded) return recorded;
  const excluded = session.isExcluded(box) ? nameOfExcluded(session, box).name : "";
  return excluded || shownTag(session.gossip.core.member(box)?.tags) || shortId(box);
}

export function shortId(id: string): string {
  return id.slice(0, SHORT_ID_LENGTH);
}

function recordedName(session: Session, box: string): string {
  const record = session.replica.core.get(box, "box", "self");
  return (record && readBoxBody(record.body)?.name) || "";
}

/** The name that a box says in its tags; it comes from others, so it is looked at first. */
function shownTag(tags: Tags | undefined): string {
  const told = (tags as (BoxTags & { n?: string }) | undefined)?.n ?? "";
  return told.length <= 40 && !/\p{C}/u.test(told) ? told : "";
}
