/**
 * Drives the records core: keeps what it decides in SQLite before anybody hears of it, pushes what is new to a few
 * boxes, and reconciles with one box now and then.
 *
 * On a full disk the core is ahead of it: its effects wait, nothing new is taken in, and no box is told anything, so
 * that a crash cannot make this box use a number twice. It goes on by itself when there is room.
 */
import type { Clock } from "../../kernel/clock.ts";
import { fail } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import { ifRoom } from "../../platform/disk-room.ts";
import type { Json } from "../../protocols/records/canonical-json.ts";
import { MESSAGE_BUDGET_BYTES, RECORDS_PER_MESSAGE_MAX } from "../../protocols/records/constants.ts";
import type { Change } from "../../protocols/records/author-table.ts";
import type { SignedRecord } from "../../protocols/records/record.ts";
import type { Records, RecordsEffect, RecordsEvent } from "../../protocols/records/records.ts";
import { meshErrors } from "./contract.ts";
import type { MeshStore } from "./store.ts";

/** New records wait this long for others to go along with them. */
export const PUSH_PAUSE_MS = 20;
/** Records that wait to be pushed; beyond it the reconciliation carries them. */
export const PUSH_WAITING_MAX = 4096;
/** Reconciliations that we ask for at one time. */
export const SYNCS_AT_ONCE_MAX = 2;
const TICK_MS = 5_000;

export interface ReplicaNeeds {
  clock: Clock;
  log: Log;
  random: Random;
  rows: MeshStore;
  core: Records;
  /** This box's id. */
  self: string;
  /** Boxes that can be asked now. */
  peersUp: () => string[];
  ask: (box: string, path: "sync" | "push", body: object) => Promise<unknown>;
  syncIntervalMs: number;
  /** After records changed, and they are on disk. */
  onChanged: (changes: readonly Change[]) => void;
}

export interface Replica {
  core: Records;
  put(kind: string, key: string, body: Json): void;
  remove(kind: string, key: string): void;
  step(event: RecordsEvent): RecordsEffect[];
  /** Answers a peer's request. Undefined when it makes no sense. */
  answer(from: string, path: "sync" | "push", body: unknown): object | undefined;
  /** Reconciles with one box; true when both hold the same afterwards. */
  syncWith(box: string): Promise<boolean>;
  /** Soon, with somebody: after a box came. */
  syncSoon(): void;
  start(): void;
  stop(): void;
}

export function createReplica(needs: ReplicaNeeds): Replica {
  const { clock, core, rows } = needs;
  const waiting: SignedRecord[] = [];
  let fanout = 0;
  let pushTimer: (() => void) | undefined;
  let soonTimer: (() => void) | undefined;
  let cancels: (() => void)[] = [];
  let syncs = 0;
  let running = false;

  /** Effects that wait for room on the disk, oldest first; one step's, as a rule, since no new ones are made. */
  const unsaved: RecordsEffect[] = [];

  const step = (event: RecordsEvent): RecordsEffect[] => {
    const effects = core.step(clock.wallMs(), event);
    unsaved.push(...effects);
    if (!save()) needs.log.warn("the disk is full: records wait for room", { event: event.type });
    return effects;
  };

  /** Carries out what waits; false when the disk is full. */
  const save = (): boolean => {
    // Taken out first: carrying out one effect may lead to the next step.
    for (let effect = unsaved.shift(); effect; effect = unsaved.shift()) {
      const next = effect;
      if (ifRoom(() => carryOut(next))) continue;
      unsaved.unshift(next);
      return false;
    }
    return true;
  };

  const carryOut = (effect: RecordsEffect) => {
    if (effect.type === "store") {
      rows.transaction(() => {
        for (const { author, ref } of effect.drop) rows.dropRecord(author, ref);
        for (const { record, ref } of effect.put) rows.putRecord(record, ref);
        rows.setFact("ownSeq", String(effect.ownSeq));
      });
    } else if (effect.type === "changed") {
      needs.onChanged(effect.changes);
    } else if (effect.type === "push") {
      waiting.push(...effect.records.slice(0, PUSH_WAITING_MAX - waiting.length));
      fanout = effect.fanout;
      if (running) pushTimer ??= clock.after(PUSH_PAUSE_MS, pushNow);
    } else if (effect.type === "equivocation") {
      needs.log.warn("a box signed two records with one number", { author: effect.author, seq: effect.records[0].seq });
    }
  };

  const pushNow = () => {
    pushTimer = undefined;
    const batch = takeBatch(waiting);
    if (waiting.length > 0) pushTimer = clock.after(PUSH_PAUSE_MS, pushNow);
    for (const box of pick(needs.peersUp(), fanout, needs.random)) {
      needs.ask(box, "push", { records: batch }).catch((error: unknown) => {
        needs.log.debug("a push was lost; the next reconciliation carries it", { box, error });
      });
    }
  };

  const syncWith = async (box: string): Promise<boolean> => {
    if (syncs >= SYNCS_AT_ONCE_MAX) return false;
    syncs += 1;
    try {
      const session = core.startSync();
      for (let request = session.next(); request && save(); request = session.next()) {
        step({ type: "syncAnswer", session, answer: await needs.ask(box, "sync", request), from: box });
      }
      return session.state.state === "done" && session.state.outcome === "complete";
    } finally {
      syncs -= 1;
    }
  };

  const syncOne = () => {
    const [box] = pick(needs.peersUp(), 1, needs.random);
    if (box) syncWith(box).catch((error: unknown) => needs.log.debug("a reconciliation broke off", { box, error }));
  };

  const tick = () => {
    if (save()) step({ type: "tick" });
  };

  const write = (event: Extract<RecordsEvent, { type: "put" | "remove" }>) => {
    if (!save()) throw fail("disk-full");
    const before = core.get(needs.self, event.kind, event.key)?.body ?? null;
    const refused = step(event).find((effect) => effect.type === "putRefused");
    if (unsaved.length > 0) {
      // Nobody has heard of it. What was there before takes its place again, and both are saved together.
      const { kind, key } = event;
      unsaved.push(
        ...core.step(
          clock.wallMs(),
          before === null ? { type: "remove", kind, key } : { type: "put", kind, key, body: before },
        ),
      );
      throw fail("disk-full");
    }
    if (refused?.type === "putRefused") {
      throw meshErrors.fail("record-refused", { params: { kind: refused.kind, reason: refused.reason } });
    }
  };

  return {
    core,
    step,
    put: (kind, key, body) => write({ type: "put", kind, key, body }),
    remove: (kind, key) => write({ type: "remove", kind, key }),
    answer(from, path, body) {
      if (!save()) throw fail("disk-full");
      if (path === "push") {
        const { records } = (body ?? {}) as { records?: unknown };
        if (!Array.isArray(records)) return undefined;
        step({ type: "received", records, from, via: "push" });
        return {};
      }
      const effect = step({ type: "syncRequest", request: body, from }).find((one) => one.type === "syncAnswer");
      return effect?.type === "syncAnswer" ? effect.answer : undefined;
    },
    syncWith,
    syncSoon() {
      soonTimer ??= clock.after(100 + needs.random.below(400), () => {
        soonTimer = undefined;
        if (running) syncOne();
      });
    },
    start() {
      running = true;
      cancels = [clock.every(needs.syncIntervalMs, syncOne), clock.every(TICK_MS, tick)];
      tick();
      if (waiting.length > 0) pushTimer ??= clock.after(PUSH_PAUSE_MS, pushNow);
    },
    stop() {
      running = false;
      for (const cancel of cancels) cancel();
      pushTimer?.();
      soonTimer?.();
    },
  };
}

/** Takes from the front what fits one message. */
function takeBatch(waiting: SignedRecord[]): SignedRecord[] {
  let bytes = 0;
  let count = 0;
  while (count < waiting.length && count < RECORDS_PER_MESSAGE_MAX) {
    bytes += JSON.stringify(waiting[count]).length;
    if (bytes > MESSAGE_BUDGET_BYTES && count > 0) break;
    count += 1;
  }
  return waiting.splice(0, count);
}

function pick<T>(from: readonly T[], count: number, random: Random): T[] {
  const left = [...from];
  const picked: T[] = [];
  while (picked.length < count && left.length > 0) picked.push(...left.splice(random.below(left.length), 1));
  return picked;
}
