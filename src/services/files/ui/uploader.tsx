/**
 * Does what the queue of uploads says: sends, asks, waits. There is one for the whole page, so that uploads go on while
 * the reader is elsewhere in it; it ends with the session.
 */
import { effect, signal } from "@preact/signals";
import { resources } from "../../../../ui/src/box.ts";
import { asApiError, call, send } from "../../../../ui/src/client.ts";
import { toast } from "../../../../ui/src/components/toast.tsx";
import { session } from "../../../../ui/src/session.ts";
import { t, word } from "../../../../ui/src/words.ts";
import type { Dropped } from "./dropped.tsx";
import { LOOK_EVERY_MS, SMALL_MAX_BYTES } from "./limits.ts";
import { fingerprintOf, join } from "./places.ts";
import { type Sample, isSending, speedOf, totalsOf } from "./upload-view.ts";
import {
  EMPTY_QUEUE,
  type Effect,
  type Event,
  type Item,
  type NewItem,
  type Told,
  type Wrong,
  step,
} from "./uploads.ts";

export const queue = signal(EMPTY_QUEUE);
/** Bytes a second on the way to the box; undefined when nothing moves. */
export const speed = signal<number | undefined>(undefined);

const PROGRESS_EVERY_MS = 250;
const MEDIA_TYPE = /^[\w.+-]{1,60}\/[\w.+-]{1,60}$/;

const files = new Map<number, File>();
const running = new Map<number, AbortController>();
let wakeTimer: ReturnType<typeof setTimeout> | undefined;
let samples: readonly Sample[] = [];

export function control(event: Event): void {
  const { queue: next, effects } = step(queue.peek(), event, Date.now());
  queue.value = next;
  for (const one of effects) perform(one);
}

/** Puts what was dropped or chosen into the queue, to go below `folder`. */
export function upload(folder: string, { folders, files: dropped, isCut }: Dropped): void {
  const items: NewItem[] = folders.map((path) => {
    return { kind: "folder", path: join(folder, path), bytes: 0, fingerprint: path };
  });
  items.push(...dropped.map(({ path, file }) => itemOf(join(folder, path), file)));
  const first = queue.peek().nextId;
  dropped.forEach(({ file }, index) => files.set(first + folders.length + index, file));
  control({ type: "add", items });
  if (isCut || queue.peek().nextId - first < items.length) {
    toast(t("files.too-many-dropped", { count: queue.peek().nextId - first }));
  }
}

/** Gives the file of an upload that was begun before. False when it is another one. */
export function giveFile({ path, bytes }: Item, file: File): boolean {
  if (file.size !== bytes) return false;
  files.set(queue.peek().nextId, file);
  control({ type: "add", items: [itemOf(path, file)] });
  return true;
}

function itemOf(path: string, file: File): NewItem {
  const fingerprint = fingerprintOf(path, file.size, file.lastModified);
  return { kind: file.size <= SMALL_MAX_BYTES ? "small" : "large", path, bytes: file.size, fingerprint };
}

function perform(effect_: Effect): void {
  switch (effect_.do) {
    case "wake":
      clearTimeout(wakeTimer);
      wakeTimer = setTimeout(() => control({ type: "tick" }), effect_.afterMs);
      return;
    case "stop":
      running.get(effect_.id)?.abort();
      running.delete(effect_.id);
      return;
    case "forget":
      files.delete(effect_.id);
      return;
    case "cancel":
      // It may be gone already; the list tells.
      call("files.cancelUpload", { id: effect_.uploadId }).catch(() => undefined);
      return;
    default:
      void run(effect_);
  }
}

type Request = Exclude<Effect, { do: "wake" } | { do: "stop" } | { do: "forget" } | { do: "cancel" }>;

async function run(request: Request): Promise<void> {
  const { id } = request;
  const item = queue.peek().items.find((one) => one.id === id);
  if (!item) return;
  const stop = new AbortController();
  running.set(id, stop);
  try {
    const event = await ask(request, item, stop.signal);
    // Whoever stopped it has said already what comes of it.
    if (stop.signal.aborted) return;
    control(event);
    if (queue.peek().items.find((one) => one.id === id)?.stage === "done") files.delete(id);
  } catch (thrown) {
    if (stop.signal.aborted) return;
    const { code, message, advice } = asApiError(thrown);
    const isGone = code === "unreachable" && !(await isReadable(files.get(id)));
    control({ type: "refused", id, wrong: isGone ? wrongOf("unreadable") : { code, message, advice } });
  } finally {
    if (running.get(id) === stop) running.delete(id);
  }
}

async function ask(request: Request, item: Item, signal: AbortSignal): Promise<Event> {
  const { id } = request;
  const { path, mode, fingerprint } = item;
  const file = files.get(id);
  if (request.do === "look") return { type: "looked", id, told: await look(item, request.uploadId, signal) };
  if (request.do === "again") {
    return { type: "looked", id, told: await call("files.retryUpload", { id: request.uploadId }, { signal }) };
  }
  if (request.do === "folder") {
    await call("files.makeFolder", { path }, { signal });
    return { type: "whole", id };
  }
  if (!file) throw new Error("an upload has lost its file");
  const about = {
    modifiedAt: new Date(file.lastModified).toISOString(),
    mediaType: MEDIA_TYPE.test(file.type) ? file.type : undefined,
  };
  const onSent = throttled((partBytes) => control({ type: "progress", id, partBytes }));
  if (request.do === "small") {
    // "A name of its own" is never asked of a small one: see the queue.
    await send("files.putSmall", { path, mode: mode === "rename" ? "new" : mode, ...about }, file, { signal, onSent });
    return { type: "whole", id };
  }
  if (request.do === "begin") {
    const begun = { path, bytes: file.size, mode, fingerprint: `${mode}.${fingerprint}`.slice(0, 500), ...about };
    return { type: "began", id, told: await call("files.beginUpload", begun, { signal }) };
  }
  const { uploadId, offset, length } = request;
  const piece = file.slice(offset, offset + length);
  const sinceMs = performance.now();
  const told = await send("files.putPiece", { id: uploadId, offset }, piece, { signal, onSent });
  return { type: "piece", id, told, tookMs: performance.now() - sinceMs };
}

/** An upload that ended while nobody looked is no longer listed, and its file is there. */
async function look({ path, bytes }: Item, id: string, signal: AbortSignal): Promise<Told> {
  try {
    return await call("files.upload", { id }, { signal });
  } catch (error) {
    if (asApiError(error).code !== "files-upload-unknown") throw error;
    const entry = await call("files.entry", { path }, { signal }).catch(() => undefined);
    if (entry?.bytes !== bytes) throw error;
    return { id, path, bytes, receivedBytes: bytes, storedBytes: bytes, state: "done" };
  }
}

/** False when the file was moved, changed or taken away since it was chosen. */
async function isReadable(file: File | undefined): Promise<boolean> {
  try {
    await file?.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

function throttled(run_: (value: number) => void): (value: number) => void {
  let lastMs = 0;
  return (value) => {
    const nowMs = performance.now();
    if (nowMs - lastMs < PROGRESS_EVERY_MS) return;
    lastMs = nowMs;
    run_(value);
  };
}

/** The box tells only the code of an upload that failed later. */
export function wrongOf(code: string): Wrong {
  const message = word(`files.wrong-${code}`, {}, t("files.wrong"));
  return { code, message, advice: word(`files.wrong-${code}-advice`, {}, t("files.wrong-advice")) };
}

let isStarted = false;

/** Follows what the box says of uploads, and measures; once for all visits of the page. */
export function startUploader(): void {
  if (isStarted) return;
  isStarted = true;
  const account = session.peek()?.account;
  const watch = resources.watch("files.uploads", {}, ["files.uploads"]);
  const unfollow = effect(() => {
    const all = watch.seen.value.data;
    if (Array.isArray(all)) setTimeout(() => control({ type: "seen", all: all as Told[], wrongOf }));
  });
  const timer = setInterval(() => {
    const totals = totalsOf(queue.peek());
    if (totals.counts.storing > 0) watch.reload();
    const now = speedOf(samples, { atMs: Date.now(), sentBytes: totals.sentBytes });
    samples = isSending(totals) ? now.samples : [];
    speed.value = isSending(totals) ? now.perSecond : undefined;
  }, LOOK_EVERY_MS);
  const onLeave = (event: BeforeUnloadEvent) => {
    if (isSending(totalsOf(queue.peek()))) event.preventDefault();
  };
  addEventListener("beforeunload", onLeave);
  const unwatch = session.subscribe((now) => {
    if (now?.account === account) return;
    for (const stop of running.values()) stop.abort();
    clearInterval(timer);
    clearTimeout(wakeTimer);
    removeEventListener("beforeunload", onLeave);
    watch.stop();
    unfollow();
    running.clear();
    files.clear();
    queue.value = EMPTY_QUEUE;
    isStarted = false;
    setTimeout(() => unwatch());
  });
}
