/**
 * Queries: a question to all members, or to those that a filter names; acknowledgements and answers come back
 * straight to the asker, and through a few other members when a relay factor is set. Nothing is retried: who did
 * not answer by the deadline is not counted.
 */
import { addressFromBytes } from "../wire/address.ts";
import { encodeUser } from "./codec.ts";
import { QUERIES_OPEN_MAX, QUERIES_OWN_MAX, QUERY_BYTES_MAX, QUERY_RESPONSE_BYTES_MAX } from "./constants.ts";
import { QUERY_TIMEOUT_MS_MAX, RELAY_FACTOR_MAX } from "./constants.ts";
import { answerConflict } from "./conflicts.ts";
import type { Core } from "./core.ts";
import { view } from "./core.ts";
import { MembershipError } from "./errors.ts";
import { breaksAgents, onKeyRequest } from "./key-requests.ts";
import { QUEUE, broadcastUser, send } from "./sending.ts";
import type { Query, QueryFilter, QueryResponse, Relay } from "./serf.ts";
import { INTERNAL_PREFIX, QUERY_ACK, SERF, encodeQuery, encodeQueryResponse, encodeRelay } from "./serf.ts";
import { matches } from "./tag-filter.ts";
import type { Timer } from "./timers.ts";
import type { Endpoint, QueryRequest } from "./types.ts";

/** Members of this version of Serf's protocol pass on answers. */
const RELAY_VERSION = 5;

/** Who asked, on our side: hears each member once, and the end. */
export interface Asker {
  onAck?: (from: string) => void;
  onResponse: (from: string, payload: Uint8Array) => void;
  onDone: (acks: number, responses: number) => void;
}

/** Asked by us. */
export interface OwnQuery {
  asker: Asker;
  acks: Set<string>;
  responses: Set<string>;
}

/** Asked by others, and our side has not answered yet. */
export interface OpenQuery {
  query: Query;
  timer: Timer;
  /** About keys: it takes another answer than those of programs. */
  isKeyRequest: boolean;
}

/**
 * The program's query. Throws as `ask` does, and MembershipError "reserved-name": an agent of Serf dies of a key
 * request that is none.
 */
export function sendQuery(core: Core, key: string, request: QueryRequest): void {
  if (request.name.startsWith(INTERNAL_PREFIX) && request.name !== `${INTERNAL_PREFIX}ping`) {
    throw new MembershipError("reserved-name", request.name);
  }
  ask(core, request, {
    onAck: (from) => core.emit({ type: "query-ack", key, from }),
    onResponse: (from, payload) => core.emit({ type: "query-response", key, from, payload }),
    onDone: (acks, responses) => core.emit({ type: "query-done", key, acks, responses }),
  });
}

/**
 * Asks all members, ourselves too. The function that comes back ends it before its time.
 * Throws MembershipError "query-too-large" or "too-many-queries".
 */
export function ask(core: Core, request: QueryRequest, asker: Asker): () => void {
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
  const own: OwnQuery = { asker, acks: new Set(), responses: new Set() };
  core.ownQueries.set(id, own);
  const end = () => {
    core.cancel(timer);
    if (core.ownQueries.delete(id)) asker.onDone(own.acks.size, own.responses.size);
  };
  const timer = core.timers.at(core.nowMs + query.timeoutMs, end);
  onQuery(core, query);
  broadcastUser(core, QUEUE.queries, bytes);
  return end;
}

/** True when it was new, and so is to be passed on. */
export function onQuery(core: Core, query: Query): boolean {
  core.queryClock.witness(query.ltime);
  const seen = core.queriesSeen.note(query.ltime, String(query.id), true, core.queryClock.time);
  if (seen === "old" || seen === "full") core.refuse("old-event");
  if (seen !== "new") return false;
  if (query.filters.every((filter) => isForUs(core, filter))) serve(core, query);
  return !breaksAgents(query);
}

function serve(core: Core, query: Query): void {
  if (query.flags & QUERY_ACK) reply(core, query, QUERY_ACK, new Uint8Array(0));
  if (query.name === `${INTERNAL_PREFIX}conflict`) return answerConflict(core, query);
  if (query.name.startsWith(INTERNAL_PREFIX)) return onKeyRequest(core, query);
  const { name, payload, sourceNode, filters } = query;
  const { key, deadlineMs } = keepOpen(core, query, false);
  core.emit({ type: "query", key, name, payload, from: sourceNode, filtered: filters.length > 0, deadlineMs });
}

/** Keeps a query until our side answers or its time is over; the oldest gives way when there are too many. */
export function keepOpen(core: Core, query: Query, isKeyRequest: boolean): { key: string; deadlineMs: number } {
  const deadlineMs = core.nowMs + Math.min(query.timeoutMs, QUERY_TIMEOUT_MS_MAX);
  const key = idOf(query);
  if (core.openQueries.size >= QUERIES_OPEN_MAX) {
    const [oldest, open] = core.openQueries.entries().next().value!;
    core.cancel(open.timer);
    core.openQueries.delete(oldest);
  }
  const timer = core.timers.at(deadlineMs, () => core.openQueries.delete(key));
  core.openQueries.set(key, { query, timer, isKeyRequest });
  return { key, deadlineMs };
}

/**
 * Answers once; `payloadFor` makes the answer. Throws MembershipError "no-such-query" after the deadline,
 * "response-too-large" over 1024 bytes.
 */
export function respond(
  core: Core,
  key: string,
  isKeyRequest: boolean,
  payloadFor: (query: Query) => Uint8Array,
): void {
  const open = core.openQueries.get(key);
  if (!open || open.isKeyRequest !== isKeyRequest) throw new MembershipError("no-such-query", key);
  reply(core, open.query, 0, payloadFor(open.query));
  core.cancel(open.timer);
  core.openQueries.delete(key);
}

/** Bytes that an answer with this payload takes, of QUERY_RESPONSE_BYTES_MAX. */
export function responseBytes(core: Core, query: Query, payload: Uint8Array): number {
  const { ltime, id } = query;
  return encodeQueryResponse({ ltime, id, from: core.self.name, flags: 0, payload }).length;
}

/** Throws MembershipError "response-too-large". */
export function reply(core: Core, query: Query, flags: number, payload: Uint8Array): void {
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
  if (isAck) own.asker.onAck?.(response.from);
  else own.asker.onResponse(response.from, response.payload);
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
