/**
 * The key-value store of one real box on a small disk: it stops taking what grows before the disk is full, goes on
 * reading and removing, wins room back, and when others have filled the disk it comes back by itself. The data folder
 * is a small tmpfs, which only root may mount.
 */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, statfsSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { JOURNAL_SEGMENT_BYTES } from "../../src/platform/constants.ts";
import { KEPT_SEGMENTS, TIGHT_SEGMENTS } from "../../src/services/kv/disk-quota.ts";
import { AGAIN_MS } from "../../src/services/kv/service.ts";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { eventually, freePort } from "../support/process.ts";
import { fillDisk, smallDisk } from "../support/small-disk.ts";
import { RespConnection } from "./history-resp.ts";

const MIB = 1024 * 1024;
const DISK_MIB = 260;
const RESERVE_MIB = 16;
const QUOTA = "1GiB";
/** More than the disk holds. */
const KEYS_MAX = 300;
const ASK_MS = 60_000;
const ROOM_MS = 60_000;
/** The journal wins room back as long as it can. */
const FULL_MS = 120_000;

const valueOf = (n: number) => `${n} `.repeat(MIB / 2).slice(0, 1_000_000);

function freeBytes(disk: string): number {
  const { bavail, bsize } = statfsSync(disk);
  return bavail * bsize;
}

class Store {
  readonly box: Box;
  readonly #redis: RespConnection;
  /** What was acknowledged. */
  readonly keys = new Map<number, string>();

  constructor(box: Box, redis: RespConnection) {
    this.box = box;
    this.#redis = redis;
  }

  async ask(...words: string[]): Promise<string> {
    const answer = await this.#redis.ask(words, ASK_MS);
    return "text" in answer ? answer.text : "(none)";
  }

  async set(n: number, value = valueOf(n)): Promise<string> {
    const said = await this.ask("SET", `k${n}`, value);
    if (said === "OK") this.keys.set(n, value);
    return said;
  }

  async remove(n: number): Promise<void> {
    assert.equal(await this.ask("DEL", `k${n}`), "1", `k${n}`);
    this.keys.delete(n);
  }

  /** Exactly what was acknowledged is there. */
  async check(): Promise<void> {
    for (let n = 0; n < KEYS_MAX; n += 1) {
      const said = await this.ask("GET", `k${n}`);
      assert.ok(said === (this.keys.get(n) ?? "(none)"), `k${n}: ${said.slice(0, 80)}`);
    }
  }

  async state(): Promise<string> {
    return (await this.box.api<{ state: string }>("/kv/status")).state;
  }

  async warnings(): Promise<string[]> {
    const warnings = await this.box.api<{ code: string; severity: string }[]>("/health");
    return warnings.map(({ code, severity }) => `${code} ${severity}`).filter((one) => one.startsWith("kv-disk"));
  }
}

async function startStore(t: TestContext, disk: string): Promise<Store> {
  const data = join(disk, "data");
  mkdirSync(data, { mode: 0o700 });
  const box = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri", data, until: t });
  const port = await freePort();
  const values = { box: { diskReserveMiB: RESERVE_MIB }, kv: { respPort: port } };
  await box.api("/settings", { method: "PATCH", body: { values } });
  await box.cli(["kv", "on", "--quota", QUOTA]);
  const redis = new RespConnection(connect(port, "127.0.0.1"));
  t.after(() => redis.close());
  return new Store(box, redis);
}

test("a small disk: refused in time, room won back, and back by itself", { timeout: 300_000 }, async (t) => {
  const disk = await smallDisk(DISK_MIB);
  const store = await startStore(t, disk);

  let said = "";
  for (let n = 0; n < KEYS_MAX && !said.startsWith("OOM"); n += 1) said = await store.set(n);
  const held = store.keys.size;
  const free = Math.floor(freeBytes(disk) / MIB);
  assert.match(said, /^OOM /, `${held} values of 1 MB, ${free} MiB free`);
  // What is kept free, but for what the look before did not see.
  const kept = RESERVE_MIB + (KEPT_SEGMENTS * JOURNAL_SEGMENT_BYTES) / MIB;
  assert.ok(held > 100 && free > kept - 2 * 16 && free < kept + 3 * 16, `${held} values, ${free} MiB free`);
  assert.deepEqual([await store.state(), await store.warnings()], ["running", ["kv-disk-room warning"]]);
  await store.check();

  for (let n = 0; n < held; n += 2) await store.remove(n);
  const wonMiB = () => Math.floor(freeBytes(disk) / MIB) - free;
  // No more than makes the disk roomy: compaction costs something, too.
  const roomMiB = (TIGHT_SEGMENTS * JOURNAL_SEGMENT_BYTES) / MIB - 32;
  await eventually("room is won back", ROOM_MS, async () => {
    assert.ok(wonMiB() >= roomMiB, `${wonMiB()} MiB of ${roomMiB}`);
    return true;
  });
  const won = wonMiB();
  // The store looks at the disk now and then, and goes on compacting: that takes a segment before it gives one.
  for (let n = 0; n < 20; n += 2) {
    await eventually(`k${n} is taken again`, ROOM_MS, async () => (await store.set(n)) === "OK");
  }
  await store.check();

  fillDisk(disk);
  for (let n = 1; n < held / 2; n += 2) await store.remove(n);
  await eventually("others' last bytes", ROOM_MS, async () => (await store.set(0)).startsWith("OOM"));
  assert.equal(await store.state(), "running");
  await store.check();

  // Nothing that grows, and so it is let through, until the journal finds no room.
  fillDisk(disk);
  const last = held - (held % 2 === 0 ? 1 : 2);
  let turn = 0;
  await eventually("the disk is full", FULL_MS, async () => {
    fillDisk(disk);
    await store.set(last, valueOf((turn += 1)));
    return (await store.state()) === "failed";
  });
  assert.deepEqual(await store.warnings(), ["kv-disk-full error"]);
  assert.match(await store.ask("GET", `k${last}`), /^OOM the disk of this box is full/);
  const refused = await store.box.ask<{ error: { code: string } }>(`/api/v1/kv/entry?key=k${last}`);
  assert.deepEqual([refused.status, refused.body.error.code], [507, "disk-full"]);

  rmSync(join(disk, "filler"));
  await eventually("it runs again", 2 * AGAIN_MS, async () => (await store.state()) === "running");
  // Whether the last, unanswered one was done is not known.
  store.keys.set(last, await store.ask("GET", `k${last}`));
  assert.equal(store.keys.get(last)!.length, valueOf(0).length);
  await store.check();
  assert.equal(await store.set(0), "OK");
  t.diagnostic(`${held} values of 1 MB on ${DISK_MIB} MiB, then ${free} MiB free; half removed won ${won} MiB`);
});
