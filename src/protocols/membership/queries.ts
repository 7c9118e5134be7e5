/**
 * Queries: a question to all members, or to those that a filter names; acknowledgements and answers come back
 * straight to the asker, and through a few other members when a relay factor is set. Nothing is retried: who did
 * not answer by the deadline is not counted.
 */
import { addressFromBytes } from "../wire/address.ts";
import { encodeUser } from "./codec.ts";
import { QUERIES_OPEN_MAX, QUERIES_OWN_MAX, QUERY_BYTES_MAX, QUERY_RESPONSE_BYTES_MAX } from "./constants.ts";
import { QUERY_TIMEOUT_MS_MAX, RELAY_FACTOR_MAX } from "./constants.ts";
import type { Core } from "./core.ts";
import { view } from "./core.ts";
import { MembershipError } from "./errors.ts";
import { QUEUE, broadcastUser, send } from "./sending.ts";
import type { Query, QueryFilter, QueryResponse, Relay } from "./serf.ts";
import { QUERY_ACK, SERF, encodeQuery, encodeQueryResponse, encodeRelay } from "./serf.ts";
import { matches } from "./tag-filter.ts";
import type { Timer } from "./timers.ts";
import type { Endpoint, QueryRequest } from "./types.ts";

/** Serf keeps these names for itself (ping, conflicts, keys); they are acknowledged, never shown to a service. */
const INTERNAL_PREFIX = "_serf_";
/** Members of this version of Serf's protocol pass on answers. */
const RELAY_VERSION = 5;

/** Asked by us. */
export interface OwnQuery {
  key: string;
  acks: Set<string>;
  responses: Set<string>;
}

/** Asked by others, and our side has not answered yet. */
export interface OpenQuery {
  query: Query;
  timer: Timer;
}

/** Throws MembershipError "query-too-large" or "too-many-queries". */
export function sendQuery(core: Core, key: string, request: QueryRequest): void {
  if (core.ownQueries.size >= QUERIES_OWN_MAX) throw new MembershipError("too-many-queries", `${QUERIES_OWN_MAX} open`);
  const { profile, self } = core;
  const usualMs = profile.gossipIntervalMs * profile.queryTimeoutMult * Math.ceil(Math.log10(core.aliveCount + 1));
  const query: Query = {
    ltime: core.queryClock.time,
    id: core.random.below(2 ** 31),
    address: self.addressBytes,
    port: self.port,
    sourceNode: self.name,
    filters: [...(request.filters ?? [])],
    flags: request.wantAck ? QUERY_ACK : 0,
    relayFactor: Math.min(RELAY_FACTOR_MAX, request.relayFactor ?? 0),
    timeoutMs: Math.min(QUERY_TIMEOUT_MS_MAX, request.timeoutMs ?? usualMs),
    name: request.name,
    payload: request.payload,
  };
  const bytes = encodeQuery(query);
  if (bytes.length > QUERY_BYTES_MAX) {
    throw new MembershipError("query-too-large", `${bytes.length} bytes of ${QUERY_BYTES_MAX}`);
  }
  core.queryClock.increment();
  const id = idOf(query);
  const own: OwnQuery = { key, acks: new Set(), responses: new Set() };
  core.ownQueries.set(id, own);
  core.timers.at(core.nowMs + query.timeoutMs, () => {
    core.ownQueries.delete(id);
    core.emit({ type: "query-done", key, acks: own.acks.size, responses: own.responses.size });
  });
  onQuery(core, query);
  broadcastUser(core, QUEUE.queries, bytes);
}

/** True when it was new, and so is to be passed on. */
export function onQuery(core: Core, query: Query): boolean {
  core.queryClock.witness(query.ltime);
  const seen = core.queriesSeen.note(query.ltime, String(query.id), true, core.queryClock.time);
  if (seen === "old" || seen === "full") core.refuse("old-event");
  if (seen !== "new") return false;
  if (query.filters.every((filter) => isForUs(core, filter))) serve(core, query);
  return true;
}

function serve(core: Core, query: Query): void {
  if (query.flags & QUERY_ACK) reply(core, query, QUERY_ACK, new Uint8Array(0));
  if (query.name.startsWith(INTERNAL_PREFIX)) return;
  const timeoutMs = Math.min(query.timeoutMs, QUERY_TIMEOUT_MS_MAX);
  const key = idOf(query);
  if (core.openQueries.size >= QUERIES_OPEN_MAX) {
    const [oldest, open] = core.openQueries.entries().next().value!;
    core.cancel(open.timer);
    core.openQueries.delete(oldest);
  }
  const timer = core.timers.at(core.nowMs + timeoutMs, () => core.openQueries.delete(key));
  core.openQueries.set(key, { query, timer });
  const { name, payload, sourceNode } = query;
  core.emit({ type: "query", key, name, payload, from: sourceNode, deadlineMs: core.nowMs + timeoutMs });
}

/** Answers once. Throws MembershipError "no-such-query" after the deadline, "response-too-large" over 1024 bytes. */
export function respond(core: Core, key: string, payload: Uint8Array): void {
  const open = core.openQueries.get(key);
  if (!open) throw new MembershipError("no-such-query", key);
  reply(core, open.query, 0, payload);
  core.cancel(open.timer);
  core.openQueries.delete(key);
}

function reply(core: Core, query: Query, flags: number, payload: Uint8Array): void {
  const response: QueryResponse = { ltime: query.ltime, id: query.id, from: core.self.name, flags, payload };
  const bytes = encodeQueryResponse(response);
  if (bytes.length > QUERY_RESPONSE_BYTES_MAX) {
    throw new MembershipError("response-too-large", `${bytes.length} bytes of ${QUERY_RESPONSE_BYTES_MAX}`);
  }
  const address = addressFromBytes(query.address);
  if (!address || query.port === 0) return core.refuse("bad-address");
  const to: Endpoint = { address, port: query.port };
  if (core.isSelf(to)) return onQueryResponse(core, response);
  send(core, to, encodeUser(bytes));
  const copies = Math.min(query.relayFactor, RELAY_FACTOR_MAX);
  if (copies === 0) return;
  const relay = encodeRelay({ address: query.address, port: query.port, node: query.sourceNode, message: bytes });
  const able = core.table.pick(copies, (r) => r.name !== query.sourceNode && (r.versions[4] ?? 0) >= RELAY_VERSION);
  for (const helper of able) send(core, helper, encodeUser(relay));
}

export function onQueryResponse(core: Core, response: QueryResponse): void {
  const own = core.ownQueries.get(idOf(response));
  if (!own) return core.refuse("stale-ack");
  // Copies come through relays, and a forger could invent names: each member counts once, and only members count.
  if (!core.table.get(response.from)) return core.refuse("wrong-node");
  const isAck = (response.flags & QUERY_ACK) !== 0;
  const heard = isAck ? own.acks : own.responses;
  if (heard.has(response.from)) return;
  heard.add(response.from);
  if (isAck) core.emit({ type: "query-ack", key: own.key, from: response.from });
  else core.emit({ type: "query-response", key: own.key, from: response.from, payload: response.payload });
}

/** Passes an answer on. Only answers, and only to members that we know at that address: no open relay. */
export function onRelay(core: Core, from: Endpoint, relay: Relay): void {
  if (relay.message[0] !== SERF.queryResponse) return core.refuse("unknown-type");
  const target = core.table.get(relay.node);
  if (!target || target.address !== addressFromBytes(relay.address) || target.port !== relay.port) {
    return core.refuse("wrong-node");
  }
  const sameAsSender = from.address === target.address && from.port === target.port;
  if (target !== core.self && !sameAsSender) send(core, target, encodeUser(relay.message));
}

function isForUs(core: Core, filter: QueryFilter): boolean {
  if (filter.type === "nodes") return filter.nodes.includes(core.self.name);
  const value = view(core.self).tags[filter.tag] ?? "";
  return matches(filter.expression, value);
}

function idOf(query: { ltime: number; id: number }): string {
  return `${query.ltime}:${query.id}`;
}
