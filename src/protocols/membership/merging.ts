/**
 * Takes over what a push/pull tells, by the rules for news. With 20,000 members that is a fifth of a second of work,
 * so it is done for so many members at a time, and the driver comes to other things in between.
 */
import type { MsgpackReader } from "../wire/msgpack.ts";
import { fromUtf8 } from "../wire/utf8.ts";
import { decodeNode, decodeUserState } from "./codec.ts";
import type { NodeState, PushPullHead } from "./codec.ts";
import { MERGED_AT_ONCE_MAX, MERGES_MAX, MERGE_PAUSE_MS } from "./constants.ts";
import type { Core } from "./core.ts";
import { onIntent } from "./intents.ts";
import { refuseFault } from "./receive.ts";
import { decodeSerfState } from "./serf-state.ts";
import type { SerfState } from "./serf-state.ts";
import { SERF } from "./serf.ts";
import { mergeState } from "./state.ts";
import { onUserEvent } from "./user-events.ts";

export interface Merge {
  head: PushPullHead;
  /** Stands at the first node state that has not been read. */
  reader: MsgpackReader;
  nodesLeft: number;
  /** What happened before is not wanted: its events count as known. */
  skipPast: boolean;
  /** Told to nobody. */
  quiet: boolean;
  /** All is taken over, or something was no good. Not called when that throws at once. */
  done: (ok: boolean) => void;
}

/** Begins at once. Throws WireError for what is wrong in the first part; nothing of that part is taken over then. */
export function merge(core: Core, head: PushPullHead, reader: MsgpackReader, how: Partial<Merge> = {}): void {
  const begun: Merge = { head, reader, nodesLeft: head.nodes, skipPast: false, quiet: false, done: () => {}, ...how };
  // Of too many at one time nothing is kept for later.
  const atOnce = core.merges < MERGES_MAX ? MERGED_AT_ONCE_MAX : Infinity;
  if (mergePart(core, begun, atOnce)) return begun.done(true);
  core.merges++;
  core.timers.at(core.nowMs + MERGE_PAUSE_MS, () => mergeMore(core, begun));
}

function mergeMore(core: Core, begun: Merge): void {
  let ok = true;
  try {
    if (!mergePart(core, begun, MERGED_AT_ONCE_MAX)) {
      core.timers.at(core.nowMs + MERGE_PAUSE_MS, () => mergeMore(core, begun));
      return;
    }
  } catch (error) {
    refuseFault(core, error);
    ok = false;
  }
  core.merges--;
  begun.done(ok);
}

/** True when all is done. */
function mergePart(core: Core, begun: Merge, count: number): boolean {
  const { reader } = begun;
  const nodes: NodeState[] = [];
  for (; begun.nodesLeft > 0 && nodes.length < count; begun.nodesLeft--) nodes.push(decodeNode(reader, core.table));
  const isLast = begun.nodesLeft === 0;
  const userState = isLast ? decodeUserState(reader, begun.head.userBytes) : undefined;
  core.quiet = begun.quiet;
  try {
    for (const node of nodes) mergeState(core, node);
    if (userState && userState.length > 0) mergeSerf(core, userState, begun.skipPast);
  } finally {
    core.quiet = false;
  }
  return isLast;
}

/** Serf's part, of a push/pull or of a comparison. Throws WireError. */
export function mergeSerf(core: Core, bytes: Uint8Array, skipPast: boolean): void {
  if (bytes[0] !== SERF.pushPull) return core.refuse("unknown-type");
  const state = decodeSerfState(bytes);
  // One less, since no message with that time has been sent yet.
  if (state.ltime > 0) core.clock.witness(state.ltime - 1);
  if (state.eventLtime > 0) core.eventClock.witness(state.eventLtime - 1);
  if (state.queryLtime > 0) core.queryClock.witness(state.queryLtime - 1);
  mergeStatuses(core, state);
  if (skipPast) {
    core.events.minTime = Math.max(core.events.minTime, state.eventLtime);
    core.queriesSeen.minTime = Math.max(core.queriesSeen.minTime, state.queryLtime);
  }
  for (const event of state.events) onUserEvent(core, event);
}

function mergeStatuses(core: Core, state: SerfState): void {
  const leftAt = new Map<string, number>();
  for (const node of state.left) leftAt.set(node, 0);
  const others: { node: string; ltime: number }[] = [];
  state.statuses((bytes, start, end, ltime) => {
    const number = core.table.find(bytes, start, end);
    // Nearly all of them: nothing is new, and no name is built.
    const isOld = number >= 0 && ltime <= core.table.columns.statusTime(number);
    if (isOld) return core.clock.witness(ltime);
    const node = number >= 0 ? core.table.nameOf(number) : fromUtf8(bytes, start, end);
    if (leftAt.has(node)) leftAt.set(node, ltime);
    else others.push({ node, ltime });
  });
  for (const [node, ltime] of leftAt) onIntent(core, true, { ltime, node, prune: false });
  for (const { node, ltime } of others) onIntent(core, false, { ltime, node, prune: false });
}
