/**
 * Turns what happens in the gossip, in admission and with the keys into lines of the event log: what a host would ask
 * about, said once, and what comes in masses as numbers.
 */
import type { Clock } from "../../kernel/clock.ts";
import { shownText } from "../../kernel/unseen.ts";
import type { Member, MemberChange } from "../../protocols/membership/types.ts";
import { isAgentName } from "./agents.ts";
import { readable } from "./broadcasting.ts";
import type { Question } from "./broadcasting.ts";
import type { EventLog } from "./event-log.ts";
import type { GossipNews } from "./gossip.ts";
import type { ListedKey } from "./keyring.ts";
import { createFlapping } from "./flapping.ts";
import { nameOfBox, nameOfMember, shortId, splitTag } from "./members.ts";
import type { Session } from "./session.ts";

/** Tags that change all the time (load and its time) or are told otherwise (key). */
const TAGS_LEFT_OUT = new Set(["l", "t", "k"]);
/** Late copies of what was heard already: nobody is refused. */
const REFUSALS_LEFT_OUT = new Set(["stale-ack", "old-event", "record-known", "record-superseded", "record-expired"]);

export interface GossipLog {
  onMember(change: MemberChange, member: Member): void;
  onNews(news: GossipNews): void;
  /** A question of ours went out; one that does not concern this box comes back by no news. */
  onAsked(question: Pick<Question, "name" | "payload" | "tag">): void;
  onKey(key: ListedKey): void;
  /** Admission changed: who is excluded now, who is not any more? */
  onAdmission(): void;
  /** Once a minute: what was refused since, and how often this box had to say that it lives. */
  countRefused(): void;
  /** Another session: counters and tags begin anew. */
  begin(): void;
  /** Members are called gone and come back again and again, for minutes. */
  flapping(): boolean;
}

export interface GossipLogNeeds {
  clock: Clock;
  selfId: string;
  log: EventLog;
  session: () => Session | undefined;
}

export function createGossipLog({ clock, selfId, log, session }: GossipLogNeeds): GossipLog {
  const tags = new Map<string, string>();
  const suspected = new Set<string>();
  /** Excluded boxes with their names, which a pardon should still know. */
  let excluded = new Map<string, string>();
  let refused: Record<string, number> = {};
  let refutations = 0;
  let keyRequests = 0;

  const name = (member: Member) => nameOfMember(session(), member);
  /** Also of a box that gossip does not know, or not any more. */
  const called = (id: string): string => {
    const open = session();
    const member = open?.gossip.core.member(id);
    if (member) return name(member);
    if (isAgentName(id)) return visible(id);
    return open ? nameOfBox(open, id) : shortId(id);
  };
  const asked = (from: string, filtered: boolean, said: { name: string; payload: string }) =>
    log.add("query", from, {
      name: visible(said.name),
      payload: said.payload,
      from: called(from),
      to: filtered ? "some" : "",
    });
  const flapping = createFlapping({
    clock,
    tell: ({ member, count }) => {
      const status = session()?.gossip.core.member(member)?.status;
      const here = status === "alive" || status === "suspect";
      log.add("flapping", member, { name: called(member), count, gone: here ? "" : "yes" });
    },
  });

  const updated = (member: Member) => {
    const before = tags.get(member.name);
    const now = tagText(member);
    tags.set(member.name, now);
    if (suspected.delete(member.name)) {
      if (flapping.note(member.name, true)) log.add("refuted", member.name, { name: name(member) });
      return;
    }
    if (before !== undefined && before !== now)
      log.add("update", member.name, { name: name(member), before, after: now });
  };

  return {
    onMember(change, member) {
      if (change === "update") return updated(member);
      if (change === "suspect") suspected.add(member.name);
      else suspected.delete(member.name);
      if (change === "join") tags.set(member.name, tagText(member));
      if (change === "reap") tags.delete(member.name);
      else if (!flapping.note(member.name, change === "join")) return;
      log.add(change, member.name, { name: name(member), address: `${member.address}:${member.port}` });
    },
    onNews(news) {
      if (news.type === "user-event")
        log.add("event", "", { name: visible(news.name), payload: readable(news.payload).text }, news.name);
      else if (news.type === "query")
        asked(news.from, news.filtered, { name: news.name, payload: readable(news.payload).text });
      else if (news.type === "name-conflict") {
        const address = `${news.other.address}:${news.other.port}`;
        log.add("conflict", news.name, { name: called(news.name), address });
      } else if (news.type === "key-request") keyRequests += 1;
    },
    onAsked({ name, payload, tag }) {
      if (tag === undefined) return;
      const [key, value] = splitTag(tag);
      const own = session()?.gossip.core.member(selfId)?.tags[key] ?? "";
      if (own !== value) asked(selfId, true, { name, payload: visible(payload) });
    },
    flapping: flapping.goesOn,
    onKey({ epoch, origin }) {
      const open = session();
      if (!open || !origin) return;
      const by = nameOfBox(open, origin.author);
      const because = origin.excluded === undefined ? "" : nameOfBox(open, origin.excluded);
      log.add("key", origin.author, { epoch, by, because });
    },
    onAdmission() {
      const open = session();
      const view = open?.admission.view();
      if (!open || !view) return;
      const now = namesOfExcluded(open);
      for (const [box, name] of now) {
        if (excluded.has(box)) continue;
        const { by } = view.excluded.get(box)!;
        const body = (open.replica.core.get(by, "exclude", box)?.body ?? {}) as { reason?: unknown };
        log.add("exclusion", box, { name, by: nameOfBox(open, by), reason: visible(String(body.reason ?? "")) });
      }
      for (const [box, name] of excluded) if (!now.has(box)) log.add("pardon", box, { name });
      excluded = now;
    },
    countRefused() {
      const open = session();
      if (!open) return;
      const counts = open.gossip.core.counts();
      const own = { unopened: open.gossip.unopened(), "key-requests": keyRequests };
      const next = { ...counts.refused, ...own, ...recordRefusals(open) };
      const grown = Object.entries(next).flatMap(([reason, count]) => {
        const more = count - (refused[reason] ?? 0);
        return more > 0 && !REFUSALS_LEFT_OUT.has(reason) ? [[reason, more] as const] : [];
      });
      refused = next;
      if (grown.length > 0) {
        const reasons = grown.map(([reason, more]) => `${reason} ${more}`).join(", ");
        log.add("refused", "", { count: grown.reduce((sum, [, more]) => sum + more, 0), reasons });
      }
      const accused = counts.refutations > refutations;
      refutations = counts.refutations;
      if (accused) log.add("refuted", selfId, { name: nameOfBox(open, selfId) });
    },
    begin() {
      tags.clear();
      suspected.clear();
      refused = {};
      refutations = keyRequests = 0;
      flapping.begin();
      const open = session();
      excluded = open ? namesOfExcluded(open) : new Map();
    },
  };
}

function namesOfExcluded(session: Session): Map<string, string> {
  const boxes = [...(session.admission.view()?.excluded.keys() ?? [])];
  return new Map(boxes.map((box) => [box, nameOfBox(session, box)]));
}

function recordRefusals({ replica }: Session): Record<string, number> {
  const counts = Object.entries(replica.core.stats().refused);
  return Object.fromEntries(counts.map(([reason, count]) => [`record-${reason}`, count]));
}

function tagText({ tags }: Member): string {
  const told = Object.entries(tags).filter(([key]) => !TAGS_LEFT_OUT.has(key));
  return visible(told.map(([key, value]) => `${key}=${value}`).join(" "));
}

/** In one line, and without what nobody sees. */
function visible(text: string): string {
  return shownText(text.replaceAll(/[\s\p{Cc}]+/gu, " "));
}
