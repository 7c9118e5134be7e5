/**
 * This box's part of the store: the core with its journal and its streams to the other boxes.
 *
 *   off ──takePart──▶ waiting ──a store was found, or founded──▶ running ──leave──▶ leaving ──all moved──▶ off
 *                                                                 │  ▲                 │
 *                                                                 │  └─not wanted now──┘
 *                                                                 └── the disk fails ──▶ failed ──takePart──▶ …
 */
import { randomBytes } from "node:crypto";
import type { Clock } from "../../kernel/clock.ts";
import { nextTurn } from "../../kernel/clock.ts";
import { isFailure, fail as kernelFail } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import { openJournal } from "../../platform/journal.ts";
import type { Journal } from "../../platform/journal.ts";
import { DEGREE, KEY_BYTES_MAX, SLOTS, VALUE_BYTES_MAX } from "../../protocols/kv/constants.ts";
import type { Put } from "../../protocols/kv/core.ts";
import { TICK_MS } from "../../protocols/kv/events.ts";
import type { Effect } from "../../protocols/kv/events.ts";
import { createKvNode } from "../../protocols/kv/node.ts";
import type { KvNode } from "../../protocols/kv/node.ts";
import type { Command, Found, Key, Result } from "../../protocols/kv/types.ts";
import type { MeshClient } from "../mesh/client.ts";
import type { KvClient } from "./client.ts";
import { kvErrors } from "./contract.ts";
import { cursorText, readCursor } from "./cursor.ts";
import { createGathering } from "./gathering.ts";
import { leavingMark } from "./leaving-mark.ts";
import { Latencies } from "./latencies.ts";
import { createPeerStreams, STREAM_PATH } from "./peer-streams.ts";
import { createRing } from "./ring.ts";
import { statusOf } from "./status.ts";
import { Tally } from "./tally.ts";

export interface KvStoreNeeds {
  clock: Clock;
  random: Random;
  log: Log;
  mesh: MeshClient;
  /** Of the journal; made when it is missing. */
  folder: string;
  quotaBytes: () => number;
  /** The journal then keeps less garbage. */
  isDiskTight?: () => boolean;
}

export interface KvStore {
  client: KvClient;
  /** Of keys and values; cheap, unlike the status. */
  usedBytes(): number;
  /** While it is `failed`: the code of why. */
  failedWith(): string | undefined;
  /** Founds a store, finds the community's, or goes on with the one on the disk; to leave it, if that is said. */
  takePart(as?: "in" | "leaving"): Promise<void>;
  /**
   * Hands all slots over; resolves when that is done, or when this box was alone. What is alone here stays here. When
   * it is no longer wanted before all is handed over, the box takes part again.
   */
  leave(isWanted: () => boolean): Promise<void>;
  /** Whether this box was handing over when it last stopped. */
  wasLeaving(): Promise<boolean>;
  onMoved(listener: () => void): void;
  close(): Promise<void>;
}

export type StoreState = "off" | "waiting" | "running" | "leaving" | "failed";

/** What this box is in the store; a row of the journal of its own. */
export interface Identity {
  node: number;
  store: string | undefined;
}

export interface Running {
  node: KvNode;
  tally: Tally;
  journal: Journal;
  identity: Identity;
}

const IDENTITY_ID = "n";
/** Bytes that the journal is given at one time; the rest waits here. It takes 64 MiB. */
const STORING_BYTES_MAX = 32 * 1024 * 1024;
/** Of the puts of one step; a larger one goes by itself. */
const APPEND_BYTES_MAX = 1024 * 1024;
/** What the journal adds to each, and more. */
const PUT_BYTES = 16;
const LOOK_MS = 1_000;
const LEAVE_LOOK_MS = 250;
/** So long, whoever has left goes on answering, until all have heard that it is gone. */
const LEAVE_TOLD_MS = 1_000;

export function openKvStore(needs: KvStoreNeeds): KvStore {
  const { clock, log, mesh } = needs;
  let state: StoreState = "off";
  let failedWith: string | undefined;
  let running: Running | undefined;
  let calls = 0;
  let cancels: (() => void)[] = [];
  let toStore: ToStore[] = [];
  let storing = 0;
  const waiting = new Map<number, (effect: Effect) => void>();
  const moved: (() => void)[] = [];
  const latencies = new Latencies();

  const streams = createPeerStreams({
    ...{ clock, log, mesh },
    onFrame(boxId, messages) {
      const from = ring.nodeOf(boxId);
      if (from !== undefined) put({ type: "frame", from, messages });
    },
    onChange: () => look(),
  });
  const mark = leavingMark(`${needs.folder}-leaving`);
  mesh.serveStreams(STREAM_PATH, streams.take);
  const ring = createRing({ ...needs, seemsUp: streams.seemsUp, onChange: () => look() });

  const { put, goOn } = createGathering({
    ...{ clock, isWriting: () => storing > 0 },
    work(events) {
      if (!running) return;
      for (const effect of running.node.stepAll(clock.monotonicMs(), clock.wallMs(), events)) carryOut(effect);
    },
  });
  const carryOut = (effect: Effect) => {
    switch (effect.type) {
      case "store":
        return store(effect);
      case "send": {
        const box = ring.boxOf(effect.to);
        return box === undefined ? undefined : streams.send(box, effect.messages);
      }
      case "moved":
        for (const listener of moved) listener();
        return;
      case "changed":
        return waiting.get(effect.id)?.(effect);
      default: {
        const heard = waiting.get(effect.id);
        waiting.delete(effect.id);
        return heard?.(effect);
      }
    }
  };
  /** In the order of the steps; as much at one time as the journal takes, so that waiting appends share a write. */
  const store = ({ no, puts }: Extract<Effect, { type: "store" }>) => {
    const appends = appendsOf(puts);
    for (const [at, some] of appends.entries()) {
      const bytes = some.reduce((sum, { bytes: value }) => sum + (value?.length ?? 0), 0);
      toStore.push({ puts: some, bytes, no: at === appends.length - 1 ? no : undefined });
    }
    storeNext();
  };
  const storeNext = () => {
    for (let next = toStore[0]; next && (storing === 0 || storing + next.bytes <= STORING_BYTES_MAX); next = toStore[0])
      void append(toStore.shift()!);
  };
  const append = async ({ puts, bytes, no }: ToStore) => {
    const { journal } = running!;
    storing += bytes;
    try {
      await journal.append(puts);
      if (running?.journal === journal && no !== undefined) put({ type: "stored", no });
      goOn();
    } catch (error) {
      // What is in memory and not on the disk must not be told to anybody: this box stops until it is started again.
      if (running?.journal !== journal) return;
      log.error("the key-value store's disk failed", { error });
      await stop("failed", error);
    } finally {
      storing -= bytes;
      if (running?.journal === journal) storeNext();
    }
  };

  const look = () => {
    if (running) put({ type: "peers", ...ring.peers() });
  };

  const start = async (): Promise<Running> => {
    const journal = await openJournal({ folder: needs.folder, clock, log, isTight: needs.isDiskTight });
    let identity: Identity = { node: randomBytes(6).readUIntBE(0, 6), store: undefined };
    const rows: { id: string; bytes: Uint8Array }[] = [];
    for await (const row of journal.entries()) {
      if (row.id === IDENTITY_ID) identity = JSON.parse(new TextDecoder().decode(row.bytes)) as Identity;
      else rows.push(row);
    }
    const life = randomBytes(6).readUIntBE(0, 6);
    const config = { node: identity.node, life, degree: DEGREE, slots: SLOTS, quotaBytes: needs.quotaBytes };
    const node = createKvNode(config, { random: needs.random, stored: rows });
    const begun = { node, tally: new Tally(node, DEGREE), journal, identity };
    running = begun;
    cancels = [clock.every(TICK_MS, () => put({ type: "tick" })), clock.every(LOOK_MS, look)];
    return begun;
  };
  const isStill = (one: Running) => running === one;
  const stop = async (next: StoreState, error?: unknown) => {
    const ended = running;
    running = undefined;
    toStore = [];
    state = next;
    failedWith = isFailure(error) ? error.code : undefined;
    for (const cancel of cancels.splice(0)) cancel();
    for (const heard of [...waiting.values()]) heard({ type: "failed", id: 0, why: "unknown" });
    waiting.clear();
    await ended?.journal.close();
  };
  const saveIdentity = async ({ journal, identity }: Running) => {
    const bytes = new TextEncoder().encode(JSON.stringify(identity));
    await journal.append([{ id: IDENTITY_ID, bytes } satisfies Put]);
  };

  const notRunning = () => {
    if (state === "failed" && failedWith === "disk-full") return kernelFail("disk-full");
    return kvErrors.fail(state === "failed" ? "kv-failed" : "kv-off");
  };
  const run = (key: Key, command: Command, { timeoutMs, signal }: RunOptions = {}): Promise<Result> => {
    if (key.length > KEY_BYTES_MAX || key.length === 0)
      throw kvErrors.fail("kv-key-too-long", { params: { limit: KEY_BYTES_MAX } });
    if (command.type === "put" && command.value.length > VALUE_BYTES_MAX)
      throw kvErrors.fail("kv-value-too-large", { params: { limit: VALUE_BYTES_MAX } });
    if (!running) throw notRunning();
    signal?.throwIfAborted();
    const id = ++calls;
    const startedMs = clock.monotonicMs();
    return new Promise((resolve, reject) => {
      const abort = () => {
        waiting.delete(id);
        reject(signal!.reason as Error);
      };
      signal?.addEventListener("abort", abort, { once: true });
      waiting.set(id, (effect) => {
        signal?.removeEventListener("abort", abort);
        const nowMs = clock.monotonicMs();
        latencies.note(nowMs, nowMs - startedMs);
        if (effect.type === "done") resolve(effect.result);
        else reject(kvErrors.fail(`kv-${effect.type === "failed" ? effect.why : "unknown"}`));
      });
      put({ type: "operation", id, key, command, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
    });
  };

  return {
    client: {
      run(...asked) {
        try {
          return run(...asked);
        } catch (error) {
          return Promise.reject(error as Error);
        }
      },
      list(prefix, { limit, cursor }) {
        if (!running) return Promise.reject(notRunning());
        const id = ++calls;
        return new Promise((resolve, reject) => {
          const at = cursor === undefined ? undefined : readCursor(cursor);
          waiting.set(id, (effect) => {
            if (effect.type === "listed") resolve({ keys: [...effect.keys], cursor: cursorText(effect.next) });
            else reject(kvErrors.fail("kv-no-majority"));
          });
          put({ type: "list", id, prefix, limit, ...(at ? { cursor: at } : {}) });
        });
      },
      watch(prefix, onChange) {
        const id = ++calls;
        waiting.set(id, (effect) => {
          if (effect.type === "changed") onChange({ key: effect.key, now: effect.now as Found | undefined });
        });
        put({ type: "watch", id, prefix });
        const end = () => {
          waiting.delete(id);
          put({ type: "unwatch", id });
        };
        return { stop: end };
      },
      state: () => state,
      status: () =>
        statusOf({
          ...{ state, running, ring, latencies, peers: streams.counts(), clock },
          quotaBytes: needs.quotaBytes(),
        }),
    },
    async takePart(as = "in") {
      if (running) return;
      state = "waiting";
      streams.open();
      try {
        const begun = await start();
        if (as === "leaving" && begun.identity.store === undefined) {
          // It had left, and was stopped before it had noted that.
          ring.withdraw();
          await mark.clear();
          return await stop("off");
        }
        const chosen = await ring.join(begun, () => isStill(begun));
        if (chosen === undefined || !isStill(begun)) return;
        await saveIdentity(begun);
        if (as === "in") await mark.clear();
        if (chosen === "founded") {
          put({ type: "found" });
          // Its slots are there when it says that it runs.
          await nextTurn();
        }
        state = "running";
        ring.publish(begun.identity, as);
        look();
      } catch (error) {
        await stop("failed", error);
        throw error;
      }
    },
    async leave(isWanted) {
      const ending = running;
      if (!ending || state !== "running") return await stop("off");
      state = "leaving";
      const { identity, node } = ending;
      if (ring.peers().nodes.some((one) => one !== identity.node)) {
        // Without room for it, a stop of this box ends the leaving; that is no reason to stay.
        await mark.set().catch((error: unknown) => log.warn("that this box leaves could not be noted", { error }));
        ring.publish(identity, "leaving");
        look();
        while (isStill(ending) && isWanted() && node.slots().next().done !== true)
          await new Promise<void>((resolve) => clock.after(LEAVE_LOOK_MS, resolve));
        // Stopped before all was handed over: it goes on leaving, or takes part again, at the next start.
        if (!isStill(ending)) return;
        if (!isWanted()) {
          ring.publish(identity, "in");
          state = "running";
          look();
          return await mark.clear();
        }
        ring.withdraw();
        identity.store = undefined;
        identity.node = randomBytes(6).readUIntBE(0, 6);
        await saveIdentity(ending);
        await mark.clear();
        // Operations that come to it meanwhile are shown on; later nobody would answer them.
        await new Promise<void>((resolve) => clock.after(LEAVE_TOLD_MS, resolve));
      } else {
        await mark.clear();
        ring.withdraw();
      }
      ring.end();
      await stop("off");
    },
    wasLeaving: mark.isSet,
    usedBytes: () => running?.node.figures().bytes ?? 0,
    failedWith: () => failedWith,
    onMoved: (listener) => void moved.push(listener),
    async close() {
      await stop("off");
      streams.close();
    },
  };
}

interface ToStore {
  puts: Put[];
  bytes: number;
  /** Of the step that it ends. */
  no: number | undefined;
}

/** What one append takes; nothing is told before all of them are on the disk. */
export function appendsOf(puts: readonly Put[]): Put[][] {
  const appends: Put[][] = [];
  let bytes = Infinity;
  for (const put of puts) {
    const more = put.id.length + (put.bytes?.length ?? 0) + PUT_BYTES;
    if (bytes + more > APPEND_BYTES_MAX) {
      appends.push([]);
      bytes = 0;
    }
    appends.at(-1)!.push(put);
    bytes += more;
  }
  return appends;
}

interface RunOptions {
  timeoutMs?: number;
  signal?: AbortSignal;
}
