/** What goes into a node and what comes out, and its counters. */
import type { Put } from "./core.ts";
import type { Message, View } from "./messages.ts";
import type { SlotStatus } from "./slot.ts";
import type { Command, Found, Key, KvFailure, Result } from "./types.ts";

export interface KvConfig {
  /** 48 random bits, drawn when the store was made; and of this run of the program. */
  node: number;
  life: number;
  degree: number;
  /** SLOTS; the same for all nodes of a store. Fewer only in tests. */
  slots: number;
  /** Bytes of contents that this node takes; may change. */
  quotaBytes: () => number;
}

/** Where a listing goes on: in this slot, after this key. */
export interface ListCursor {
  slot: number;
  after: Key | undefined;
}

export type KvEvent =
  /** Wanted every TICK_MS. */
  | { type: "tick" }
  | { type: "frame"; from: number; messages: readonly Message[] }
  /** All puts of `store` effects up to this number are on disk. */
  | { type: "stored"; no: number }
  | { type: "operation"; id: number; key: Key; command: Command; timeoutMs?: number }
  /**
   * Which nodes seem to be up; which should hold slots: those that take part and have not been gone for long; and which
   * have said that they leave.
   */
  | { type: "peers"; up: readonly number[]; nodes: readonly number[]; leaving: readonly number[] }
  /** Makes the first views of all slots, with this node alone. Only ever once in the life of a store. */
  | { type: "found" }
  | { type: "list"; id: number; prefix: Key; cursor?: ListCursor; limit: number; timeoutMs?: number }
  | { type: "watch"; id: number; prefix: Key }
  | { type: "unwatch"; id: number };

export type Effect =
  | { type: "store"; no: number; puts: readonly Put[] }
  | { type: "send"; to: number; messages: readonly Message[] }
  | { type: "done"; id: number; result: Result }
  | { type: "failed"; id: number; why: KvFailure }
  | { type: "listed"; id: number; keys: readonly Key[]; next: ListCursor | undefined }
  | { type: "changed"; id: number; key: Key; now: Found | undefined }
  | { type: "moved"; slot: number; view: View; status: SlotStatus };

export interface KvCounts {
  operations: number;
  forwarded: number;
  proposals: number;
  confirms: number;
  refused: number;
  ballots: number;
  imposed: number;
  views: number;
  /** Slots of which this node has come to hold a whole copy. */
  copiedSlots: number;
  copiedKeys: number;
  copiedBytes: number;
  /** Messages that made no sense where they came. */
  stray: number;
}

export const TICK_MS = 50;

export function newCounts(): KvCounts {
  const zeros = { operations: 0, forwarded: 0, proposals: 0, confirms: 0, refused: 0, ballots: 0, imposed: 0 };
  return { ...zeros, views: 0, copiedSlots: 0, copiedKeys: 0, copiedBytes: 0, stray: 0 };
}
