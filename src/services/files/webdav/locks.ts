/**
 * Write locks (RFC 4918, sections 6 and 7), in memory: they hold among the WebDAV clients of one account, and end with
 * their time, or with the server. A lock on a folder with depth "infinity" covers what is in it, now and later.
 */
import type { Clock } from "../../../kernel/clock.ts";
import type { Random } from "../../../kernel/random.ts";
import { LOCKS_MAX, LOCKS_PER_ACCOUNT_MAX, LOCK_DEFAULT_MS, LOCK_MAX_MS } from "./constants.ts";
import { refuse } from "./refusal.ts";

export interface LockWish {
  path: string;
  isFolder: boolean;
  /** Depth "infinity". */
  isDeep: boolean;
  isShared: boolean;
  /** What the client says of its user: an `owner` element as XML, or "". */
  owner: string;
  /** As wished; undefined: as we like. */
  timeoutMs: number | undefined;
}

export interface Lock extends Omit<LockWish, "timeoutMs"> {
  /** "urn:uuid:…" */
  token: string;
  timeoutMs: number;
  /** Monotonic. */
  untilMs: number;
}

export class LockTable {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #accounts = new Map<string, Map<string, Lock>>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  of(account: string): AccountLocks {
    return new AccountLocks(
      () => this.#living(account),
      (wish) => this.#add(account, wish),
      () => this.#clock.monotonicMs(),
    );
  }

  /** Of all accounts, those included whose time is over and that nobody has asked about since. */
  count(): number {
    let sum = 0;
    for (const locks of this.#accounts.values()) sum += locks.size;
    return sum;
  }

  #living(account: string): Map<string, Lock> {
    const locks = this.#accounts.get(account);
    if (!locks) return new Map();
    const nowMs = this.#clock.monotonicMs();
    for (const [token, lock] of locks) if (lock.untilMs <= nowMs) locks.delete(token);
    if (locks.size === 0) this.#accounts.delete(account);
    return locks;
  }

  #add(account: string, wish: LockWish): Lock {
    if (this.count() >= LOCKS_MAX) for (const name of this.#accounts.keys()) this.#living(name);
    const locks = this.#living(account);
    if (locks.size >= LOCKS_PER_ACCOUNT_MAX || this.count() >= LOCKS_MAX) refuse(507, "too many locks");
    const timeoutMs = Math.min(wish.timeoutMs ?? LOCK_DEFAULT_MS, LOCK_MAX_MS);
    const token = `urn:uuid:${uuid(this.#random.bytes(16))}`;
    const lock: Lock = { ...wish, token, timeoutMs, untilMs: this.#clock.monotonicMs() + timeoutMs };
    locks.set(token, lock);
    this.#accounts.set(account, locks);
    return lock;
  }
}

/** The locks of one account; each call sees those whose time is not over. */
export class AccountLocks {
  readonly #living: () => Map<string, Lock>;
  readonly #add: (wish: LockWish) => Lock;
  readonly #nowMs: () => number;

  constructor(living: () => Map<string, Lock>, add: (wish: LockWish) => Lock, nowMs: () => number) {
    this.#living = living;
    this.#add = add;
    this.#nowMs = nowMs;
  }

  /** Those that hold for what is at `path`, or would be. */
  covering(path: string): Lock[] {
    return [...this.#living().values()].filter(
      (lock) => lock.path === path || (lock.isDeep && isBelow(path, lock.path)),
    );
  }

  /** Those on what is in this folder, however deep. */
  below(path: string): Lock[] {
    return [...this.#living().values()].filter((lock) => isBelow(lock.path, path));
  }

  /** The new lock, or those that stand against it. Refuses with 507. */
  grant(wish: LockWish): Lock | readonly Lock[] {
    const met = [...this.covering(wish.path), ...(wish.isDeep ? this.below(wish.path) : [])];
    const against = met.filter((lock) => !lock.isShared || !wish.isShared);
    return against.length > 0 ? against : this.#add(wish);
  }

  /** Undefined when there is no such lock on this path. */
  refresh(token: string, path: string, timeoutMs: number | undefined): Lock | undefined {
    const lock = this.covering(path).find((one) => one.token === token);
    if (!lock) return undefined;
    lock.timeoutMs = Math.min(timeoutMs ?? LOCK_DEFAULT_MS, LOCK_MAX_MS);
    lock.untilMs = this.#nowMs() + lock.timeoutMs;
    return lock;
  }

  /** False when there is no such lock on this path. */
  release(token: string, path: string): boolean {
    const isThere = this.covering(path).some((lock) => lock.token === token);
    return isThere && this.#living().delete(token);
  }

  /** What was at `path` is gone, and with it the locks on it and below. */
  drop(path: string): void {
    this.dropBelow(path);
    for (const lock of this.covering(path)) if (lock.path === path) this.#living().delete(lock.token);
  }

  dropBelow(path: string): void {
    for (const lock of this.below(path)) this.#living().delete(lock.token);
  }
}

function isBelow(path: string, folder: string): boolean {
  return path !== folder && path.startsWith(folder === "/" ? "/" : `${folder}/`);
}

/** RFC 9562, version 4. */
function uuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes);
  hex[6] = (hex[6]! & 0x0f) | 0x40;
  hex[8] = (hex[8]! & 0x3f) | 0x80;
  const text = hex.toString("hex");
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join("-");
}
