/**
 * Messages to all members of the gossip: user events, which are heard and that is all, and queries, which are
 * acknowledged and may be answered. Sends ours, collects what comes back, and answers the few questions that every
 * box answers. Serf agents take part in both.
 */
import type { Clock } from "../../kernel/clock.ts";
import { fail as kernelFail, isFailure } from "../../kernel/errors.ts";
import { createRateLimits } from "../../platform/web/rate.ts";
import { QUERY_BYTES_MAX, TAG_EXPRESSION_MAX, USER_EVENT_BYTES_MAX } from "../../protocols/membership/constants.ts";
import { MembershipError } from "../../protocols/membership/errors.ts";
import type { QueryFilter } from "../../protocols/membership/serf.ts";
import { meshErrors } from "./contract.ts";
import { QUERY_TIMEOUT_MS_MAX } from "./gossip-contract.ts";
import type { Gossip, GossipCommand, GossipNews } from "./gossip.ts";
import { splitTag } from "./members.ts";

/** Events and queries that this box sends, each in a minute: every one of them goes to every member. */
export const EVENTS_SENT_PER_MINUTE_MAX = 30;
export const QUERIES_SENT_PER_MINUTE_MAX = 30;
/** Queries of others that are answered in a minute; the rest are acknowledged only. */
export const ANSWERS_PER_MINUTE_MAX = 120;

export interface Readable {
  text: string;
  encoding: "utf8" | "base64";
}

export interface QueryAnswer extends Readable {
  from: string;
}

export interface QueryResult {
  /** Names in gossip. */
  acks: string[];
  answers: QueryAnswer[];
}

export interface Question {
  name: string;
  payload: string;
  /** "key=value": only members with this tag are asked. */
  tag?: string | undefined;
  timeoutMs?: number | undefined;
}

export interface Broadcasting {
  /** Throws `too-many`, `message-too-large`, `no-community`. */
  sendEvent(name: string, payload: string): void;
  /** Resolves when the time is over, or the caller has gone. Throws as `sendEvent`. */
  ask(question: Question, signal: AbortSignal): Promise<QueryResult>;
  /** One round trip in milliseconds; undefined when nothing came back. Throws `too-many`. */
  ping(member: string): Promise<number | undefined>;
  /** What the gossip tells. */
  hear(news: GossipNews): void;
  /** The session is over: who waits gets what came so far. */
  close(): void;
}

export interface BroadcastingNeeds {
  clock: Clock;
  gossip: () => Gossip | undefined;
  /** Questions that this box answers, by name. */
  answers: Readonly<Record<string, () => string>>;
  /** A question of ours went out. */
  onAsked?: (question: Question) => void;
}

export function createBroadcasting({ clock, gossip, answers, onAsked }: BroadcastingNeeds): Broadcasting {
  const rates = createRateLimits(clock);
  const asked = new Map<string, { result: QueryResult; done: () => void }>();
  const pings = new Map<string, (rttMs: number | undefined) => void>();
  let made = 0;

  const command = (wanted: GossipCommand) => {
    const open = gossip();
    if (!open) throw meshErrors.fail("no-community");
    try {
      open.command(wanted);
    } catch (error) {
      throw asOurs(error);
    }
  };

  const answer = (query: Extract<GossipNews, { type: "query" }>) => {
    const say = Object.hasOwn(answers, query.name) ? answers[query.name] : undefined;
    if (!say || !mayAnswer()) return;
    try {
      gossip()?.command({ type: "respond", query: query.key, payload: Buffer.from(say()) });
    } catch (error) {
      // Its time is over, or a storm of queries pushed it out.
      if (!(error instanceof MembershipError)) throw error;
    }
  };
  const mayAnswer = (): boolean => {
    try {
      rates.take("answers", ANSWERS_PER_MINUTE_MAX);
      return true;
    } catch (error) {
      if (isFailure(error, "too-many")) return false;
      throw error;
    }
  };
  const finish = (key: string) => asked.get(key)?.done();

  return {
    sendEvent(name, payload) {
      rates.take("events", EVENTS_SENT_PER_MINUTE_MAX);
      command({ type: "user-event", name, payload: Buffer.from(payload), coalesce: true });
    },
    async ask(question, signal) {
      const { name, payload, tag, timeoutMs } = question;
      rates.take("queries", QUERIES_SENT_PER_MINUTE_MAX);
      const filters = tag === undefined ? [] : [tagFilter(tag)];
      const limited = timeoutMs === undefined ? {} : { timeoutMs: Math.min(timeoutMs, QUERY_TIMEOUT_MS_MAX) };
      const query = { name, payload: Buffer.from(payload), filters, wantAck: true, ...limited };
      const key = `q${(made += 1)}`;
      const result: QueryResult = { acks: [], answers: [] };
      const over = new Promise<void>((resolve) => void asked.set(key, { result, done: resolve }));
      signal.addEventListener("abort", () => finish(key), { once: true });
      try {
        command({ type: "query", key, query });
        onAsked?.(question);
        await over;
      } finally {
        asked.delete(key);
      }
      return result;
    },
    async ping(member) {
      const key = `p${(made += 1)}`;
      const answered = new Promise<number | undefined>((resolve) => void pings.set(key, resolve));
      try {
        command({ type: "ping", key, name: member });
        return await answered;
      } finally {
        pings.delete(key);
      }
    },
    hear(news) {
      if (news.type === "query") return answer(news);
      if (news.type === "query-ack") return void asked.get(news.key)?.result.acks.push(news.from);
      if (news.type === "query-response")
        return void asked.get(news.key)?.result.answers.push({ from: news.from, ...readable(news.payload) });
      if (news.type === "query-done") return finish(news.key);
      if (news.type === "ping-done") pings.get(news.key)?.(news.rttMs);
    },
    close() {
      for (const key of asked.keys()) finish(key);
      for (const answered of pings.values()) answered(undefined);
    },
  };
}

/** Bytes of others as text where they are text, else in base64. */
export function readable(bytes: Uint8Array): Readable {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (!/[^\P{C}\n\t\r]/u.test(text)) return { text, encoding: "utf8" };
  } catch {
    // Falls through: no UTF-8.
  }
  return { text: Buffer.from(bytes).toString("base64"), encoding: "base64" };
}

/** The whole value, which Serf's filters take as an expression. Throws `bad-input`. */
function tagFilter(tag: string): QueryFilter {
  const [key, value] = splitTag(tag);
  const expression = `^${value.replaceAll(/[\\.+*?()|[\]{}^$]/g, "\\$&")}$`;
  if (expression.length > TAG_EXPRESSION_MAX)
    throw kernelFail("bad-input", { params: { field: "tag", reason: "too long" } });
  return { type: "tag", tag: key, expression };
}

function asOurs(error: unknown): unknown {
  if (!(error instanceof MembershipError)) return error;
  const limits = { "event-too-large": USER_EVENT_BYTES_MAX, "query-too-large": QUERY_BYTES_MAX } as const;
  if (error.code in limits)
    return meshErrors.fail("message-too-large", { params: { limit: limits[error.code as keyof typeof limits] } });
  if (error.code === "too-many-queries" || error.code === "too-many-pings")
    return kernelFail("too-many", { params: { seconds: 5 } });
  return error;
}
