/**
 * The key-value store as other services of this box use it. Keys are bytes as characters 0 to 255 (`keyOf` makes one of
 * text). Each operation on one key is linearizable over the whole community; many keys together are not a transaction.
 */
import type { Command, Found, Key, KvFailure, Result } from "../../protocols/kv/types.ts";
import type { PeerCounts } from "./peer-streams.ts";

/** The latest end of a key, in the year 5138: between boxes a later one, or a longer time, is cut to this. */
export const EXPIRES_MS_MAX = 10 ** 14;

export interface KvClient {
  /**
   * Done at the coordinator of the key, on the disks of a majority before it is answered. Operations of one caller on
   * one key take effect in the order of the calls. Throws a failure with code `kv-off`, `kv-failed`, `kv-unknown`,
   * `kv-no-majority`, `kv-too-many`, `kv-key-too-long`, `kv-value-too-large`, `kv-full`, or `disk-full` (the
   * store of this box has stopped); `signal` gives up waiting, not the operation.
   */
  run(key: Key, command: Command, options?: { timeoutMs?: number; signal?: AbortSignal }): Promise<Result>;
  /** Keys that begin with `prefix`, in no useful order; no snapshot. `cursor` undefined: the start, and the end. */
  list(prefix: Key, options: { limit: number; cursor?: string }): Promise<{ keys: Key[]; cursor: string | undefined }>;
  /** Tells what a key holds each time that it has changed; may pass over some states in between. */
  watch(prefix: Key, onChange: (change: { key: Key; now: Found | undefined }) => void): { stop(): void };
  /** Cheap, unlike the status. */
  state(): KvStatus["state"];
  status(): KvStatus;
}

export interface KvMember {
  boxId: string;
  node: number;
  isUp: boolean;
  /** Slots of which it is a member, by what this box knows. */
  slots: number;
  /** Slots that it should coordinate. */
  coordinates: number;
}

export interface KvStatus {
  state: "off" | "waiting" | "running" | "leaving" | "failed";
  /** Hexadecimal; undefined before one is founded or found. */
  store: string | undefined;
  node: number | undefined;
  members: readonly KvMember[];
  slots: { total: number; ready: number; copying: number; leaving: number };
  /** Slots held here whose groups are to change. */
  dueSlots: number;
  /** Slots of which a majority of the members seems to be up, of all that are known here. */
  reachableSlots: number;
  /** Of each key: the size of the smallest group. */
  copies: number;
  /** Members that may go, besides those that are away, before some slot has no majority. */
  survives: number;
  keys: number;
  bytes: number;
  quotaBytes: number;
  /** Changes of groups since the start, and those that this box carries on now. */
  moves: number;
  moving: number;
  /** Slots and keys that this box has copied from others since the start. */
  copiedSlots: number;
  copiedKeys: number;
  peers: PeerCounts;
  openOperations: number;
  /** Since the start. */
  operations: number;
  operationsPerSecond: number;
  /** Of the last minute's operations that were asked for here; undefined without any. */
  p50Ms: number | undefined;
  p99Ms: number | undefined;
}

export type { Command, Found, Key, KvFailure, Result };

export function keyOf(text: string): Key {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

/** As text, when it is text; undefined otherwise. */
export function textOf(key: Key): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      Uint8Array.from(key, (char) => char.charCodeAt(0)),
    );
  } catch {
    return undefined;
  }
}
