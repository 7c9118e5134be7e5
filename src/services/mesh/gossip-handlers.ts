/**
 * The endpoints about the gossip itself; their table is gossip-contract.ts.
 */
import { isoTime } from "../../kernel/clock.ts";
import type { Handlers } from "../../kernel/contract.ts";
import { roleAtLeast } from "../../kernel/contract.ts";
import { fail as kernelFail } from "../../kernel/errors.ts";
import type { Language } from "../../kernel/words.ts";
import { say } from "../../kernel/words.ts";
import { hostPort } from "../../platform/addresses.ts";
import type { System } from "../../system.ts";
import type { Broadcasting } from "./broadcasting.ts";
import { meshErrors } from "./contract.ts";
import { durationMs } from "../../kernel/duration.ts";
import type { EventLog, LoggedEvent } from "./event-log.ts";
import type { gossipEndpoints } from "./gossip-contract.ts";
import { changeKeyByHand, listKeys } from "./key-change.ts";
import type { KeyView } from "./key-change.ts";
import type { MemberView } from "./members.ts";
import { estimateRtt, filterMembers, findMember, listMembers, nameOfBox, shortId } from "./members.ts";
import type { Session } from "./session.ts";

export interface GossipHandlersNeeds {
  system: System;
  session: () => Session | undefined;
  log: EventLog;
  broadcasting: Broadcasting;
  settings: () => { profile: string; agents: boolean };
  /** Throws `not-steward`. */
  asSteward: () => Session;
  /** When and by whom the community, and with it its first key, was made. */
  founded: () => { atMs: number; by: string };
}

const { fail } = meshErrors;

export function gossipHandlers(needs: GossipHandlersNeeds): Handlers<typeof gossipEndpoints> {
  const { system, log, broadcasting } = needs;
  const selfId = system.identity.boxId;
  const of = { clock: system.clock, selfId };
  const opened = (): Session => {
    const session = needs.session();
    if (!session) throw fail("no-community");
    return session;
  };

  return {
    members(wanted) {
      const session = opened();
      return filterMembers(listMembers(of, session), wanted).map((one) => memberShape(one, session));
    },
    info: () => infoShape(opened(), needs),
    async rtt({ a, b, measure }) {
      const session = opened();
      const members = listMembers(of, session);
      const self = members.find((one) => one.self)!;
      const [from, to] =
        b === undefined ? [self, findMember(members, a)] : [findMember(members, a), findMember(members, b)];
      const { rttMs, ageMs } = estimateRtt(of, session, from, to);
      const measuredMs = measure ? await ping(broadcasting, from, to) : null;
      return {
        from: from.name,
        to: to.name,
        rttMs: rounded(rttMs),
        ageMs: Math.round(ageMs),
        measuredMs: measuredMs === null ? null : rounded(measuredMs),
      };
    },
    keyring({ reveal }, { principal, language }) {
      if (reveal && !roleAtLeast(principal.role, "host")) throw kernelFail("not-allowed", { params: { role: "host" } });
      if (reveal)
        system.log.area("mesh").info("the gossip keys were shown", { to: principal.account ?? "the terminal" });
      const session = opened();
      return listKeys(session, selfId).map((key) => keyShape(needs, session, key, language, reveal));
    },
    rotateKey(_input, { language }) {
      const session = needs.asSteward();
      changeKeyByHand(session, selfId, system.clock.wallMs());
      system.log.area("mesh").info("a new gossip key was made");
      return keyShape(needs, session, listKeys(session, selfId)[0]!, language, false);
    },
    events({ type, since, after, limit }, { language }) {
      const types = type ? [type] : undefined;
      const sinceMs = since === undefined ? undefined : timeOf(since, system.clock.wallMs());
      return log.list({ types, sinceMs, after, limit }).map((event) => eventShape(event, system, language));
    },
    sendEvent({ name, payload }) {
      const session = opened();
      broadcasting.sendEvent(name, payload);
      return { name, members: session.gossip.core.aliveCount() };
    },
    async query({ name, payload, tag, timeout }, { signal }) {
      const session = opened();
      const members = listMembers(of, session);
      const asked = filterMembers(members, { tag, status: "alive" }).length;
      const timeoutMs = timeout === undefined ? undefined : durationMs(timeout);
      const { acks, answers } = await broadcasting.ask({ name, payload, tag, timeoutMs }, signal);
      const names = new Map(members.map((one) => [one.id, one.name]));
      const nameOf = (id: string) => names.get(id) ?? shortId(id);
      return {
        name,
        asked,
        acks: acks.map(nameOf),
        answers: answers.map(({ from, text, encoding }) => ({ member: nameOf(from), payload: text, encoding })),
      };
    },
  };
}

/** One of the two must be this box. Throws `rtt-not-from-here`, `member-silent`. */
async function ping(broadcasting: Broadcasting, from: MemberView, to: MemberView): Promise<number> {
  const target = from.self ? to : from;
  if (target.self || !(from.self || to.self)) throw fail("rtt-not-from-here");
  const rttMs = await broadcasting.ping(target.id);
  if (rttMs === undefined) throw fail("member-silent", { params: { member: target.name } });
  return rttMs;
}

function memberShape(one: MemberView, session: Session) {
  return {
    name: one.name,
    shortId: one.kind === "agent" ? "" : shortId(one.id),
    kind: one.kind,
    self: one.self,
    status: one.status,
    address: hostPort(one.address, one.port),
    since: isoTime(one.sinceMs),
    rttMs: one.rttMs === null ? null : rounded(one.rttMs),
    rttAgeMs: one.rttAgeMs === null ? null : Math.round(one.rttAgeMs),
    tags: { ...one.tags },
    incarnation: one.incarnation,
    protocol: one.protocol,
    localHealth: one.self ? session.gossip.core.health() : null,
    id: one.id,
  };
}

function infoShape(session: Session, { system, settings }: GossipHandlersNeeds) {
  const { core } = session.gossip;
  const { suspicions, refutations, refused } = core.counts();
  const members = { alive: 0, suspect: 0, leaving: 0, left: 0, failed: 0 };
  for (const { status } of core.members()) members[status] += 1;
  return {
    name: nameOfBox(session, system.identity.boxId),
    id: system.identity.boxId,
    address: hostPort(session.advertise.address, session.advertise.port),
    profile: settings().profile,
    localHealth: core.health(),
    members,
    agents: session.agents.count(),
    agentsAllowed: settings().agents,
    keyEpoch: session.keyring.epoch(),
    suspicions,
    refutations,
    refused: Object.values(refused).reduce((sum, count) => sum + count, 0),
    unopened: session.gossip.unopened(),
  };
}

function keyShape(needs: GossipHandlersNeeds, session: Session, key: KeyView, language: Language, reveal: boolean) {
  const { origin, epoch } = key;
  // The first key has no record: it was made with the community.
  const first = epoch === 1 && !origin ? needs.founded() : undefined;
  const atMs = origin?.atMs ?? first?.atMs;
  const by = origin?.author ?? first?.by;
  const because = origin?.excluded === undefined ? "" : nameOfBox(session, origin.excluded);
  const why = first ? "first" : !origin ? "unknown" : because ? "exclusion" : "hand";
  return {
    epoch,
    fingerprint: key.check,
    primary: key.primary,
    since: atMs === undefined ? null : isoTime(atMs),
    by: by === undefined ? "" : nameOfBox(session, by),
    why: say(needs.system.words, language, `mesh.key-why-${why}`, { box: because }),
    holding: key.holding,
    boxes: key.boxes,
    ...(reveal ? { key: Buffer.from(key.key).toString("base64") } : {}),
  };
}

function eventShape({ id, atMs, type, member, params }: LoggedEvent, system: System, language: Language) {
  const detail = Object.entries(params).filter(([, value]) => value !== "");
  // A sentence with a payload, a reason or an exclusion has a form of its own.
  const extra = ["payload", "reason", "because", "gone"].find((name) => detail.some(([given]) => given === name));
  const to = params["to"] ? `-${params["to"]}` : "";
  const sentence = `mesh.event-${type}${to}${extra ? `-${extra}` : ""}`;
  return { id, at: isoTime(atMs), type, text: say(system.words, language, sentence, params), member, params };
}

/** Hundredths: on a local network a round trip has parts of a millisecond. */
function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}

function timeOf(since: string, nowMs: number): number {
  return /[a-z]$/.test(since) ? nowMs - durationMs(since) : Date.parse(since);
}
