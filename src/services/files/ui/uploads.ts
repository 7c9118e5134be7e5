/**
 * The queue of uploads: what waits, what is being sent, what the box is spreading over the storage servers, what failed
 * and may be tried again. A pure state machine: events and the time in, the next queue and what is to be done out. The
 * one who does it is `uploader.tsx`.
 *
 *             room           last piece is there          stored
 *   waiting ────────► sending ────────────────► storing ────────► done
 *      ▲ ▲              │ │ │                      │
 *      │ └──a pause─────┘ │ └─ exists (a question) └─► failed ──try again──► waiting
 *      └── paused ◄───────┘
 *   unheld: the box has a part of it, and this page does not have the file; choosing it again makes it wait.
 *
 * Folders are made first, one after another, since a file needs the one that it goes into.
 */
import {
  LARGE_SENDING_MAX,
  PAUSE_MAX_MS,
  PAUSE_MIN_MS,
  PIECE_MAX_BYTES,
  PIECE_MIN_BYTES,
  PIECE_QUICK_MS,
  QUEUE_MAX,
  SENDING_MAX,
  TINY_MAX_BYTES,
  TINY_SENDING_MAX,
  TRIES_MAX,
  UNREACHABLE_TRIES_MAX,
} from "./limits.ts";

export type Stage = "waiting" | "sending" | "storing" | "done" | "failed" | "exists" | "paused" | "unheld";
export type Mode = "new" | "replace" | "rename";

export interface Wrong {
  code: string;
  message: string;
  advice: string;
}

export interface Item {
  readonly id: number;
  /** `small`: one request. `large`: in pieces, which go on after a break. */
  readonly kind: "folder" | "small" | "large";
  readonly path: string;
  readonly bytes: number;
  readonly mode: Mode;
  /** By which the box knows the same file again. */
  readonly fingerprint: string;
  readonly stage: Stage;
  /** A request for it is under way. */
  readonly busy: boolean;
  /** On the disk of the box. */
  readonly sentBytes: number;
  /** Of the request under way. */
  readonly partBytes: number;
  /** On the storage servers. */
  readonly storedBytes: number;
  readonly uploadId: string | null;
  readonly tries: number;
  /** Not tried again before. */
  readonly notBeforeMs: number;
  readonly wrong: Wrong | null;
  /** While the box tries to spread it again by itself: the code of what is in the way. */
  readonly waitingFor: string | null;
}

export interface Queue {
  readonly items: readonly Item[];
  readonly nextId: number;
  readonly pieceBytes: number;
}

/** What the box says of an upload. */
export interface Told {
  id: string;
  path: string;
  bytes: number;
  receivedBytes: number;
  state: "receiving" | "storing" | "done" | "failed";
  storedBytes: number;
  error?: string | undefined;
  waitingFor?: string | undefined;
}

export interface NewItem {
  kind: Item["kind"];
  path: string;
  bytes: number;
  fingerprint: string;
}

export type Event =
  | { type: "add"; items: readonly NewItem[] }
  | { type: "began" | "looked"; id: number; told: Told }
  | { type: "piece"; id: number; told: Told; tookMs: number }
  | { type: "progress"; id: number; partBytes: number }
  /** A folder was made, a small file written. */
  | { type: "whole"; id: number }
  | { type: "refused"; id: number; wrong: Wrong }
  /** All uploads that the box knows. */
  | { type: "seen"; all: readonly Told[]; wrongOf: (code: string) => Wrong }
  | { type: "pause" | "resume" | "cancel" | "retry"; id?: number }
  /** The answer to "there is something of this name already". */
  | { type: "decide"; mode: "replace" | "rename" | "skip" }
  | { type: "clear" }
  | { type: "tick" };

export type Effect =
  | { do: "folder"; id: number }
  | { do: "small"; id: number }
  | { do: "begin"; id: number }
  | { do: "piece"; id: number; uploadId: string; offset: number; length: number }
  | { do: "look"; id: number; uploadId: string }
  | { do: "again"; id: number; uploadId: string }
  /** Ends the request of this item, if there is one. */
  | { do: "stop"; id: number }
  | { do: "forget"; id: number }
  | { do: "cancel"; uploadId: string }
  | { do: "wake"; afterMs: number };

export interface Stepped {
  queue: Queue;
  effects: Effect[];
}

export const EMPTY_QUEUE: Queue = { items: [], nextId: 1, pieceBytes: PIECE_MIN_BYTES };

const SILENT = new Set(["unreachable", "timed-out"]);
const PASSING = new Set([
  "too-many",
  "unavailable",
  "internal",
  "files-too-many",
  "files-contended",
  "files-spool-full",
]);

export function step(before: Queue, event: Event, nowMs: number): Stepped {
  const effects: Effect[] = [];
  const changed = change(before, event, nowMs, effects);
  const queue = schedule(changed, nowMs, effects);
  return { queue, effects };
}

function change(queue: Queue, event: Event, nowMs: number, effects: Effect[]): Queue {
  const update = (id: number, with_: (item: Item) => Item) => ({
    ...queue,
    items: queue.items.map((item) => (item.id === id ? with_(item) : item)),
  });
  switch (event.type) {
    case "add":
      return added(queue, event.items, effects);
    case "progress":
      return update(event.id, (item) => (item.busy ? { ...item, partBytes: event.partBytes } : item));
    case "whole":
      return update(event.id, (item) => whole(item));
    case "began":
    case "looked":
      return update(event.id, (item) => told(began(item, event.told, effects), event.told));
    case "piece":
      return {
        ...update(event.id, (item) => told(idle(item), event.told)),
        pieceBytes: event.tookMs <= PIECE_QUICK_MS ? PIECE_MAX_BYTES : PIECE_MIN_BYTES,
      };
    case "refused":
      return update(event.id, (item) => refused(item, event.wrong, nowMs, effects));
    case "seen":
      return seen(queue, event, effects);
    case "decide":
      return decided(queue, event.mode, effects);
    case "clear":
      return { ...queue, items: queue.items.filter((item) => item.stage !== "done") };
    case "tick":
      return queue;
    default:
      return wished(queue, event.type, event.id, effects);
  }
}

const idle = (item: Item): Item => ({
  ...item,
  ...{ busy: false, partBytes: 0, tries: 0, notBeforeMs: 0, wrong: null, waitingFor: null },
});

const whole = (item: Item): Item => ({
  ...idle(item),
  stage: "done",
  sentBytes: item.bytes,
  storedBytes: item.bytes,
});

function added(queue: Queue, news: readonly NewItem[], effects: Effect[]): Queue {
  const unheld = new Map(
    queue.items.filter(({ stage }) => stage === "unheld").map((item) => [`${item.bytes} ${item.path}`, item]),
  );
  const room = Math.max(0, QUEUE_MAX - queue.items.filter(({ stage }) => stage !== "done").length);
  const taken = new Set<number>();
  const first = queue.nextId;
  const items = news.slice(0, room).map((one, index): Item => {
    const known = unheld.get(`${one.bytes} ${one.path}`);
    if (known) taken.add(known.id);
    return {
      ...one,
      // What began in pieces goes on in pieces.
      ...{ kind: known ? "large" : one.kind, id: first + index, mode: "new", stage: "waiting", busy: false },
      ...{ sentBytes: known?.sentBytes ?? 0, partBytes: 0, storedBytes: 0, uploadId: known?.uploadId ?? null },
      ...{ tries: 0, notBeforeMs: 0, wrong: null, waitingFor: null },
    };
  });
  for (let index = room; index < news.length; index += 1) effects.push({ do: "forget", id: first + index });
  const kept = queue.items.filter(({ id }) => !taken.has(id));
  return { ...queue, nextId: first + items.length, items: [...kept, ...items] };
}

/** The answer to `begin` may name another upload than the one that was thought to go on. */
function began(item: Item, { id }: Told, effects: Effect[]): Item {
  const isOther = item.uploadId !== null && item.uploadId !== id;
  if (isOther) effects.push({ do: "cancel", uploadId: item.uploadId! });
  return { ...item, busy: false, partBytes: 0, storedBytes: isOther ? 0 : item.storedBytes, uploadId: id };
}

function told(item: Item, now: Told): Item {
  const { receivedBytes: sentBytes, waitingFor = null } = now;
  // A box that was killed counts anew, and finds what it had spread; an answer may also be older than another one.
  const storedBytes = Math.max(item.storedBytes, now.storedBytes);
  // Under which name it is kept, the box decides.
  const at = { ...item, path: now.path, sentBytes, storedBytes, waitingFor };
  if (now.state === "done") return whole(at);
  if (now.state === "storing") return { ...at, stage: "storing", busy: false };
  if (now.state === "failed") return { ...at, stage: "failed", busy: false };
  return at.stage === "storing" || at.stage === "failed" ? { ...at, stage: "waiting" } : at;
}

function refused(item: Item, wrong: Wrong, nowMs: number, effects: Effect[]): Item {
  const still = { ...item, busy: false, partBytes: 0 };
  if (item.stage === "storing" && wrong.code === "files-upload-unknown") {
    return { ...still, stage: "failed", uploadId: null, sentBytes: 0, wrong };
  }
  if (item.stage !== "sending") return still;
  if (wrong.code === "files-exists") {
    if (item.kind === "folder") return whole(item);
    return { ...still, stage: "exists", wrong };
  }
  if (wrong.code === "files-upload-offset" && item.uploadId !== null && item.tries < TRIES_MAX) {
    effects.push({ do: "look", id: item.id, uploadId: item.uploadId });
    return { ...still, busy: true, tries: item.tries + 1 };
  }
  const isGone = wrong.code === "files-upload-unknown";
  const max = SILENT.has(wrong.code) ? UNREACHABLE_TRIES_MAX : PASSING.has(wrong.code) || isGone ? TRIES_MAX : 0;
  if (item.tries >= max) return { ...still, stage: "failed", wrong, tries: 0 };
  return {
    ...still,
    ...(isGone ? { uploadId: null, sentBytes: 0 } : {}),
    stage: "waiting",
    tries: item.tries + 1,
    notBeforeMs: nowMs + pauseMs(item.tries),
    wrong,
  };
}

export function pauseMs(tries: number): number {
  return Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** Math.min(tries, 10));
}

function seen(queue: Queue, { all, wrongOf }: Extract<Event, { type: "seen" }>, effects: Effect[]): Queue {
  const byId = new Map(all.map((one) => [one.id, one]));
  const known = new Set<string>();
  const items = queue.items.map((item) => {
    if (item.uploadId === null) return item;
    known.add(item.uploadId);
    const now = byId.get(item.uploadId);
    if (item.stage === "storing" && !now) {
      if (!item.busy) effects.push({ do: "look", id: item.id, uploadId: item.uploadId });
      return { ...item, busy: true };
    }
    // What is being sent hears from its own requests; this list may be older than them.
    if (!now || item.stage === "done" || item.stage === "sending") return item;
    if (item.stage === "unheld" && now.state === "receiving") return { ...item, sentBytes: now.receivedBytes };
    if (now.state === "receiving") return item;
    return judged(told(item, now), now, wrongOf);
  });
  let { nextId } = queue;
  const others = all
    .filter(({ id, state }) => !known.has(id) && state !== "done")
    .map((one): Item => {
      const item: Item = {
        ...{ id: nextId++, kind: "large", path: one.path, bytes: one.bytes, mode: "new", fingerprint: "" },
        stage: one.state === "receiving" ? "unheld" : "storing",
        ...{ busy: false, sentBytes: one.receivedBytes, partBytes: 0, storedBytes: one.storedBytes },
        ...{ uploadId: one.id, tries: 0, notBeforeMs: 0, wrong: null, waitingFor: null },
      };
      return one.state === "receiving" ? item : judged(told(item, one), one, wrongOf);
    });
  return { ...queue, nextId, items: others.length > 0 ? [...items, ...others] : items };
}

function judged(item: Item, { state, error }: Told, wrongOf: (code: string) => Wrong): Item {
  if (state !== "failed") return item;
  const wrong = wrongOf(error ?? "internal");
  return { ...item, wrong, stage: wrong.code === "files-exists" && item.fingerprint !== "" ? "exists" : "failed" };
}

function decided(queue: Queue, mode: "replace" | "rename" | "skip", effects: Effect[]): Queue {
  const items = queue.items.flatMap((item): Item[] => {
    if (item.stage !== "exists") return [item];
    // The box took it in under the old wish; under the new one it begins anew.
    if (item.uploadId !== null) effects.push({ do: "cancel", uploadId: item.uploadId });
    if (mode === "skip") {
      effects.push({ do: "forget", id: item.id });
      return [];
    }
    // A name of its own is something that only uploads in pieces get.
    const kind = mode === "rename" ? "large" : item.kind;
    return [{ ...idle(item), kind, mode, stage: "waiting", uploadId: null, sentBytes: 0, storedBytes: 0 }];
  });
  return { ...queue, items };
}

function wished(
  queue: Queue,
  wish: "pause" | "resume" | "cancel" | "retry",
  id: number | undefined,
  effects: Effect[],
): Queue {
  const isMeant = (item: Item) => id === undefined || item.id === id;
  const items = queue.items.flatMap((item): Item[] => {
    if (!isMeant(item)) return [item];
    const { stage } = item;
    if (wish === "pause" && (stage === "sending" || stage === "waiting")) {
      if (item.busy) effects.push({ do: "stop", id: item.id });
      return [{ ...item, stage: "paused", busy: false, partBytes: 0 }];
    }
    if (wish === "resume" && stage === "paused") return [{ ...idle(item), stage: "waiting" }];
    if (wish === "retry" && stage === "failed") return [again(item, effects)];
    if (wish === "cancel" && stage !== "done") {
      effects.push({ do: "stop", id: item.id }, { do: "forget", id: item.id });
      if (item.uploadId !== null) effects.push({ do: "cancel", uploadId: item.uploadId });
      return [];
    }
    return [item];
  });
  return { ...queue, items };
}

/** When the box has it all, only storing is tried again. */
function again(item: Item, effects: Effect[]): Item {
  if (item.uploadId !== null && item.sentBytes >= item.bytes) {
    effects.push({ do: "again", id: item.id, uploadId: item.uploadId });
    return { ...idle(item), stage: "storing", busy: true };
  }
  return { ...idle(item), stage: item.fingerprint === "" ? "unheld" : "waiting" };
}

/** Begins what there is room for, and asks to be woken when something waits for its time. */
function schedule(queue: Queue, nowMs: number, effects: Effect[]): Queue {
  const sent = queue.items.filter(({ stage }) => stage === "sending");
  let sending = sent.length;
  let large = sent.filter(({ kind }) => kind === "large").length;
  const folderWaits = queue.items.some(
    ({ kind, stage }) => kind === "folder" && (stage === "waiting" || stage === "sending"),
  );
  let wakeMs = Infinity;
  let isChanged = false;
  const items = queue.items.map((item) => {
    if (item.stage === "sending" && !item.busy) {
      isChanged = true;
      return request(item, item.uploadId, queue.pieceBytes, effects);
    }
    if (item.stage !== "waiting") return item;
    const most = item.bytes <= TINY_MAX_BYTES ? TINY_SENDING_MAX : SENDING_MAX;
    const isBarred = item.kind === "folder" ? sending > 0 : folderWaits || sending >= most;
    if (isBarred || (item.kind === "large" && large >= LARGE_SENDING_MAX)) return item;
    if (item.notBeforeMs > nowMs) {
      wakeMs = Math.min(wakeMs, item.notBeforeMs - nowMs);
      return item;
    }
    sending += 1;
    if (item.kind === "large") large += 1;
    isChanged = true;
    // Beginning the same upload again tells where it stands.
    return request({ ...item, stage: "sending" }, null, queue.pieceBytes, effects);
  });
  if (wakeMs < Infinity) effects.push({ do: "wake", afterMs: wakeMs });
  return isChanged ? { ...queue, items } : queue;
}

/** The next request of an item that is being sent. `uploadId`: where the next piece goes; null: to be begun. */
function request(item: Item, uploadId: string | null, pieceBytes: number, effects: Effect[]): Item {
  const { id, sentBytes: offset } = item;
  if (item.kind !== "large") effects.push({ do: item.kind, id });
  else if (uploadId === null) effects.push({ do: "begin", id });
  else effects.push({ do: "piece", id, uploadId, offset, length: Math.min(pieceBytes, item.bytes - offset) });
  return { ...item, busy: true };
}
