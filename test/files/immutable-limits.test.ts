/** The limits of waiting and asking, reached in virtual time with servers in memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../src/kernel/errors.ts";
import { virtualClock } from "../../src/kernel/virtual-clock.ts";
import type { VirtualClock } from "../../src/kernel/virtual-clock.ts";
import { ChkFile } from "../../src/protocols/grid/chk-decoder.ts";
import type { ChkReadCap } from "../../src/protocols/grid/caps.ts";
import { plainErasureCode } from "../../src/protocols/grid/erasure.ts";
import {
  ASKED_MAX,
  ASK_MAX_MS,
  HEDGES_MAX,
  READ_LAST_MAX_MS,
  READ_LATE_UNKNOWN_MS,
  READ_ROUNDS_MAX,
  STALL_LAST_MAX_MS,
  STALL_MAX_MS,
  WHOLE_LATE_MIN_MS,
} from "../../src/services/files/grid/constants.ts";
import { ShareFinder } from "../../src/services/files/grid/download-finding.ts";
import { Runs } from "../../src/services/files/grid/download-run.ts";
import { WorkMemory } from "../../src/platform/shared-memory.ts";
import { GridWorkers } from "../../src/services/files/grid/encode-pool.ts";
import { bytesOf, crypto, encoding, get, needsOf, put, sameContent } from "./immutable-grid.ts";
import { ShelfServer } from "./shelf-server.ts";

function shelfGrid(count: number) {
  const clock = virtualClock();
  const servers = Array.from({ length: count }, (_, index) => new ShelfServer(`shelf${index}`));
  const needs = { ...needsOf(() => servers, new GridWorkers({ clock, threads: 0 })), clock };
  return { clock, servers, needs };
}

/** Lets time pass until it is over; says how long that took. */
async function passing<T>(
  clock: VirtualClock,
  work: Promise<T>,
  maxMs: number,
): Promise<{ ms: number; error: unknown }> {
  let isOver = false;
  let failure: unknown;
  const startedMs = clock.monotonicMs();
  work.then(
    () => (isOver = true),
    (error: unknown) => {
      isOver = true;
      failure = error;
    },
  );
  while (!isOver && clock.monotonicMs() - startedMs < maxMs) {
    await clock.advanceSettled(50);
    await new Promise((done) => setImmediate(done));
  }
  assert.ok(isOver, `not over after ${maxMs} ms`);
  return { ms: clock.monotonicMs() - startedMs, error: failure };
}

test("a frozen server that cannot be done without is waited for, and not for ever", async () => {
  const { clock, servers, needs } = shelfGrid(4);
  for (const server of servers) server.takesWhole = false;
  servers[0]!.before = (what) => (what === "writeChunk" ? new Promise(() => {}) : Promise.resolve());
  const all = await passing(clock, put(needs, bytesOf(3000), encoding(2, 4, 4)), STALL_LAST_MAX_MS * 2);
  assert.ok(isFailure(all.error, "files-not-spread"), String(all.error));
  assert.ok(all.ms >= STALL_LAST_MAX_MS);
  const three = await passing(clock, put(needs, bytesOf(3001), encoding(2, 4, 3)), STALL_LAST_MAX_MS * 2);
  assert.equal(three.error, undefined);
  assert.ok(three.ms >= STALL_MAX_MS && three.ms < 4000, `${three.ms}`);
});

test("the same where small shares go in one request", async () => {
  const { clock, servers, needs } = shelfGrid(4);
  servers[0]!.before = (what) => (what === "putWhole" ? new Promise(() => {}) : Promise.resolve());
  const all = await passing(clock, put(needs, bytesOf(3000), encoding(2, 4, 4)), STALL_LAST_MAX_MS * 2);
  assert.ok(isFailure(all.error, "files-not-spread"), String(all.error));
  assert.ok(all.ms >= STALL_LAST_MAX_MS);
  const three = await passing(clock, put(needs, bytesOf(3001), encoding(2, 4, 3)), STALL_LAST_MAX_MS * 2);
  assert.equal(three.error, undefined);
  assert.ok(three.ms >= WHOLE_LATE_MIN_MS && three.ms < 2 * WHOLE_LATE_MIN_MS, `${three.ms}`);
});

test("when the last shares are silent, a download ends", async () => {
  const { clock, servers, needs } = shelfGrid(2);
  const uploading = put(needs, bytesOf(3000), encoding(2, 2));
  await passing(clock, uploading, 1000);
  const { cap } = await uploading;
  servers[1]!.before = (what) => (what === "read" ? new Promise(() => {}) : Promise.resolve());
  const { ms, error } = await passing(clock, get(needs, cap), READ_LAST_MAX_MS * 2);
  assert.ok(isFailure(error, "files-unreachable"));
  assert.ok(ms >= READ_LAST_MAX_MS);
});

test("many silent servers do not keep one from the good ones", async () => {
  const { clock, servers, needs } = shelfGrid(40);
  const content = bytesOf(3000);
  const uploading = put({ ...needs, servers: () => servers.slice(39) }, content, encoding(1, 1));
  await passing(clock, uploading, 1000);
  const { cap } = await uploading;
  let [asking, most] = [0, 0];
  for (const server of servers.slice(0, 39)) {
    server.before = () => {
      most = Math.max(most, ++asking);
      clock.after(ASK_MAX_MS, () => asking--);
      return new Promise(() => {});
    };
  }
  const reading = get(needs, cap);
  const { error } = await passing(clock, reading, 3 * ASK_MAX_MS);
  assert.equal(error, undefined);
  sameContent(await reading, content, "from the last server");
  assert.ok(most <= ASKED_MAX, `${most}`);
});

test("late readings make room for others", async () => {
  const { clock, servers, needs } = shelfGrid(10);
  const content = bytesOf(3000);
  const uploading = put(needs, content, encoding(1, 10));
  await passing(clock, uploading, 1000);
  const { cap } = await uploading;
  let frozen = 0;
  for (const server of servers) {
    server.before = (what) => (what === "read" && frozen++ < 6 ? new Promise(() => {}) : Promise.resolve());
  }
  const reading = get(needs, cap);
  const { ms } = await passing(clock, reading, 2 * READ_LAST_MAX_MS);
  sameContent(await reading, content, "from the seventh server");
  assert.ok(frozen > 1 + HEDGES_MAX && ms < 8 * READ_LATE_UNKNOWN_MS, `${frozen} ${ms}`);
});

test("a share that always needs more is given up", async () => {
  const { clock, servers, needs } = shelfGrid(1);
  const uploading = put(needs, bytesOf(3000), encoding(1, 1));
  await passing(clock, uploading, 1000);
  const cap = (await uploading).cap as ChkReadCap;
  const file = new ChkFile({ crypto, code: plainErasureCode(1, 1), cap });
  const memory = new WorkMemory(undefined);
  const common = { clock, file, memory, storageIndex: "a".repeat(26), signal: new AbortController().signal };
  const finder = new ShareFinder({ ...common, servers: [], onChange: () => {} });
  const reader = file.share(0);
  reader.open = () => ({ state: "needs", ranges: [{ at: 0, length: 1 }] });
  servers[0]!.asked.length = 0;
  servers[0]!.immutables.set(common.storageIndex, new Map([[0, new Uint8Array(10)]]));
  finder.sources.push({ server: servers[0]!, number: 0, reader, state: "good", lates: 0 });
  const fetching = new Runs({ ...common, finder }).fetch({ atByte: 0, bytes: 1, of: () => ({ first: 0, count: 1 }) });
  const { error } = await passing(clock, fetching, 5000);
  assert.ok(isFailure(error, "files-damaged"));
  assert.equal(servers[0]!.asked.filter((what) => what === "read").length, READ_ROUNDS_MAX);
});

test("a file that is too large to be encoded is refused before anything is read", async () => {
  const { needs } = shelfGrid(1);
  const endless = { bytes: 2 ** 45, read: () => assert.fail("it was read") };
  await assert.rejects(put(needs, endless, encoding(3, 10)), (error) => {
    assert.ok(isFailure(error, "files-too-large"));
    assert.equal(error.params["limit"], 2 ** 39);
    return true;
  });
});
