/**
 * Drives one box's records core and its admission fold, as the daemon's driver does: stores and syncs before anybody
 * hears of it, pushes what is new to a few boxes, and reconciles with one box now and then.
 */
import type { Admission } from "../src/protocols/records/admission.ts";
import type { Change } from "../src/protocols/records/author-table.ts";
import type { Json } from "../src/protocols/records/canonical-json.ts";
import { PUSH_FANOUT, RECORDS_PER_MESSAGE_MAX, STRANGER_TURNS } from "../src/protocols/records/constants.ts";
import { ADMISSION_KINDS, admissionKinds } from "../src/protocols/records/membership-facts.ts";
import type { SignedRecord } from "../src/protocols/records/record.ts";
import type { Records, RecordsEffect, RecordsEvent } from "../src/protocols/records/records.ts";
import type { SimBox } from "./box.ts";
import { noteKinds } from "./community.ts";
import { carry } from "./message-size.ts";

/** As the daemon's: others may go along with a new record. */
const PUSH_PAUSE_MS = 20;
const PUSH_WAITING_MAX = 4096;
const SYNCS_AT_ONCE_MAX = 2;
const ASK_TIMEOUT_MS = 6000;
const TICK_MS = 5000;
/** How late the mutated driver stores. */
const STORE_LATE_MS = 200;

/** What a reconciliation took: questions, records that came, and the bytes of both bodies. */
export interface SyncCost {
  rounds: number;
  records: number;
  requestBytes: number;
  answerBytes: number;
}

interface AskBytes {
  request: number;
  answer: number;
}

export class Replica {
  readonly core: Records;
  readonly admission: Admission | undefined;
  readonly #box: SimBox;
  readonly #life: number;
  readonly #waiting: SignedRecord[] = [];
  #fanout = 0;
  #turn = 0;
  #pushing = false;
  #syncs = 0;
  #soon = false;
  #excluded = new Set<string>();
  /** Sessions that ended with both sides holding the same. */
  completeSyncs = 0;

  constructor(box: SimBox) {
    const { world, key } = box;
    this.#box = box;
    this.#life = box.life;
    const crypto = { sha256: world.keys.sha256, verify: world.keys.verify.bind(world.keys) };
    const { community } = world;
    if (community) this.admission = new world.cores.Admission({ community: community.id }, crypto);
    this.core = world.cores.createRecords(
      {
        community: community?.id ?? "sim",
        self: key.id,
        selfKey: key.publicKey,
        kinds: [...admissionKinds, ...noteKinds],
        adoptFirst: box.adoptFirst,
        refreshMs: world.config.refreshMs,
      },
      {
        ...crypto,
        sign: key.sign,
        publicKeyOf: (author, record) => this.admission?.publicKeyOf(author, record) ?? world.publicKeyOf(author),
        mayWrite: (author, record) => this.admission?.mayWrite(author, record) ?? world.isAuthor(author),
      },
    );
    const { rows, ownSeq } = box.disk.read();
    this.core.load(rows, ownSeq);
    for (const kind of ADMISSION_KINDS) this.admission?.load(this.core.list(kind));
  }

  start(): void {
    const { world } = this.#box;
    this.#excluded = new Set(this.admission?.view()?.excluded.keys());
    for (const box of this.#excluded) this.#cut(box);
    const { syncIntervalMs } = world.pace;
    const random = world.random(`records start ${this.#box.index} ${this.#life}`);
    this.#every(syncIntervalMs, random.float() * syncIntervalMs, () => this.syncOne());
    this.#every(TICK_MS, random.float() * TICK_MS, () => this.step({ type: "tick" }));
    this.step({ type: "tick" });
  }

  step(event: RecordsEvent): RecordsEffect[] {
    const effects = this.core.step(this.#box.wallMs, event);
    const order = this.#box.world.config.sendBeforeStore ? sendFirst(effects) : effects;
    for (const effect of order) {
      if (this.#box.life !== this.#life || this.#box.meetsCrashPoint()) break;
      this.#carryOut(effect);
    }
    return effects;
  }

  /** True when it was taken; what is on disk by then is noted as acknowledged. */
  put(kind: string, key: string, body: Json): boolean {
    const effects = this.step(body === null ? { type: "remove", kind, key } : { type: "put", kind, key, body });
    return this.#box.life === this.#life && !effects.some((effect) => effect.type === "putRefused");
  }

  isMember(id: string): boolean {
    return this.admission ? (this.admission.view()?.members.has(id) ?? false) : true;
  }

  isExcluded(id: string): boolean {
    return this.admission?.view()?.excluded.has(id) ?? false;
  }

  /** What another box asks over a link; its key says who it is. */
  serve(from: SimBox, path: "push" | "sync", body: unknown): { answer: unknown; bytes: number } | undefined {
    if (!this.isMember(from.key.id)) return undefined;
    this.#box.world.listened(this.#box, from);
    if (path === "push") {
      const { records } = body as { records: unknown[] };
      this.step({ type: "received", records, from: from.key.id, via: "push" });
      return this.#box.life === this.#life ? { answer: {}, bytes: 2 } : undefined;
    }
    const effects = this.step({ type: "syncRequest", request: body, from: from.key.id });
    const effect = effects.find((one) => one.type === "syncAnswer");
    if (effect?.type !== "syncAnswer" || this.#box.life !== this.#life) return undefined;
    this.#box.world.ledger.sent(effect.answer.records as SignedRecord[]);
    return carry(effect.answer, this.#box.world.config.copyMessages);
  }

  /** Reconciles with one box; `done(true)` when both hold the same afterwards. */
  syncWith(peer: SimBox, done: (ok: boolean, cost: SyncCost) => void = () => {}): void {
    const cost: SyncCost = { rounds: 0, records: 0, requestBytes: 0, answerBytes: 0 };
    if (this.#syncs >= SYNCS_AT_ONCE_MAX) return done(false, cost);
    this.#syncs++;
    const session = this.core.startSync();
    const end = () => {
      this.#syncs--;
      const ok = session.state.state === "done" && session.state.outcome === "complete";
      if (ok) this.completeSyncs++;
      done(ok, cost);
    };
    const next = () => {
      const request = session.next();
      if (!request) return end();
      this.#box.world.ledger.sent(request.records);
      this.ask(peer, "sync", request, (answer, bytes) => {
        cost.rounds++;
        cost.requestBytes += bytes.request;
        cost.answerBytes += bytes.answer;
        if (answer === undefined) return end();
        cost.records += (answer as { records: unknown[] }).records.length;
        this.step({ type: "syncAnswer", session, answer, from: peer.key.id });
        if (this.#box.life === this.#life) next();
      });
    };
    next();
  }

  /** One question over a link; `done(undefined)` when there is no answer. */
  ask(peer: SimBox, path: "push" | "sync", body: unknown, done: (answer: unknown, bytes: AskBytes) => void): void {
    const box = this.#box;
    const { world } = box;
    const request = carry(body, world.config.copyMessages);
    let reply: { answer: unknown; bytes: number } | undefined;
    world.network.exchange(box.index, peer.index, {
      requestBytes: request.bytes,
      timeoutMs: ASK_TIMEOUT_MS,
      isUp: () => peer.up,
      serve: () => (reply = peer.isAwake ? peer.replica?.serve(box, path, request.answer) : undefined)?.bytes,
      done: (ok) => {
        const bytes = { request: request.bytes, answer: ok ? (reply?.bytes ?? 0) : 0 };
        box.inLife(this.#life, () => done(ok ? reply?.answer : undefined, bytes));
      },
    });
  }

  syncOne(): void {
    this.#turn++;
    const near = this.#turn % STRANGER_TURNS === 0 ? [] : this.#box.nextInRings(PUSH_FANOUT);
    const peer = near[this.#turn % near.length] ?? this.#box.pickPeers(1)[0];
    if (peer) this.syncWith(peer);
  }

  /** Soon, with somebody: after a box came. */
  syncSoon(): void {
    if (this.#soon) return;
    this.#soon = true;
    this.#box.after(100 + this.#box.random.below(400), () => {
      this.#soon = false;
      this.syncOne();
    });
  }

  #carryOut(effect: RecordsEffect): void {
    const { world, disk, key } = this.#box;
    if (effect.type === "store") {
      const store = () => {
        disk.write(effect);
        if (this.#box.meetsCrashPoint()) return;
        disk.sync();
        world.ledger.stored(
          key.id,
          effect.put.map((row) => row.record),
        );
      };
      if (world.config.sendBeforeStore) this.#box.after(STORE_LATE_MS, store);
      else store();
    } else if (effect.type === "changed") this.#changed(effect.changes);
    else if (effect.type === "recheckSoon") this.#box.after(0, () => this.step({ type: "recheck" }));
    else if (effect.type === "push") {
      this.#waiting.push(...effect.records.slice(0, PUSH_WAITING_MAX - this.#waiting.length));
      this.#fanout = effect.fanout;
      if (!this.#pushing) this.#box.after(PUSH_PAUSE_MS, () => this.#pushNow());
      this.#pushing = true;
    }
  }

  #pushNow(): void {
    const records = this.#waiting.splice(0, RECORDS_PER_MESSAGE_MAX);
    this.#pushing = this.#waiting.length > 0;
    if (this.#pushing) this.#box.after(PUSH_PAUSE_MS, () => this.#pushNow());
    const peers = this.#box.nextInRings(this.#fanout);
    if (peers.length > 0) this.#box.world.ledger.sent(records);
    for (const peer of peers) this.ask(peer, "push", { records }, () => {});
  }

  #changed(changes: readonly Change[]): void {
    this.admission?.apply(changes);
    this.#box.world.recordsChanged(this.#box, changes);
    if (!this.admission || !changes.some(({ kind }) => (ADMISSION_KINDS as readonly string[]).includes(kind))) return;
    // Later, since the records core is in the middle of a step.
    this.#box.after(0, () => {
      this.#applyExclusions();
      this.step({ type: "recheck" });
    });
  }

  #applyExclusions(): void {
    if (this.#box.world.config.ignoreExclusions) return;
    const excluded = new Set(this.admission?.view()?.excluded.keys());
    for (const box of excluded) if (!this.#excluded.has(box)) this.#cut(box);
    for (const box of this.#excluded) {
      if (excluded.has(box)) continue;
      this.step({ type: "restoreAuthor", author: box });
      this.#box.gossip?.step({ type: "readmit", name: box });
    }
    this.#excluded = excluded;
  }

  #cut(box: string): void {
    this.step({ type: "dropAuthor", author: box, keep: this.admission!.keepOf(box) });
    this.#box.gossip?.step({ type: "forget", name: box });
  }

  #every(periodMs: number, firstMs: number, run: () => void): void {
    const again = () => {
      run();
      this.#box.after(periodMs, again);
    };
    this.#box.after(firstMs, again);
  }
}

function sendFirst(effects: readonly RecordsEffect[]): RecordsEffect[] {
  const stores = effects.filter((effect) => effect.type === "store");
  return [...effects.filter((effect) => effect.type !== "store"), ...stores];
}
