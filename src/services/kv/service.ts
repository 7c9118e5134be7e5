/**
 * The kv service: this box's part of the community's key-value store, as its owner wants it, and the ways to it: pages,
 * commands, HTTP, Redis clients, and the client for the other services.
 *
 *   settings ──► takes part, or hands over and leaves     (one such change at a time, each looks what is wanted now)
 *            └─► Redis front end: port, address, password
 */
import { join } from "node:path";
import type { Clock } from "../../kernel/clock.ts";
import type { Config } from "../../kernel/config.ts";
import type { Handlers, Metric, Service, Warning } from "../../kernel/contract.ts";
import { isFailure } from "../../kernel/errors.ts";
import type { Events } from "../../kernel/events.ts";
import type { Log } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import { mibOf } from "../../kernel/size.ts";
import { throttle } from "../../kernel/throttle.ts";
import { freeBytes } from "../../platform/files.ts";
import { boxName } from "../mesh/client.ts";
import type { MeshClient } from "../mesh/client.ts";
import type { KvClient, KvStatus } from "./client.ts";
import { kvContract, kvSettings } from "./contract.ts";
import { createDiskQuota } from "./disk-quota.ts";
import { createFollowing } from "./following.ts";
import { keyHandlers } from "./handlers.ts";
import type { Redis } from "./redis.ts";
import { createRedis } from "./redis.ts";
import type { KvStore, KvStoreNeeds } from "./store-node.ts";
import { openKvStore } from "./store-node.ts";

const MIB = 1024 * 1024;
/** `comu kv on` and `off` answer after this time, however far it has come. */
export const CHANGE_WAIT_MS = 20_000;
/** What failed is tried again this often. */
export const AGAIN_MS = 30_000;
/** Pages are told of changes at most this often. */
export const CHANGED_PAUSE_MS = 1_000;
/** A warning stands from this share of the room on. */
export const QUOTA_WARN = 0.9;
/** A group of so many boxes goes on while any one of them is away. */
const COPIES_SAFE = 3;

export interface KvNeeds {
  clock: Clock;
  random: Random;
  log: Log;
  config: Config;
  events: Events;
  mesh: MeshClient;
  dataFolder: string;
  version: string;
  /** By default the real one; a test may put something else below the service. */
  openStore?: (needs: KvStoreNeeds) => KvStore;
  /** Of the disk below a folder; likewise. */
  diskFreeBytes?: (folder: string) => Promise<number>;
}

export function kv(needs: KvNeeds): Service<typeof kvContract.endpoints> & { client: KvClient } {
  const { clock, random, config, mesh } = needs;
  const log = needs.log.area("kv");
  const settings = () => config.section("kv", kvSettings);
  const disk = createDiskQuota({
    clock,
    freeBytes: () => (needs.diskFreeBytes ?? freeBytes)(needs.dataFolder),
    reserveBytes: () => Number(config.values()["box"]?.["diskReserveMiB"] ?? 0) * MIB,
    usedBytes: () => store.usedBytes(),
    isWanted: () => settings().takePart || store.usedBytes() > 0,
  });
  const store = (needs.openStore ?? openKvStore)({
    ...{ clock, random, log, mesh },
    folder: join(needs.dataFolder, "kv"),
    quotaBytes: () => Math.min(settings().quotaMiB * MIB, disk.quotaBytes()),
    isDiskTight: disk.isTight,
  });
  const { client } = store;
  const redis = createRedis({
    ...{ clock, random, log, client, version: needs.version },
    passwordFile: join(needs.dataFolder, "kv-redis-password"),
    wanted: () => ({ address: settings().respAddress, port: settings().respPort }),
  });
  const changed = throttle(clock, CHANGED_PAUSE_MS, () => needs.events.emit("kv.changed", "guest"));
  const part = createPart({ store, clock, log, isWanted: () => settings().takePart, changed, tookPart: disk.look });
  const follow = () => {
    void redis.apply().then(changed);
    void part.follow();
  };
  let cancels: (() => void)[] = [];
  let isStarted = false;

  const status = () => statusShown(client.status(), redis, mesh);
  const handlers: Handlers<typeof kvContract.endpoints> = {
    ...keyHandlers({ client, clock, following: createFollowing({ client, clock }) }),
    status,
    async takePart({ quota }) {
      const room = quota === undefined ? {} : { quotaMiB: mibOf(quota) };
      await config.change({ kv: { takePart: true, ...room } });
      await part.settled();
      return status();
    },
    async leave() {
      await config.change({ kv: { takePart: false } });
      await part.settled();
      return status();
    },
    async setRedisPassword({ password }) {
      await redis.setPassword(password);
      return { set: true };
    },
    async clearRedisPassword() {
      await redis.setPassword(undefined);
      return { set: false };
    },
  };

  config.listen({ commit: () => isStarted && follow() });
  store.onMoved(changed);
  mesh.onBoxes(changed);
  return {
    contract: kvContract,
    handlers,
    client,
    async start() {
      isStarted = true;
      await disk.start();
      part.open();
      follow();
      cancels = [clock.every(AGAIN_MS, follow)];
    },
    async stop() {
      isStarted = false;
      for (const cancel of cancels) cancel();
      disk.stop();
      await redis.stop();
      await part.close();
    },
    health() {
      const isLimit = disk.quotaBytes() < settings().quotaMiB * MIB;
      return warningsOf(client.status(), redis, {
        failure: part.failure(),
        isFull: store.failedWith() === "disk-full",
        freeMiB: isLimit ? Math.floor((disk.freeBytes() ?? 0) / MIB) : undefined,
      });
    },
    metrics: () => metricsOf(client.status(), redis),
  };
}

interface Part {
  open(): void;
  /** Makes this box's part what is wanted. Never rejects. */
  follow(): Promise<void>;
  /** Waits until it is, or until CHANGE_WAIT_MS have passed. */
  settled(): Promise<void>;
  /** Why it could not take part. */
  failure(): string | undefined;
  close(): Promise<void>;
}

/** Taking part and leaving, one after the other. */
function createPart(needs: {
  store: KvStore;
  clock: Clock;
  log: Log;
  isWanted: () => boolean;
  changed: () => void;
  /** What it holds is known now. */
  tookPart: () => Promise<void>;
}): Part {
  const { store, clock, log, isWanted, changed, tookPart } = needs;
  let turn: Promise<void> = Promise.resolve();
  let isOpen = false;
  let failure: string | undefined;

  const step = async () => {
    const state = store.client.state();
    if (!isOpen) return;
    try {
      // A disk that failed while the store ran is not tried again: what it says it holds may be wrong. A full one is.
      const isAgain = state === "failed" && (failure !== undefined || store.failedWith() === "disk-full");
      if (isWanted() && (state === "off" || isAgain)) {
        await store.takePart();
        await tookPart();
      } else if (!isWanted() && (state !== "off" || (await store.wasLeaving()))) {
        if (state === "off") {
          await store.takePart("leaving");
          await tookPart();
        }
        await store.leave(() => !isWanted());
      } else return;
      failure = undefined;
    } catch (error) {
      failure = isFailure(error) ? error.code : String(error);
      log.error("the key-value store did not do as wished", { wanted: isWanted(), error });
    }
    changed();
  };
  const follow = () => (turn = turn.then(step));
  return {
    open: () => void (isOpen = true),
    follow,
    settled: () =>
      new Promise((resolve) => {
        const cancel = clock.after(CHANGE_WAIT_MS, resolve);
        void follow().then(() => {
          cancel();
          resolve();
        });
      }),
    failure: () => failure,
    async close() {
      isOpen = false;
      // First, so that whoever waits for other boxes stops waiting.
      await store.close();
      await turn;
    },
  };
}

function statusShown(status: KvStatus, redis: Redis, mesh: MeshClient) {
  const { members, slots, reachableSlots, bytes, store, node, p50Ms, p99Ms, peers, ...same } = status;
  const { sent, ...streams } = peers;
  return {
    ...same,
    store: store ?? null,
    node: node === undefined ? null : String(node),
    members: members.map((one) => ({
      box: boxName(mesh, one.boxId),
      boxId: one.boxId,
      self: one.boxId === mesh.selfId,
      up: one.isUp,
      slots: one.slots,
      coordinates: one.coordinates,
      node: String(one.node),
    })),
    slots: { ...slots, reachable: reachableSlots },
    usedBytes: bytes,
    ...{ sent, streams },
    p50Ms: p50Ms ?? null,
    p99Ms: p99Ms ?? null,
    redis: redis.status(),
  };
}

interface Trouble {
  /** Why it could not take part, or leave. */
  failure: string | undefined;
  /** The store has stopped, or could not begin, since the disk is full. */
  isFull: boolean;
  /** Set while the disk, not the owner's quota, is what limits the store. */
  freeMiB: number | undefined;
}

function warningsOf(status: KvStatus, redis: Redis, { failure, isFull, freeMiB }: Trouble): Warning[] {
  const found: Warning[] = [];
  const { state, copies, survives, slots, reachableSlots, bytes, quotaBytes } = status;
  if (isFull) found.push({ code: "kv-disk-full", severity: "error" });
  else if (state === "failed" && failure === undefined) found.push({ code: "kv-disk", severity: "error" });
  else if (failure !== undefined) found.push({ code: "kv-failed", severity: "error", params: { reason: failure } });
  if (state === "leaving") found.push({ code: "kv-leaving", severity: "info" });
  const stuck = slots.total - reachableSlots;
  if (stuck > 0 && (state === "running" || state === "leaving"))
    found.push({ code: "kv-no-majority", severity: "error", params: { count: stuck } });
  if (state === "running") {
    if (stuck === 0 && copies >= COPIES_SAFE && survives === 0) found.push({ code: "kv-weak", severity: "warning" });
    if (copies < COPIES_SAFE && copies > 0)
      found.push({ code: copies === 2 ? "kv-two-copies" : "kv-one-copy", severity: "info" });
    const full = bytes / quotaBytes;
    const isNearlyFull = full >= QUOTA_WARN || quotaBytes === 0;
    if (freeMiB !== undefined)
      found.push({ code: "kv-disk-room", severity: isNearlyFull ? "warning" : "info", params: { free: freeMiB } });
    else if (isNearlyFull)
      found.push({ code: "kv-quota", severity: "warning", params: { percent: Math.floor(full * 100) } });
  }
  const reason = redis.failure();
  if (reason !== undefined)
    found.push({ code: "kv-redis", severity: "warning", params: { reason, port: redis.status().port } });
  return found;
}

function metricsOf(status: KvStatus, redis: Redis): Metric[] {
  const gauge = (name: string, help: string, value: number): Metric => ({ name, type: "gauge", help, value });
  const counter = (name: string, help: string, value: number): Metric => ({ name, type: "counter", help, value });
  const clients = redis.stats();
  return [
    gauge("kv_running", "1 while this box takes part in the key-value store.", status.state === "running" ? 1 : 0),
    gauge("kv_members", "Boxes that take part in it.", status.members.length),
    gauge("kv_copies", "Boxes that hold each key, at the least.", status.copies),
    gauge("kv_slots_ready", "Slots of which this box holds a whole copy.", status.slots.ready),
    gauge("kv_slots_copying", "Slots that this box is copying.", status.slots.copying),
    gauge("kv_slots_unreachable", "Slots without a majority.", status.slots.total - status.reachableSlots),
    gauge("kv_keys", "Keys that this box holds.", status.keys),
    gauge("kv_bytes", "Room that they take.", status.bytes),
    gauge("kv_quota_bytes", "Room that this box gives.", status.quotaBytes),
    gauge("kv_open_operations", "Operations that wait for an answer.", status.openOperations),
    counter("kv_operations_total", "Operations asked for at this box.", status.operations),
    counter("kv_moves_total", "Changes of groups.", status.moves),
    gauge("kv_slots_due", "Slots held here whose group is to change.", status.dueSlots),
    counter("kv_copied_slots_total", "Slots that this box has copied from others.", status.copiedSlots),
    counter("kv_copied_keys_total", "Keys that it has copied.", status.copiedKeys),
    ...peerMetrics(status.peers),
    gauge("kv_p50_seconds", "Median of the last minute's operations.", (status.p50Ms ?? 0) / 1000),
    gauge("kv_p99_seconds", "99 of 100 of the last minute's operations were quicker.", (status.p99Ms ?? 0) / 1000),
    gauge("kv_redis_clients", "Redis clients.", clients?.connections ?? 0),
    counter("kv_redis_commands_total", "Commands of Redis clients.", clients?.commands ?? 0),
  ];
}

function peerMetrics({ sent: { copying, other }, lost, garbled, refused }: KvStatus["peers"]): Metric[] {
  const counter = (name: string, help: string, value: number): Metric => ({ name, type: "counter", help, value });
  return [
    counter("kv_sent_copying_messages_total", "To other boxes because groups change.", copying.messages),
    counter("kv_sent_copying_bytes_total", "Their bytes.", copying.bytes),
    counter("kv_sent_other_messages_total", "To other boxes for all else.", other.messages),
    counter("kv_sent_other_bytes_total", "Their bytes.", other.bytes),
    counter("kv_frames_lost_total", "Frames that could not be sent.", lost),
    counter("kv_streams_garbled_total", "Streams closed since what came on them was no frame.", garbled),
    counter(
      "kv_streams_refused_total",
      "Streams closed since there were too many, or too much of half frames.",
      refused,
    ),
  ];
}
