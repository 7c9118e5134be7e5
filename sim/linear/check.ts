/**
 * Judges a history of the key-value store: is each key linearizable? Keys do not touch one another, so each is
 * checked by itself (Herlihy and Wing: if each object is, the whole is; Horn and Kroening use it to be quick).
 */
import type { Operation } from "./history.ts";
import { register } from "./register.ts";
import type { Value } from "./register.ts";
import { findOrder } from "./search.ts";
import type { Model } from "./search.ts";

/**
 * So many places in the search for one key. A history without errors takes about as many as it has operations; more
 * are needed where many writes of one key are under way together, or ended unknown. Each takes some 300 bytes.
 */
export const STATES_MAX = 1_000_000;
/** Of the order that was found, so many of the last operations are told. */
export const EXCERPT_MAX = 8;

export type Verdict = "ok" | "illegal" | "unknown";

export interface KeyVerdict {
  key: string;
  verdict: Verdict;
  /** Those that say something: not the failed ones, and no reads without an answer. */
  operations: number;
  /** How many places the search has looked at. */
  states: number;
  /** What it went wrong at; undefined when ok. With "unknown": how far the search came. */
  excerpt: Excerpt | undefined;
}

/** The longest order that fits the beginning of the key's history, and what cannot follow. */
export interface Excerpt {
  /** How many operations the order has. */
  ordered: number;
  /** Its last ones, at most EXCERPT_MAX. */
  last: Operation[];
  /** The value after it. */
  value: Value;
  /** Those of which one would have to come next. */
  stuck: Operation[];
  /**
   * Those that come later and must see `value`, which is why none of `stuck` may change it. Often empty. If `stuck` is
   * empty: those that saw what was never written.
   */
  needing: Operation[];
}

export interface Judgement {
  /** "illegal" if one key is, otherwise "unknown" if one is, or if no operation is known to be done. */
  verdict: Verdict;
  /** In the order in which the history names them. */
  keys: KeyVerdict[];
}

export interface CheckOptions {
  statesMax?: number;
  model?: Model<Value, Operation>;
}

export function checkHistory(history: readonly Operation[], options: CheckOptions = {}): Judgement {
  const byKey = new Map<string, Operation[]>();
  for (const one of history) {
    const same = byKey.get(one.key);
    if (same) same.push(one);
    else byKey.set(one.key, [one]);
  }
  const keys = [...byKey].map(([key, operations]) => checkKey(key, operations, options));
  const has = (verdict: Verdict) => keys.some((one) => one.verdict === verdict);
  if (has("illegal")) return { verdict: "illegal", keys };
  const isShown = history.some((one) => one.status === "ok");
  return { verdict: has("unknown") || !isShown ? "unknown" : "ok", keys };
}

/** `operations`: all of one key. */
export function checkKey(key: string, operations: readonly Operation[], options: CheckOptions = {}): KeyVerdict {
  const spans = operations.filter(saysSomething).map((op) => ({
    op,
    callNs: op.call,
    // It may be done at any later time, or never.
    retNs: op.status === "info" ? Infinity : op.ret!,
  }));
  const { verdict, order, state, stuck, needing, states } = findOrder(
    options.model ?? register,
    spans,
    options.statesMax ?? STATES_MAX,
  );
  const last = order.slice(-EXCERPT_MAX);
  const excerpt = verdict === "ok" ? undefined : { ordered: order.length, last, value: state, stuck, needing };
  return { key, verdict, operations: spans.length, states, excerpt };
}

function saysSomething(one: Operation): boolean {
  return one.status === "ok" || (one.status === "info" && one.op !== "get");
}
