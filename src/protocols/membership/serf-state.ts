/**
 * Serf's part of a push/pull: three Lamport clocks, the time of each member's last intent, who left, and the events
 * that are remembered. With 20,000 members the times are the bulk, so they are written and read one by one, and no
 * name is built of which nothing is new.
 */
import { WireError } from "../wire/errors.ts";
import { MsgpackReader, expectKeys } from "../wire/msgpack.ts";
import { MsgpackWriter } from "../wire/msgpack-writer.ts";
import { fromUtf8, isAscii } from "../wire/utf8.ts";
import { fields, name, nameSpan } from "./codec.ts";
import { EVENT_SLOTS, EVENTS_PER_SLOT_MAX, LAMPORT_MAX, MEMBERS_MAX } from "./constants.ts";
import { SERF, decodeUserEvent } from "./serf.ts";
import type { UserEvent } from "./serf.ts";

export interface SerfState {
  ltime: number;
  eventLtime: number;
  queryLtime: number;
  /** Members that left; their status time is that of the leaving. */
  left: ReadonlySet<string>;
  events: readonly UserEvent[];
  /** Gives the last intent's time of each member: the place of its name in `bytes`, and the time. */
  statuses(take: (bytes: Uint8Array, start: number, end: number, ltime: number) => void): void;
}

expectKeys(["LTime", "StatusLTimes", "LeftMembers", "EventLTime", "Events", "QueryLTime", "Name", "Payload"]);

export interface SerfParts {
  ltime: number;
  eventLtime: number;
  queryLtime: number;
  left: readonly string[];
  events: Iterable<UserEvent>;
  statusCount: number;
  /** Calls `put` for each of the `statusCount` members. */
  statuses(put: (node: string, ltime: number) => void): void;
}

export function encodeSerfState(parts: SerfParts): Uint8Array {
  const w = new MsgpackWriter(256 + 64 * parts.statusCount).byte(SERF.pushPull).map(6);
  w.text("LTime").int(parts.ltime).text("StatusLTimes").map(parts.statusCount);
  parts.statuses((node, ltime) => w.text(node).int(ltime));
  w.text("LeftMembers").array(parts.left.length);
  for (const node of parts.left) w.text(node);
  w.text("EventLTime").int(parts.eventLtime);
  const byTime = new Map<number, UserEvent[]>();
  for (const event of parts.events) {
    const list = byTime.get(event.ltime);
    if (list) list.push(event);
    else byTime.set(event.ltime, [event]);
  }
  w.text("Events").array(byTime.size);
  for (const [ltime, list] of byTime) {
    w.map(2).text("LTime").int(ltime).text("Events").array(list.length);
    for (const event of list) w.map(2).text("Name").text(event.name).text("Payload").raw(event.payload);
  }
  return w.text("QueryLTime").int(parts.queryLtime).finish();
}

/** `bytes` with their type byte. Throws WireError, also for what `statuses` would find. */
export function decodeSerfState(bytes: Uint8Array): SerfState {
  const times = { ltime: 0, eventLtime: 0, queryLtime: 0 };
  const left = new Set<string>();
  const events: UserEvent[] = [];
  let statusesAt = -1;
  fields(new MsgpackReader(bytes, 1), (key, r) => {
    if (key === "LTime") times.ltime = lamport(r);
    else if (key === "EventLTime") times.eventLtime = lamport(r);
    else if (key === "QueryLTime") times.queryLtime = lamport(r);
    else if (key === "StatusLTimes") {
      statusesAt = r.offset;
      // Whoever reads them later must not come upon a name that is no text.
      eachStatus(r, (start, end) => void (isAscii(bytes, start, end) || fromUtf8(bytes, start, end)));
    } else if (key === "LeftMembers") {
      for (let more = counted(r.arrayHeader(), MEMBERS_MAX); more > 0; more--) left.add(name(r));
    } else if (key === "Events") {
      for (let more = counted(r.arrayHeader(), 2 * EVENT_SLOTS); more > 0; more--) eventGroup(r, events);
    } else r.skip();
  });
  const statuses: SerfState["statuses"] = (take) => {
    if (statusesAt < 0) return;
    eachStatus(new MsgpackReader(bytes, statusesAt), (start, end, ltime) => take(bytes, start, end, ltime));
  };
  return { ...times, left, events, statuses };
}

function eachStatus(reader: MsgpackReader, take: (start: number, end: number, ltime: number) => void): void {
  for (let more = counted(reader.mapHeader(), MEMBERS_MAX); more > 0; more--) {
    const length = nameSpan(reader);
    const end = reader.offset;
    take(end - length, end, lamport(reader));
  }
}

/** The events of one Lamport time; nil stands for an empty slot of Go's buffer. */
function eventGroup(reader: MsgpackReader, events: UserEvent[]): void {
  let ltime = 0;
  const first = events.length;
  fields(reader, (key, r) => {
    if (key === "LTime") ltime = lamport(r);
    else if (key === "Events") {
      for (let more = counted(r.arrayHeader(), EVENTS_PER_SLOT_MAX); more > 0; more--) events.push(decodeUserEvent(r));
    } else r.skip();
  });
  for (let i = first; i < events.length; i++) events[i]!.ltime = ltime;
}

function counted(count: number, max: number): number {
  if (count > max) throw new WireError("too-large", `${count} entries`);
  return count;
}

function lamport(reader: MsgpackReader): number {
  return reader.uint(LAMPORT_MAX);
}
