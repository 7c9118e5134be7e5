/**
 * Drives the records core: keeps what it decides in SQLite before anybody hears of it, pushes what is new to a few
 * boxes, and reconciles with one box now and then.
 *
 * On a disk that is full or fails the core is ahead of it: its effects wait, nothing new is taken in, no box is told
 * anything, so that a crash cannot make this box use a number twice. It goes on by itself when there is room.
 */
import type { Clock } from "../../kernel/clock.ts";
import { isFailure } from "../../kernel/errors.ts";
import type { Failure } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import { diskFailure } from "../../platform/disk-room.ts";
import type { Json } from "../../protocols/records/canonical-json.ts";
import { MESSAGE_BUDGET_BYTES, RECORDS_PER_MESSAGE_MAX } from "../../protocols/records/constants.ts";
import type { Change } from "../../protocols/records/author-table.ts";
import type { SignedRecord } from "../../protocols/records/record.ts";
import { nextInRings } from "../../protocols/records/rings.ts";
import type { Records, RecordsEffect, RecordsEvent } from "../../protocols/records/records.ts";
import { meshErrors } from "./contract.ts";
import { createReconciling, inParts } from "./reconciling.ts";
import type { MeshStore } from "./store.ts";
import type { Busy } from "./work-share.ts";

/** New records wait this long for others to go along with them. */
export const PUSH_PAUSE_MS = 20;
/** Records that wait to be pushed; beyond it the reconciliation carries them. */
export const PUSH_WAITING_MAX = 4096;
/** How often one's own news are offered to a box that says it is too busy, and how soon again. */
export const OWN_PUSH_TRIES = 5;
export const OWN_PUSH_AGAIN_MS = 300;
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
  /** Takes the turns of this box's own reconciliations among what others ask. */
  busy: Busy;
  syncIntervalMs: number;
  /** After records changed, and they are on disk. */
  onChanged: (changes: readonly Change[]) => void;
  /** Two records of this author have one number: here they are. */
  onEquivocation: (author: string, records: readonly SignedRecord[]) => void;
}

export interface Replica {
  core: Records;
  put(kind: string, key: string, body: Json): void;
  remove(kind: string, key: string): void;
  step(event: RecordsEvent): RecordsEffect[];
  /** Answers a peer's request, in parts, each of them by `busy`. Undefined when it makes no sense. */
  answer(from: string, path: "sync" | "push", body: unknown, busy: Busy): Promise<object | undefined>;
  /** Reconciles with one box; true when both hold the same afterwards. */
  syncWith(box: string): Promise<boolean>;
  /** Finds out which numbers this box has used, before anything is written; see `Reconciling.askOwn`. */
  adopt(boxes: readonly string[], timeoutMs: number): Promise<void>;
  /** Soon, with somebody: after a box came. */
  syncSoon(): void;
  start(): void;
  stop(): void;
}

export function createReplica(needs: ReplicaNeeds): Replica {
  const { clock, core, rows } = needs;
  /** News to be pushed: what we wrote, and what others did. */
  const own: SignedRecord[] = [];
  const passedOn: SignedRecord[] = [];
  /** Boxes to which news of others are on their way. */
  const passingOn = new Set<string>();
  let fanout = 0;
  let pushTimer: (() => void) | undefined;
  let soonTimer: (() => void) | undefined;
  let cancels: (() => void)[] = [];
  let running = false;

  /** Effects that wait for room on the disk, oldest first; one step's, as a rule, since no new ones are made. */
  const unsaved: RecordsEffect[] = [];
  /** Why they wait. */
  let failure: Failure | undefined;

  const step = (event: RecordsEvent): RecordsEffect[] => {
    const effects = core.step(clock.wallMs(), event);
    unsaved.push(...effects);
    if (!save()) needs.log.warn("the disk takes nothing: records wait", { event: event.type, error: failure });
    return effects;
  };

  /** Carries out what waits; false when the disk is full or fails. */
  const save = (): boolean => {
    // Taken out first: carrying out one effect may lead to the next step.
    for (let effect = unsaved.shift(); effect; effect = unsaved.shift()) {
      const next = effect;
      failure = diskFailure(() => carryOut(next));
      if (!failure) continue;
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
      waitToPush(effect.records);
      fanout = effect.fanout;
      if (running) pushTimer ??= clock.after(PUSH_PAUSE_MS, pushNow);
    } else if (effect.type === "recheckSoon") {
      clock.after(0, () => {
        if (running && save()) step({ type: "recheck" });
      });
    } else if (effect.type === "equivocation") {
      needs.onEquivocation(effect.author, effect.records);
    }
  };

  const waitToPush = (records: readonly SignedRecord[]) => {
    own.push(...records.filter((record) => record.author === needs.self));
    const others = records.filter((record) => record.author !== needs.self);
    passedOn.push(...others.slice(0, PUSH_WAITING_MAX - passedOn.length));
  };

  const pushNow = () => {
    const up = needs.peersUp();
    const news = takeBatch(own);
    if (news.length > 0) for (const box of nextInRings(needs.self, up, fanout)) void pushOwn(box, news);
    // One at a time to each: a box that is slow to answer, or busy with a flood, must still hear what is ours.
    const free = up.filter((box) => !passingOn.has(box));
    const batch = free.length > 0 ? takeBatch(passedOn) : [];
    if (batch.length > 0) for (const box of nextInRings(needs.self, free, fanout)) void passOn(box, batch);
    pushTimer = own.length + passedOn.length > 0 ? clock.after(PUSH_PAUSE_MS, pushNow) : undefined;
  };

  const lost = (box: string, error: unknown) =>
    needs.log.debug("a push was lost; the next reconciliation carries it", { box, error });

  const passOn = async (box: string, records: readonly SignedRecord[]) => {
    passingOn.add(box);
    await needs.ask(box, "push", { records }).catch((error: unknown) => lost(box, error));
    passingOn.delete(box);
  };

  /** Nobody else will bring it there soon: a box that is too busy to take it is told again. */
  const pushOwn = async (box: string, records: readonly SignedRecord[], tries = OWN_PUSH_TRIES): Promise<void> => {
    try {
      await needs.ask(box, "push", { records });
    } catch (error) {
      if (tries <= 1 || !isFailure(error, "too-many")) return lost(box, error);
      clock.after(OWN_PUSH_AGAIN_MS, () => running && void pushOwn(box, records, tries - 1));
    }
  };

  const { ask, peersUp, log, random } = needs;
  const { self, busy } = needs;
  const syncs = createReconciling({ clock, log, random, core, self, peersUp, ask, step, save, busy });

  const tick = () => {
    if (save()) step({ type: "tick" });
  };

  const notSaved = (): Error => failure ?? new Error("records wait although the disk took the last ones");

  const write = (event: Extract<RecordsEvent, { type: "put" | "remove" }>) => {
    if (!save()) throw notSaved();
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
      throw notSaved();
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
    async answer(from, path, body, busy) {
      const taken = (body ?? {}) as { records?: unknown };
      if (path === "push" && !Array.isArray(taken.records)) return undefined;
      const via = path === "push" ? "push" : "offer";
      for (const records of inParts(taken.records)) {
        if (!save()) throw notSaved();
        await busy(() => step({ type: "received", records, from, via }));
      }
      if (!save()) throw notSaved();
      if (path === "push") return {};
      const effects = await busy(() => step({ type: "syncRequest", request: body, from, given: true }));
      const effect = effects.find((one) => one.type === "syncAnswer");
      return effect?.type === "syncAnswer" ? effect.answer : undefined;
    },
    syncWith: syncs.with,
    async adopt(boxes, timeoutMs) {
      const before = core.ownSeq();
      const first = await syncs.askOwn(boxes, timeoutMs);
      if (core.ownSeq() > before)
        log.warn("others know later records of this box: its data is an old copy", { before });
      step({ type: "adopted", asked: first !== undefined || boxes.length === 0 });
      if (first !== undefined) syncs.begin(first);
    },
    syncSoon() {
      soonTimer ??= clock.after(100 + needs.random.below(400), () => {
        soonTimer = undefined;
        if (running) syncs.withSomebody();
      });
    },
    start() {
      running = true;
      cancels = [clock.every(needs.syncIntervalMs, syncs.withSomebody), clock.every(TICK_MS, tick)];
      tick();
      if (own.length + passedOn.length > 0) pushTimer ??= clock.after(PUSH_PAUSE_MS, pushNow);
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
