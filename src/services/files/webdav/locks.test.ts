/** Locks: what they cover, when they end, and how many there may be. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../kernel/random.ts";
import { virtualClock } from "../../../kernel/virtual-clock.ts";
import { LOCKS_MAX, LOCKS_PER_ACCOUNT_MAX, LOCK_DEFAULT_MS, LOCK_MAX_MS } from "./constants.ts";
import type { AccountLocks, Lock, LockWish } from "./locks.ts";
import { LockTable } from "./locks.ts";
import { Refusal } from "./refusal.ts";

const wish = (path: string, more: Partial<LockWish> = {}): LockWish => ({
  ...{ path, isFolder: false, isDeep: true, isShared: false, owner: "", timeoutMs: undefined },
  ...more,
});
const clock = virtualClock();
const newTable = () => new LockTable(clock, seededRandom(1));
const full = (error: unknown) => error instanceof Refusal && error.status === 507;

function granted(locks: AccountLocks, wanted: LockWish): Lock {
  const lock = locks.grant(wanted);
  assert.ok("token" in lock, "it is locked already");
  assert.match(lock.token, /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  return lock;
}

test("a deep lock covers what is below, a flat one does not", () => {
  const locks = newTable().of("anna");
  const deep = granted(locks, wish("/a"));
  const flat = granted(locks, wish("/b", { isDeep: false }));
  assert.deepEqual(locks.covering("/a/x/y"), [deep]);
  assert.deepEqual(locks.covering("/ab"), []);
  assert.deepEqual(locks.covering("/b"), [flat]);
  assert.deepEqual(locks.covering("/b/x"), []);
  assert.deepEqual(locks.below("/"), [deep, flat]);
  assert.deepEqual(locks.below("/a"), []);
});

test("exclusive locks stand against all, shared ones against exclusive ones, below, too", () => {
  const locks = newTable().of("anna");
  const one = granted(locks, wish("/a/b", { isShared: true }));
  const two = granted(locks, wish("/a/b", { isShared: true }));
  assert.deepEqual(locks.grant(wish("/a/b")), [one, two]);
  assert.deepEqual(locks.grant(wish("/a")), [one, two]);
  granted(locks, wish("/a", { isDeep: false }));
  assert.equal((locks.grant(wish("/a/b/c")) as Lock[]).length, 2);
});

test("accounts do not see each other's locks", () => {
  const table = newTable();
  granted(table.of("anna"), wish("/a"));
  granted(table.of("joan"), wish("/a"));
});

test("a lock ends with its time, and lives on when it is refreshed", () => {
  const locks = newTable().of("anna");
  const lock = granted(locks, wish("/a"));
  clock.advance(LOCK_DEFAULT_MS - 1);
  assert.equal(locks.refresh(lock.token, "/a/b", undefined), lock);
  clock.advance(LOCK_DEFAULT_MS - 1);
  assert.equal(locks.covering("/a").length, 1);
  clock.advance(1);
  assert.equal(locks.covering("/a").length, 0);
  assert.equal(locks.refresh(lock.token, "/a", undefined), undefined);
  assert.equal(granted(locks, wish("/b", { timeoutMs: Infinity })).timeoutMs, LOCK_MAX_MS);
  assert.equal(granted(locks, wish("/c", { timeoutMs: 5 })).timeoutMs, 5);
});

test("a lock is released by its token, and goes with what it was on", () => {
  const locks = newTable().of("anna");
  const lock = granted(locks, wish("/a"));
  assert.equal(locks.release(lock.token, "/b"), false);
  assert.equal(locks.release("urn:uuid:0", "/a"), false);
  assert.equal(locks.release(lock.token, "/a"), true);
  granted(locks, wish("/f", { isDeep: false }));
  granted(locks, wish("/f/a"));
  const other = granted(locks, wish("/g"));
  locks.dropBelow("/f");
  assert.equal(locks.covering("/f").length, 1);
  locks.drop("/f");
  locks.drop("/g/x");
  assert.deepEqual(locks.below("/"), [other]);
});

test("the locks of an account and of all are limited; those whose time is over make room", () => {
  const table = newTable();
  const accounts = LOCKS_MAX / LOCKS_PER_ACCOUNT_MAX;
  for (let account = 0; account < accounts; account += 1) {
    const locks = table.of(`a${account}`);
    // The table is asked, not the conflicts: those are looked at above.
    for (let index = 0; index < LOCKS_PER_ACCOUNT_MAX; index += 1) granted(locks, wish(`/${index}`));
    if (account === 0) assert.throws(() => locks.grant(wish("/more")), full);
  }
  assert.throws(() => table.of("one more").grant(wish("/a")), full);
  clock.advance(LOCK_DEFAULT_MS);
  granted(table.of("one more"), wish("/a"));
  assert.equal(table.count(), 1);
});
