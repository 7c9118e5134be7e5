/**
 * The shapes of the key-value store that its users see: keys, commands and what comes of them. docs/protocols/kv.md
 * says what each promises.
 */

/** Bytes as a string, one character (0 to 255) for each: binary-safe, and quick to look up. */
export type Key = string;

/** (ballot round, ballot node, number in it): a higher one is newer. As text "round.node.n". */
export interface Version {
  round: number;
  node: number;
  n: number;
}

/** When a change is made; otherwise nothing changes, and the result says so. */
export type Condition =
  | { is: "absent" }
  | { is: "present" }
  | { is: "version"; version: Version }
  | { is: "value"; value: Uint8Array };

/** When a key ends. `ttlMs` counts from when its coordinator takes the command. */
export type Expiry =
  | { type: "never" }
  | { type: "keep" }
  | { type: "after"; ttlMs: number }
  | { type: "at"; ms: number };

export type Command =
  /** `stale`: in one phase, also where no majority answers; it may be behind. Not linearizable. */
  | { type: "get"; stale?: boolean }
  | { type: "put"; value: Uint8Array; expiry: Expiry; when?: Condition; returnBefore?: boolean }
  | { type: "delete"; when?: Condition; returnBefore?: boolean }
  /** Adds to a decimal integer of 64 bits; an absent key counts as 0. */
  | { type: "add"; by: bigint }
  /** Not done when the key is absent. */
  | { type: "expire"; expiry: Expiry };

/** What a key holds. */
export interface Found {
  value: Uint8Array;
  version: Version;
  /** Wall clock of whoever set it; null: for ever. */
  expiresMs: number | null;
}

export type Result =
  /**
   * A read, or a change that was made. `before`: what the key held (for a put and a delete only when it was asked for);
   * `after`: what it holds now.
   */
  | { status: "done"; before: Found | undefined; after: Found | undefined }
  /** The condition was not met, or there was nothing to remove or to expire. */
  | { status: "unchanged"; before: Found | undefined }
  /** Not done: the value is no integer of 64 bits, or would no longer be one. */
  | { status: "not-an-integer" }
  /** The change was made, by a try whose answer was lost; what the key held before is not known any more. */
  | { status: "repeated"; after: Found | undefined };

/** Why an operation has no result. With `unknown` it may have been done or may still be. The others are certain. */
export type KvFailure =
  | "unknown"
  /** No majority of a slot's members answered in time; nothing was proposed. */
  | "no-majority"
  /** This box waits for too many operations already. */
  | "too-many"
  | "key-too-long"
  | "value-too-large"
  /** The members have no room. */
  | "full";
