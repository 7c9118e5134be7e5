/**
 * The space that this box gives: its storage server, as large and as open as the settings want it.
 *
 *   off ──(giveMiB > 0, or shares are there)──► running ◄──(again, each half minute)── failed (port taken, disk)
 *
 * When no more is given, the server goes on with what it has and takes nothing new, for as long as shares are there.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../kernel/clock.ts";
import { isFailure } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { freeBytes } from "../../platform/files.ts";
import { encodeBase32 } from "../../protocols/grid/base32.ts";
import { AGAIN_MS, DISK_LOOK_MS } from "./constants.ts";
import type { Members } from "./members.ts";
import type { FilesSecrets } from "./secrets.ts";
import type { SpaceStore } from "./space-store.ts";
import type { StorageBody } from "./storage-record.ts";
import { roomClassOf } from "./storage-record.ts";
import { pinOf, tubIdOf } from "./storage/announcement.ts";
import type { ExpiredShares } from "./storage/expired-shares.ts";
import type { ExpiryRows } from "./storage/expired-shares.ts";
import type { ShareStore } from "./storage/share-store.ts";
import type { StorageServer } from "./storage/storage-server.ts";

const MIB = 1024 * 1024;
const PORT_NOTE = "storage-port";

export interface GivingStatus {
  on: boolean;
  bytesGiven: number;
  bytesUsed: number;
  /** 0 while it does not run. */
  port: number;
  /** Why it does not run though it should: a code. */
  reason: string | undefined;
}

export interface Giving {
  /** Makes the server what the settings want. Never rejects. */
  follow(): Promise<void>;
  /** Other members, or other quotas. */
  membersChanged(): void;
  status(): GivingStatus;
  usedBytes(member: string): number;
  /** All accounts of another box together. */
  boxUsedBytes(boxId: string): number;
  /** What is announced; undefined while nothing is given. */
  announcement(): StorageBody | undefined;
  /** The open server; undefined while it does not run. */
  open(): { store: ShareStore; body: StorageBody } | undefined;
  stop(): Promise<void>;
}

export interface GivingNeeds {
  clock: Clock;
  log: Log;
  dataFolder: string;
  version: string;
  secrets: () => FilesSecrets;
  rows: SpaceStore;
  members: () => Members;
  wanted: () => { giveMiB: number; port: number; reserveMiB: number; keepExpiredDays: number };
  /** On which the server listens. */
  address: () => string;
  expiryRows: ExpiryRows;
  /** As far as the other boxes can tell. */
  isClockRight: () => boolean;
  /** It came, went, or has another class of room. */
  changed: () => void;
}

interface Running {
  store: ShareStore;
  server: StorageServer;
  expired: ExpiredShares;
  port: number;
  /** What was asked for. */
  wantedPort: number;
}

export function createGiving(needs: GivingNeeds): Giving {
  const { clock, log, rows, wanted, changed } = needs;
  const folder = join(needs.dataFolder, "files", "storage");
  let running: Running | undefined;
  let reason: string | undefined;
  let diskBytes = 0;
  let told = "";
  let turn: Promise<void> = Promise.resolve();
  let isStopped = false;

  const usedBytes = () => running?.store.room.allBytes() ?? 0;
  const availableBytes = () => {
    const { giveMiB, reserveMiB } = wanted();
    return Math.max(0, Math.min(giveMiB * MIB - usedBytes(), diskBytes - reserveMiB * MIB));
  };
  const body = ({ port }: Running): StorageBody => {
    const { certificatePem } = needs.secrets().tls;
    return {
      port,
      pin: pinOf(certificatePem),
      tub: encodeBase32(tubIdOf(certificatePem)),
      room: roomClassOf(availableBytes()),
    };
  };
  const announcement = () => (running ? body(running) : undefined);
  /** Tells the community only what it would see. */
  const tell = () => {
    const now = JSON.stringify(announcement() ?? null);
    if (now === told) return;
    told = now;
    changed();
  };
  const look = async () => {
    // A disk that cannot be asked cannot be written either: whoever writes is told.
    diskBytes = await freeBytes(needs.dataFolder).catch(() => 0);
    tell();
  };
  const start = async () => {
    const { port: wantedPort } = wanted();
    const { certificatePem, privateKeyPem } = needs.secrets().tls;
    const members = needs.members().list();
    // A box that gives nothing does not carry the server in its memory.
    const [{ ShareStore }, { StorageServer }, { ExpiredShares }] = await Promise.all([
      import("./storage/share-store.ts"),
      import("./storage/storage-server.ts"),
      import("./storage/expired-shares.ts"),
    ]);
    await look();
    const nodeId = tubIdOf(certificatePem);
    const store = await ShareStore.open({ folder, clock, log, capacity: availableBytes, members, nodeId });
    const kept = Number(rows.note(PORT_NOTE) ?? 0);
    const application = `comu/${needs.version}`;
    const server = new StorageServer({
      ...{ store, clock, log, certificatePem, privateKeyPem, application },
      ...{ address: needs.address(), port: wantedPort || kept },
    });
    try {
      const port = await server.listen();
      if (wantedPort === 0 && port !== kept) rows.setNote(PORT_NOTE, String(port));
      const expired = new ExpiredShares({
        ...{ store, clock, log, rows: needs.expiryRows, isClockRight: needs.isClockRight },
        keepDays: () => wanted().keepExpiredDays,
      });
      running = { store, server, expired, port, wantedPort };
    } catch (error) {
      await store.close();
      throw error;
    }
  };
  const close = async () => {
    const open = running;
    running = undefined;
    await open?.server.close();
    await open?.expired.close();
    await open?.store.close();
  };
  const step = async () => {
    const { giveMiB, port } = wanted();
    const isWanted = !isStopped && (giveMiB > 0 || existsSync(folder));
    try {
      if (running && (!isWanted || running.wantedPort !== port)) await close();
      if (!running && isWanted) await start();
      reason = undefined;
    } catch (error) {
      reason = isFailure(error) ? error.code : "storage-failed";
      log.error("the storage server did not start", { error });
    }
    tell();
  };
  const follow = () => (turn = turn.then(step));
  const cancels = [
    clock.every(AGAIN_MS, () => void (reason !== undefined && follow())),
    clock.every(DISK_LOOK_MS, () => void (running && look())),
  ];
  return {
    follow,
    membersChanged: () => running?.store.room.know(needs.members().list()),
    status: () => ({
      on: wanted().giveMiB > 0,
      bytesGiven: wanted().giveMiB * MIB,
      bytesUsed: usedBytes(),
      port: running?.port ?? 0,
      reason,
    }),
    usedBytes: (member) => running?.store.room.usedBytes(member) ?? 0,
    boxUsedBytes: (boxId) => running?.store.room.boxUsedBytes(boxId) ?? 0,
    announcement,
    open: () => (running ? { store: running.store, body: body(running) } : undefined),
    async stop() {
      isStopped = true;
      for (const cancel of cancels) cancel();
      await turn;
      await close();
    },
  };
}
