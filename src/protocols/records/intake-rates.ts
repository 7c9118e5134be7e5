/**
 * How much of what others send is looked at, so that nobody keeps this box busy or fills what the others share.
 *
 *   from one neighbour   signatures checked of what it sends unasked; records with a bad signature, whatever the way
 *   of one author        records taken: pushed (few, they are news), or brought by reconciliation (all it can have)
 *
 * An author's share is charged only for what it signed, or others could use it up in its name; and it is looked at
 * before the signature, so that an author without a share costs nothing.
 */
import {
  AUTHOR_PUSH_BURST,
  AUTHOR_PUSH_PER_SECOND,
  AUTHOR_SYNC_BURST,
  AUTHOR_SYNC_PER_SECOND,
  BUCKETS_MAX,
  JOIN_CHECKS,
  PEER_CHECKS_BURST,
  PEER_CHECKS_PER_SECOND,
  PEER_FORGERIES_BURST,
  PEER_FORGERIES_PER_SECOND,
} from "./constants.ts";
import { JOIN_KIND } from "./record.ts";
import type { Via } from "./step.ts";
import { TokenBuckets } from "./token-buckets.ts";

const buckets = (burst: number, perSecond: number) => new TokenBuckets({ burst, perSecond, bucketsMax: BUCKETS_MAX });

/** Who sent it, who wrote it, how it came. */
export interface Origin {
  from: string;
  author: string;
  via: Via;
}

export class IntakeRates {
  readonly #checksFrom = buckets(PEER_CHECKS_BURST, PEER_CHECKS_PER_SECOND);
  readonly #forgeriesFrom = buckets(PEER_FORGERIES_BURST, PEER_FORGERIES_PER_SECOND);
  readonly #pushedBy = buckets(AUTHOR_PUSH_BURST, AUTHOR_PUSH_PER_SECOND);
  readonly #broughtBy = buckets(AUTHOR_SYNC_BURST, AUTHOR_SYNC_PER_SECOND);

  /** Before any signature: whether `checks` of them may be looked at. */
  mayCheck({ from, author, via }: Origin, checks: number, nowMs: number): boolean {
    if (!this.#forgeriesFrom.has(from, nowMs) || !this.#ofAuthor(via).has(author, nowMs)) return false;
    // What we asked for comes at the pace at which we ask.
    return via === "sync" || this.#checksFrom.take(from, nowMs, checks);
  }

  /** A signature was bad. */
  forged(from: string, nowMs: number): void {
    this.#forgeriesFrom.take(from, nowMs);
  }

  /** True when nothing of this neighbour is looked at any more. */
  isForger(from: string, nowMs: number): boolean {
    return !this.#forgeriesFrom.has(from, nowMs);
  }

  /** It was genuine, and is taken. */
  took({ author, via }: Origin, nowMs: number): void {
    this.#ofAuthor(via).take(author, nowMs);
  }

  #ofAuthor(via: Via): TokenBuckets {
    return via === "push" ? this.#pushedBy : this.#broughtBy;
  }
}

/** Signatures that have to be checked before a record of a kind is taken. Anything may be asked, also what is none. */
export function checksOf(record: unknown): number {
  const { kind } = (typeof record === "object" && record !== null ? record : {}) as { kind?: unknown };
  return kind === JOIN_KIND ? JOIN_CHECKS : 1;
}
