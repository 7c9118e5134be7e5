/**
 * All that we know as one message: the body of a push/pull, of a snapshot, and of the answer to a comparison, which
 * has some of the members only.
 */
import { STATE, encodePushPull } from "./codec.ts";
import type { Selection } from "./codec.ts";
import { COMPRESS_BYTES_MIN } from "./constants.ts";
import type { Core } from "./core.ts";
import { encodeSerfState } from "./serf-state.ts";
import type { UserEvent } from "./serf.ts";
import { stateOf } from "./state.ts";
import { encodeCompressed } from "./wrapping.ts";

export interface Part {
  /** Which members, by number. */
  has: (number: number) => boolean;
  events: readonly UserEvent[];
  /** Makes it the asking side's message of a comparison. */
  selection?: Selection;
}

/** Everything, or a part of it. */
export function encodeLocalState(core: Core, join: boolean, part?: Part): Uint8Array {
  const { table } = core;
  const numbers = [...table.numbers()].filter((number) => !part || part.has(number));
  const told = numbers.filter((number) => isTold(core, number));
  const left = numbers.filter((number) => table.columns.state(number) === STATE.left);
  const userState = encodeSerfState({
    ltime: core.clock.time,
    eventLtime: core.eventClock.time,
    queryLtime: core.queryClock.time,
    left: left.map((number) => table.nameOf(number)),
    events: part?.events ?? core.events.entries(),
    statusCount: numbers.length,
    statuses: (put) => {
      for (const number of numbers) put(table.nameOf(number), table.columns.statusTime(number));
    },
  });
  const nodes = (put: (node: ReturnType<typeof stateOf>) => void) => {
    for (const number of told) put(stateOf(table.record(number)));
  };
  return packed(core, encodePushPull(join, told.length, userState, nodes, part?.selection));
}

/** What died long ago is forgotten by memberlist; to name it again would only make others suspect it. */
function isTold(core: Core, number: number): boolean {
  if (core.table.isLiving(number)) return true;
  const sinceMs = core.nowMs - core.profile.gossipToDeadMs;
  return core.table.columns.sinceMs[number]! >= sinceMs && !core.forgotten.has(core.table.nameOf(number));
}

function packed(core: Core, bytes: Uint8Array): Uint8Array {
  if (!core.config.compress || bytes.length < COMPRESS_BYTES_MIN) return bytes;
  const smaller = encodeCompressed(bytes);
  return smaller.length < bytes.length ? smaller : bytes;
}
