/**
 * The messages of Serf 0.9, which travel as memberlist user messages (type 8); its part of a push/pull is in
 * serf-state.ts.
 * One type byte, then a MessagePack map keyed by Go field names.
 *
 *   0 leave   1 join   2 push/pull   3 user event   4 query   5 query response   6 conflict response
 *   7 key request   8 key response   9 relay
 */
import { WireError } from "../wire/errors.ts";
import { MsgpackReader, expectKeys } from "../wire/msgpack.ts";
import { MsgpackWriter } from "../wire/msgpack-writer.ts";
import { fields, name } from "./codec.ts";
import { LAMPORT_MAX, QUERY_FILTERS_MAX } from "./constants.ts";

export const SERF = {
  leave: 0,
  join: 1,
  pushPull: 2,
  userEvent: 3,
  query: 4,
  queryResponse: 5,
  conflictResponse: 6,
  keyRequest: 7,
  keyResponse: 8,
  relay: 9,
} as const;

/**
 * Serf keeps queries of these names for itself, and no program sees them: `_serf_ping` is only acknowledged,
 * `_serf_conflict` and the four about keys are answered, others are passed over.
 */
export const INTERNAL_PREFIX = "_serf_";

/** Bits of a query's flags; `ack` in a response says that it is an acknowledgement. */
export const QUERY_ACK = 1;
export const QUERY_NO_BROADCAST = 2;

/** A member joined, or leaves on purpose. `prune` asks to forget it altogether. */
export interface Intent {
  ltime: number;
  node: string;
  prune: boolean;
}

export interface UserEvent {
  ltime: number;
  name: string;
  payload: Uint8Array;
  coalesce: boolean;
}

/** Which members a query is for; all filters must agree. */
export type QueryFilter = { type: "nodes"; nodes: string[] } | { type: "tag"; tag: string; expression: string };

export interface Query {
  ltime: number;
  id: number;
  /** Where the answers go. */
  address: Uint8Array;
  port: number;
  sourceNode: string;
  filters: QueryFilter[];
  flags: number;
  relayFactor: number;
  timeoutMs: number;
  name: string;
  payload: Uint8Array;
}

export interface QueryResponse {
  ltime: number;
  id: number;
  from: string;
  flags: number;
  payload: Uint8Array;
}

export interface Relay {
  address: Uint8Array;
  port: number;
  node: string;
  /** The message to pass on, with its Serf type byte. */
  message: Uint8Array;
}

const EMPTY = new Uint8Array(0);
const UINT32_MAX = 2 ** 32 - 1;
const NS_PER_MS = 1e6;
const writer = new MsgpackWriter(2048);

expectKeys(["LTime", "Node", "Prune", "Name", "Payload", "CC", "ID", "Addr", "Port", "SourceNode", "Filters", "Flags"]);
expectKeys(["RelayFactor", "Timeout", "From"]);
expectKeys(["DestAddr", "DestName", "IP", "Zone", "Tag", "Expr"]);

export function encodeIntent(type: 0 | 1, intent: Intent): Uint8Array {
  const w = writer
    .reset()
    .byte(type)
    .map(type === SERF.leave ? 3 : 2);
  w.text("LTime").int(intent.ltime).text("Node").text(intent.node);
  if (type === SERF.leave) w.text("Prune").bool(intent.prune);
  return w.finish();
}

export function decodeIntent(reader: MsgpackReader): Intent {
  const intent: Intent = { ltime: 0, node: "", prune: false };
  fields(reader, (key, r) => {
    if (key === "LTime") intent.ltime = lamport(r);
    else if (key === "Node") intent.node = name(r);
    else if (key === "Prune") intent.prune = r.bool();
    else r.skip();
  });
  return intent;
}

export function encodeUserEvent(event: UserEvent): Uint8Array {
  const w = writer.reset().byte(SERF.userEvent).map(4);
  w.text("LTime").int(event.ltime).text("Name").text(event.name);
  return w.text("Payload").raw(event.payload).text("CC").bool(event.coalesce).finish();
}

export function decodeUserEvent(reader: MsgpackReader): UserEvent {
  const event: UserEvent = { ltime: 0, name: "", payload: EMPTY, coalesce: false };
  fields(reader, (key, r) => {
    if (key === "LTime") event.ltime = lamport(r);
    else if (key === "Name") event.name = r.text();
    else if (key === "Payload") event.payload = r.raw();
    else if (key === "CC") event.coalesce = r.bool();
    else r.skip();
  });
  return event;
}

export function encodeQuery(query: Query): Uint8Array {
  const filters = query.filters.map(encodeFilter);
  const w = writer.reset().byte(SERF.query).map(11);
  w.text("LTime").int(query.ltime).text("ID").int(query.id);
  w.text("Addr").raw(query.address).text("Port").int(query.port).text("SourceNode").text(query.sourceNode);
  w.text("Filters").array(filters.length);
  for (const filter of filters) w.raw(filter);
  w.text("Flags").int(query.flags).text("RelayFactor").int(query.relayFactor);
  w.text("Timeout").int(Math.round(query.timeoutMs * NS_PER_MS));
  return w.text("Name").text(query.name).text("Payload").raw(query.payload).finish();
}

export function decodeQuery(reader: MsgpackReader): Query {
  const query: Query = {
    ltime: 0,
    id: 0,
    address: EMPTY,
    port: 0,
    sourceNode: "",
    filters: [],
    flags: 0,
    relayFactor: 0,
    timeoutMs: 0,
    name: "",
    payload: EMPTY,
  };
  fields(reader, (key, r) => {
    if (key === "LTime") query.ltime = lamport(r);
    else if (key === "ID") query.id = r.uint(UINT32_MAX);
    else if (key === "Addr") query.address = r.raw();
    else if (key === "Port") query.port = r.uint(65_535);
    else if (key === "SourceNode") query.sourceNode = name(r);
    else if (key === "Filters") query.filters = decodeFilters(r);
    else if (key === "Flags") query.flags = r.uint(UINT32_MAX);
    else if (key === "RelayFactor") query.relayFactor = r.uint(255);
    else if (key === "Timeout") query.timeoutMs = r.uint(Number.MAX_VALUE) / NS_PER_MS;
    else if (key === "Name") query.name = r.text();
    else if (key === "Payload") query.payload = r.raw();
    else r.skip();
  });
  return query;
}

function encodeFilter(filter: QueryFilter): Uint8Array {
  const w = new MsgpackWriter(64);
  if (filter.type === "nodes") {
    w.byte(0).array(filter.nodes.length);
    for (const node of filter.nodes) w.text(node);
  } else {
    w.byte(1).map(2).text("Tag").text(filter.tag).text("Expr").text(filter.expression);
  }
  return w.finish();
}

function decodeFilters(reader: MsgpackReader): QueryFilter[] {
  const count = reader.arrayHeader();
  if (count > QUERY_FILTERS_MAX) throw new WireError("too-large", `${count} filters`);
  const filters: QueryFilter[] = [];
  for (let i = 0; i < count; i++) {
    const bytes = reader.raw();
    const r = new MsgpackReader(bytes, 1);
    if (bytes[0] === 0) {
      const nodes: string[] = [];
      for (let left = r.arrayHeader(); left > 0; left--) nodes.push(name(r));
      filters.push({ type: "nodes", nodes });
    } else if (bytes[0] === 1) {
      const filter: QueryFilter = { type: "tag", tag: "", expression: "" };
      fields(r, (key) => {
        if (key === "Tag") filter.tag = r.text();
        else if (key === "Expr") filter.expression = r.text();
        else r.skip();
      });
      filters.push(filter);
    } else throw new WireError("bad-value", `filter type ${bytes[0]}`);
  }
  return filters;
}

export function encodeQueryResponse(response: QueryResponse): Uint8Array {
  const w = writer.reset().byte(SERF.queryResponse).map(5);
  w.text("LTime").int(response.ltime).text("ID").int(response.id).text("From").text(response.from);
  return w.text("Flags").int(response.flags).text("Payload").raw(response.payload).finish();
}

export function decodeQueryResponse(reader: MsgpackReader): QueryResponse {
  const response: QueryResponse = { ltime: 0, id: 0, from: "", flags: 0, payload: EMPTY };
  fields(reader, (key, r) => {
    if (key === "LTime") response.ltime = lamport(r);
    else if (key === "ID") response.id = r.uint(UINT32_MAX);
    else if (key === "From") response.from = name(r);
    else if (key === "Flags") response.flags = r.uint(UINT32_MAX);
    else if (key === "Payload") response.payload = r.raw();
    else r.skip();
  });
  return response;
}

export function encodeRelay(relay: Relay): Uint8Array {
  const w = writer.reset().byte(SERF.relay).map(2);
  w.text("DestAddr").map(3).text("IP").raw(relay.address).text("Port").int(relay.port).text("Zone").text("");
  return w.text("DestName").text(relay.node).plain(relay.message).finish();
}

export function decodeRelay(reader: MsgpackReader): Relay {
  const relay: Relay = { address: EMPTY, port: 0, node: "", message: EMPTY };
  fields(reader, (key, r) => {
    if (key === "DestName") relay.node = name(r);
    else if (key === "DestAddr") {
      fields(r, (part) => {
        if (part === "IP") relay.address = r.raw();
        else if (part === "Port") relay.port = r.uint(65_535);
        else r.skip();
      });
    } else r.skip();
  });
  relay.message = reader.bytes.subarray(reader.offset, reader.end);
  return relay;
}

function lamport(reader: MsgpackReader): number {
  return reader.uint(LAMPORT_MAX);
}
