/**
 * The messages of a reconciliation, and their checks. One box (the initiator) asks, the other answers and keeps
 * nothing between two requests. A request may carry several things at once; an answer says how far it got within its
 * budget, and the initiator asks again for the rest.
 */
import {
  AUTHORS_PER_MESSAGE_MAX,
  COMPARES_PER_MESSAGE_MAX,
  FETCHES_PER_MESSAGE_MAX,
  LEAF_AUTHORS_MAX,
  LIVE_PER_AUTHOR_MAX,
  RECORDS_PER_MESSAGE_MAX,
} from "./constants.ts";
import { isBoxId, type SignedRecord } from "./record.ts";

export interface SyncRequest {
  /** "My digest under this prefix is": answered only where it differs. */
  compare: [prefix: string, digest: string][];
  /** "Of this author I hold these": answered with what I lack and what you lack. */
  authors: [author: string, refs: string[]][];
  /** "I hold nothing under this prefix": everything there, of authors after the given one. */
  fetch: [prefix: string, after: string][];
  /** What the other lacks. */
  records: SignedRecord[];
}

export type NodeAnswer =
  | [prefix: string, shape: "inner", children: [char: string, digest: string][]]
  | [prefix: string, shape: "leaf", authors: [author: string, digest: string][]];

export interface SyncAnswer {
  /** How many of `compare` were looked at; those not in `nodes` were equal. */
  compared: number;
  nodes: NodeAnswer[];
  /** How many of `authors` were answered. When `cut`, the last of them only in part: ask for it again. */
  answered: number;
  cut: boolean;
  want: [author: string, refs: string[]][];
  /** How many of `fetch` were sent whole, and of the one after them up to which author, if it was begun. */
  fetched: number;
  next: string | null;
  /** Authors in `fetch` that are too large for it: ask for them singly. */
  large: string[];
  records: unknown[];
}

const PREFIX = /^[a-z2-7]{0,52}$/;
const DIGEST = /^[A-Za-z0-9_-]{16}$|^$/;
const REF = /^[1-9][0-9]{0,15}:[0-9a-f]{16}$/;
/** Ours, and those of theirs that came already when an author is sent in parts; a witness and two permanent each. */
const REFS_MAX = 2 * (LIVE_PER_AUTHOR_MAX + 3);

/** The request, or undefined when it is not one; its records are checked one by one later. */
export function readRequest(value: unknown): SyncRequest | undefined {
  const { compare, authors, fetch, records } = asObject(value);
  const good =
    isListOf(compare, COMPARES_PER_MESSAGE_MAX, (item) => isPair(item, isPrefix, isDigest)) &&
    isListOf(authors, AUTHORS_PER_MESSAGE_MAX, (item) => isPair(item, isBoxId, isRefs)) &&
    isListOf(fetch, FETCHES_PER_MESSAGE_MAX, (item) => isPair(item, isPrefix, isPrefix)) &&
    isListOf(records, RECORDS_PER_MESSAGE_MAX, () => true);
  return good ? ({ compare, authors, fetch, records } as SyncRequest) : undefined;
}

/** The answer, or undefined when it is not one. Whether it fits the request is the session's to check. */
export function readAnswer(value: unknown): SyncAnswer | undefined {
  const { compared, nodes, answered, cut, want, fetched, next, large, records } = asObject(value);
  const good =
    isCount(compared, COMPARES_PER_MESSAGE_MAX) &&
    isListOf(nodes, COMPARES_PER_MESSAGE_MAX, isNodeAnswer) &&
    isCount(answered, AUTHORS_PER_MESSAGE_MAX) &&
    typeof cut === "boolean" &&
    isListOf(want, AUTHORS_PER_MESSAGE_MAX, (item) => isPair(item, isBoxId, isRefs)) &&
    isCount(fetched, FETCHES_PER_MESSAGE_MAX) &&
    (next === null || isBoxId(next)) &&
    isListOf(large, RECORDS_PER_MESSAGE_MAX, isBoxId) &&
    isListOf(records, RECORDS_PER_MESSAGE_MAX, () => true);
  if (!good) return undefined;
  return { compared, nodes, answered, cut, want, fetched, next, large, records } as SyncAnswer;
}

function isNodeAnswer(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 3 || !isPrefix(value[0])) return false;
  const [prefix, shape, items] = value as [string, unknown, unknown];
  if (shape === "inner")
    return isListOf(items, 32, (item) => isPair(item, (char) => isPrefix(char) && char.length === 1, isDigest));
  const isHere = (author: unknown) => isBoxId(author) && author.startsWith(prefix);
  return shape === "leaf" && isListOf(items, LEAF_AUTHORS_MAX, (item) => isPair(item, isHere, isDigest));
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function isListOf(value: unknown, max: number, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length <= max && value.every(isItem);
}

function isPair(value: unknown, isA: (a: unknown) => boolean, isB: (b: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length === 2 && isA(value[0]) && isB(value[1]);
}

function isRefs(value: unknown): boolean {
  return isListOf(value, REFS_MAX, (ref) => typeof ref === "string" && REF.test(ref));
}

function isPrefix(value: unknown): value is string {
  return typeof value === "string" && PREFIX.test(value);
}

function isDigest(value: unknown): boolean {
  return typeof value === "string" && DIGEST.test(value);
}

function isCount(value: unknown, max: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;
}

/** Bytes and records that one message may still take. */
export class Budget {
  bytes: number;
  records: number;

  constructor(bytes: number, records: number) {
    this.bytes = bytes;
    this.records = records;
  }

  get spent(): boolean {
    return this.bytes <= 0 || this.records <= 0;
  }

  take(bytes: number, records = 0): void {
    this.bytes -= bytes;
    this.records -= records;
  }
}

export const ID_BYTES = 60;
export const REF_BYTES = 30;
export const DIGEST_BYTES = 26;
