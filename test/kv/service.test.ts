/** The kv service as its owner's settings want it: taking part, Redis clients, warnings; with a store in memory. */
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { fail } from "../../src/kernel/errors.ts";
import { DISK_LOOK_MS } from "../../src/services/kv/disk-quota.ts";
import { AGAIN_MS, CHANGE_WAIT_MS, CHANGED_PAUSE_MS, QUOTA_WARN } from "../../src/services/kv/service.ts";
import { eventually, freePort } from "../support/process.ts";
import { DISK_FULL, kvBench } from "./kv-bench.ts";

async function bench(t: TestContext) {
  const made = kvBench();
  t.after(() => made.service.stop());
  await made.service.start();
  const status = async () => (await made.call("GET", "status")).body;
  const codes = () => made.service.health!().map(({ code }) => code);
  /** Lets what was asked for come to an end, real sockets too. */
  const settled = async (look: () => boolean | Promise<boolean>) => {
    await eventually("it has come to an end", 30_000, look, 2);
  };
  return { ...made, status, codes, settled };
}

const NO_REDIS = { reason: null, address: "127.0.0.1", clients: 0, password: false };

/** What a Redis client at this port is answered. */
function redis(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(`${command}\r\n`));
    socket.once("data", (data) => {
      socket.destroy();
      resolve(data.toString().trim());
    });
    socket.once("error", reject);
  });
}

test("a box takes part by its settings, from the first moment, and leaves by them", async (t) => {
  const { call, config, state, status, settled, code } = await bench(t);
  assert.equal((await status())["state"], "off");
  const taken = await call("POST", "take-part", { quota: "2GiB" }, "host");
  assert.equal(taken.body["state"], "running");
  assert.equal(config.values()["kv"]!["quotaMiB"], 2048);
  await call("POST", "take-part", {}, "host");
  assert.equal(state.taken, 1, "it takes part already");
  await config.change({ kv: { takePart: false } });
  await settled(() => state.now === "off");
  assert.equal(state.left, 1);
  for (const quota of ["2 GB", "1MiB", "9999999TiB"]) {
    assert.equal(await code(call("POST", "take-part", { quota }, "host")), "400 bad-input", quota);
  }
  assert.equal(state.taken, 1, "nothing is half done");
});

test("what could not take part is told, and tried again", async (t) => {
  const { call, state, codes, clock, service, settled } = await bench(t);
  state.failWith = DISK_FULL;
  assert.equal((await call("POST", "take-part", {}, "host")).body["state"], "failed");
  assert.deepEqual(service.health!(), [{ code: "kv-disk-full", severity: "error" }]);
  state.failWith = fail("unavailable");
  const { taken } = state;
  clock.advance(AGAIN_MS);
  await settled(() => state.taken > taken);
  const params = { reason: "unavailable" };
  assert.deepEqual(service.health!(), [{ code: "kv-failed", severity: "error", params }]);
  state.failWith = undefined;
  clock.advance(AGAIN_MS);
  await settled(() => state.now === "running");
  assert.deepEqual(codes(), []);
});

test("a disk that failed while the store ran is told, and not tried again", async (t) => {
  const { call, state, codes, clock } = await bench(t);
  await call("POST", "take-part", {}, "host");
  state.now = "failed";
  assert.deepEqual(codes(), ["kv-disk"]);
  clock.advance(AGAIN_MS);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(state.taken, 1);
});

test("a disk that was full while the store ran is told, and tried again", async (t) => {
  const { call, state, codes, clock, settled } = await bench(t);
  await call("POST", "take-part", {}, "host");
  Object.assign(state, { now: "failed", failedWith: "disk-full" });
  assert.deepEqual(codes(), ["kv-disk-full"]);
  clock.advance(AGAIN_MS);
  await settled(() => state.now === "running");
  assert.deepEqual(codes(), []);
});

test("what limits the store is told: the disk, or its owner's quota", async (t) => {
  const { call, config, state, figures, clock, service, settled } = await bench(t);
  await config.change({ kv: { quotaMiB: 1024 } });
  await call("POST", "take-part", {}, "host");
  const [used, quota] = [100 * 2 ** 20, 200 * 2 ** 20];
  Object.assign(figures, { bytes: used, quotaBytes: quota });
  assert.deepEqual(service.health!(), []);
  state.diskFreeBytes = 500 * 2 ** 20;
  clock.advance(DISK_LOOK_MS);
  const params = { free: 500 };
  const told = (severity: string) => settled(() => service.health!()[0]?.severity === severity);
  await told("info");
  assert.deepEqual(service.health!(), [{ code: "kv-disk-room", severity: "info", params }]);
  figures.bytes = quota;
  assert.deepEqual(service.health!(), [{ code: "kv-disk-room", severity: "warning", params }]);
  state.diskFreeBytes = Number.POSITIVE_INFINITY;
  clock.advance(DISK_LOOK_MS);
  await settled(() => service.health!()[0]?.code === "kv-quota");
});

test("who switches it on does not wait for ever", async (t) => {
  const { call, clock, state, settled } = await bench(t);
  let release = () => {};
  state.waitFor = new Promise<void>((resolve) => (release = resolve));
  const answer = call("POST", "take-part", {}, "host");
  await settled(() => state.now === "waiting");
  for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(CHANGE_WAIT_MS);
  assert.equal((await answer).body["state"], "waiting");
  release();
});

test("leaving is called off by switching it on again", async (t) => {
  const { call, state, settled } = await bench(t);
  await call("POST", "take-part", {}, "host");
  state.isStuck = true;
  const left = call("POST", "leave", {}, "host");
  await settled(() => state.now === "leaving");
  assert.equal((await call("POST", "take-part", {}, "host")).body["state"], "running");
  assert.equal((await left).body["state"], "running");
  assert.equal(state.taken, 1);
});

test("what was leaving when it stopped goes on leaving at its next look, and takes part no more", async (t) => {
  const { state, clock, settled } = await bench(t);
  state.wasLeaving = true;
  clock.advance(AGAIN_MS);
  await settled(() => state.left === 1);
  assert.deepEqual([state.taken, state.now], [1, "off"]);
});

test("warnings: copies, majorities, room", async (t) => {
  const { call, figures, codes, service, state } = await bench(t);
  await call("POST", "take-part", {}, "host");
  assert.deepEqual(codes(), []);
  for (const [copies, code] of [
    [1, "kv-one-copy"],
    [2, "kv-two-copies"],
    [3, "kv-weak"],
  ] as const) {
    Object.assign(figures, { copies, survives: 0 });
    assert.deepEqual(codes(), [code]);
    assert.equal((await call("GET", "status")).body["survives"], 0);
  }
  state.now = "leaving";
  assert.deepEqual(codes(), ["kv-leaving"]);
  figures.reachableSlots = 1000;
  assert.deepEqual(codes(), ["kv-leaving", "kv-no-majority"]);
  state.now = "running";
  Object.assign(figures, { copies: 3, survives: 1, reachableSlots: 1000, bytes: 1024 * QUOTA_WARN - 1 });
  assert.deepEqual(service.health!(), [{ code: "kv-no-majority", severity: "error", params: { count: 24 } }]);
  Object.assign(figures, { reachableSlots: 1024, bytes: Math.ceil(1024 * QUOTA_WARN) });
  assert.deepEqual(service.health!(), [{ code: "kv-quota", severity: "warning", params: { percent: 90 } }]);
  assert.equal((await call("GET", "status")).body["survives"], 1);
  assert.ok(service.metrics!().some(({ name, value }) => name === "kv_copies" && value === 3));
});

test("Redis clients: a port is opened, moved and closed while the box runs", async (t) => {
  const { call, config, status, settled } = await bench(t);
  const state = async () => ((await status())["redis"] as { state: string }).state;
  const [one, two] = [await freePort(), await freePort()];
  await config.change({ kv: { respPort: one } });
  await settled(async () => (await state()) === "running");
  assert.match(await redis(one, "GET a"), /^-TRYAGAIN this box takes no part/);
  await call("POST", "take-part", {}, "host");
  assert.equal(await redis(one, "SET a 1"), "+OK");
  assert.equal((await call("GET", "entry?key=a")).body["value"], "1");
  await config.change({ kv: { respPort: two } });
  await settled(() =>
    redis(two, "PING")
      .then((said) => said === "+PONG")
      .catch(() => false),
  );
  await assert.rejects(redis(one, "PING"), /ECONNREFUSED/);
  await config.change({ kv: { respPort: 0 } });
  await settled(async () => (await state()) === "off");
  await assert.rejects(redis(two, "PING"), /ECONNREFUSED/);
});

test("Redis clients: what the store cannot do has the words that clients know", async (t) => {
  const { call, config, memory, settled, state, status } = await bench(t);
  const port = await freePort();
  await config.change({ kv: { respPort: port } });
  await call("POST", "take-part", {}, "host");
  await settled(async () => ((await status())["redis"] as { state: string }).state === "running");
  memory.before = () => "full";
  assert.match(await redis(port, "SET a 1"), /^-OOM /);
  memory.before = () => "unknown";
  assert.match(await redis(port, "SET a 1"), /^-UNKNOWN /);
  assert.match(await redis(port, 'SET "" 1'), /^-ERR the key is empty/);
  state.now = "failed";
  assert.match(await redis(port, "SET a 1"), /^-TRYAGAIN the store of this box has failed.*nothing was done/);
  state.now = "off";
  assert.match(await redis(port, "SET a 1"), /^-TRYAGAIN this box takes no part/);
});

test("Redis clients: a password is set and taken away; only its hash is kept, in a private file", async (t) => {
  const { call, config, dataFolder, settled, status } = await bench(t);
  const port = await freePort();
  await config.change({ kv: { respPort: port } });
  await settled(async () => ((await status())["redis"] as { state: string }).state === "running");
  await call("PUT", "redis-password", { password: "correct horse" }, "host");
  assert.match(await redis(port, "PING"), /^-NOAUTH/);
  assert.equal(await redis(port, 'AUTH "correct horse"'), "+OK");
  assert.match(await redis(port, "AUTH wrong"), /^-WRONGPASS/);
  const file = join(dataFolder, "kv-redis-password");
  assert.match(readFileSync(file, "utf8"), /^scrypt\$/);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(((await status())["redis"] as { password: boolean }).password, true);
  await call("DELETE", "redis-password", undefined, "host");
  assert.equal(await redis(port, "PING"), "+PONG");
});

test("Redis clients: a port that is taken is told, and tried again", async (t) => {
  const { config, codes, clock, settled, status } = await bench(t);
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const { port } = other.address() as AddressInfo;
  await config.change({ kv: { respPort: port } });
  await settled(() => codes().includes("kv-redis"));
  const { redis: told } = await status();
  assert.deepEqual(told, { ...NO_REDIS, state: "failed", reason: "port-in-use", port });
  await new Promise((resolve) => other.close(resolve));
  clock.advance(AGAIN_MS);
  await settled(() => codes().length === 0);
  assert.equal(await redis(port, "PING"), "+PONG");
});

test("pages are told of changes, not too often", async (t) => {
  const { events, clock, moved } = await bench(t);
  let told = 0;
  events.listen(({ type }) => void (told += type === "kv.changed" ? 1 : 0));
  clock.advance(CHANGED_PAUSE_MS * 2);
  told = 0;
  for (let n = 0; n < 100; n++) moved();
  assert.equal(told, 1);
  clock.advance(CHANGED_PAUSE_MS);
  assert.equal(told, 2);
  clock.advance(CHANGED_PAUSE_MS * 3);
  assert.equal(told, 2);
});
