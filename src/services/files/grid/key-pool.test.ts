/** Keys that are ready before they are wanted, and none that is handed out twice. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { systemClock } from "../../../kernel/clock.ts";
import { virtualClock } from "../../../kernel/virtual-clock.ts";
import { isFailure } from "../../../kernel/errors.ts";
import { gridCrypto } from "../../../platform/grid-crypto.ts";
import { mutableKeys } from "../../../protocols/grid/mutable-keys.ts";
import { KeyPool, newRsaKey } from "./key-pool.ts";
import {
  KEYS_KEPT,
  KEYS_LOW,
  KEY_FILE_MAX_BYTES,
  KEY_MAKERS_MAX,
  KEY_QUIET_MS,
  KEY_RETRY_MS,
  KEY_WAITERS_MAX,
} from "./mutable-constants.ts";

const clock = systemClock();
let folder = "";
let made = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "comu-keys-"));
});
after(() => rm(folder, { recursive: true }));

const quick = () => Promise.resolve(Uint8Array.of(made++ & 255, made >> 8));
const turn = () => new Promise((resolve) => setImmediate(resolve));
const name = (key: Uint8Array) => key.join();

test("a key is one that the format wants", async () => {
  const key = await newRsaKey();
  assert.equal(mutableKeys(gridCrypto(), key).privateKey.length, key.length);
});

test("some are kept ready, one made at a time, and the pool is filled up again", async () => {
  let making = 0;
  let most = 0;
  const makeKey = async () => {
    most = Math.max(most, ++making);
    await turn();
    making--;
    return quick();
  };
  const pool = new KeyPool({ clock, makeKey });
  await pool.start();
  while (pool.size < KEYS_KEPT) await turn();
  assert.equal(most, 1);
  const keys = await Promise.all(Array.from({ length: 3 * KEYS_KEPT }, () => pool.take()));
  assert.equal(new Set(keys.map(name)).size, keys.length, "each only once");
  assert.equal(most, KEY_MAKERS_MAX);
  while (pool.size < KEYS_KEPT) await turn();
  await turn();
  assert.equal(pool.size, KEYS_KEPT);
  await pool.stop();
});

test("while keys are taken, none is made but when there are few", async () => {
  const times = virtualClock();
  const pool = new KeyPool({ clock: times, makeKey: quick });
  await pool.start();
  const filled = async (size: number) => {
    for (let turns = 0; turns < KEYS_KEPT * 2; turns++) await turn();
    assert.equal(pool.size, size);
  };
  await filled(KEYS_KEPT);
  for (let taken = 0; taken < 5; taken++) await pool.take();
  await filled(KEYS_KEPT - 5);
  for (let left = KEYS_KEPT - 5; left >= KEYS_LOW; left--) await pool.take();
  await filled(KEYS_LOW);
  times.advance(KEY_QUIET_MS);
  await filled(KEYS_KEPT);
  await pool.stop();
});

test("unused keys outlast a stop, in a file that is gone as soon as they are in use", async () => {
  const path = join(folder, "keys");
  const first = new KeyPool({ clock, makeKey: quick, path, kept: 4 });
  await first.start();
  while (first.size < 4) await turn();
  await first.stop();
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  const never = () => new Promise<Uint8Array>(() => {});
  const second = new KeyPool({ clock, makeKey: never, path, kept: 4 });
  await second.start();
  assert.deepEqual(await readdir(folder), []);
  const keys = await Promise.all([1, 2, 3, 4].map(() => second.take()));
  assert.equal(new Set(keys.map(name)).size, 4);
  await second.stop();
});

test("a file that is no list of keys, or too long, is dropped", async () => {
  const path = join(folder, "odd");
  for (const text of ["{", "{}", "[1]", `["${"A".repeat(KEY_FILE_MAX_BYTES)}"]`]) {
    await writeFile(path, text);
    const pool = new KeyPool({ clock, makeKey: () => new Promise(() => {}), path });
    await pool.start();
    assert.equal(pool.size, 0);
    assert.deepEqual(await readdir(folder), []);
    await pool.stop();
  }
});

test("so many may wait, and each may leave", async () => {
  const pool = new KeyPool({ clock, makeKey: () => new Promise(() => {}) });
  const end = new AbortController();
  const waiting = Promise.allSettled(Array.from({ length: KEY_WAITERS_MAX }, () => pool.take(end.signal)));
  await assert.rejects(pool.take(), (error) => isFailure(error, "files-too-many"));
  end.abort(new Error("enough"));
  assert.ok((await waiting).every(({ status }) => status === "rejected"));
  const another = AbortSignal.timeout(5);
  await assert.rejects(pool.take(another), { name: "TimeoutError" });
});

test("a key that cannot be made is tried again later", async () => {
  let asked = 0;
  const waits: number[] = [];
  const patient = { ...clock, after: (ms: number, run: () => void) => (waits.push(ms), clock.after(0, run)) };
  const makeKey = () => (asked++ === 0 ? Promise.reject(new Error("no memory")) : quick());
  const pool = new KeyPool({ clock: patient, makeKey });
  assert.ok((await pool.take()).length > 0);
  assert.deepEqual([asked, waits], [2, [KEY_RETRY_MS]]);
});
