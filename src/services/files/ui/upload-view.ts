/** What the tray shows of the queue: how far all is together, and which lines of many. Pure. */
import { SPEED_OVER_MS } from "./limits.ts";
import type { Item, Queue, Stage } from "./uploads.ts";

export interface Totals {
  /** Files; folders are not counted. */
  files: number;
  done: number;
  counts: Readonly<Record<Stage, number>>;
  /** 0 to 1. Half of the way is the box, the other half the storage servers. */
  share: number;
  /** Of those that the box stores: they wait for boxes, or for room. */
  held: number;
  sentBytes: number;
  leftBytes: number;
}

const ORDER: readonly Stage[] = ["exists", "failed", "unheld", "sending", "storing", "paused", "waiting", "done"];

export function totalsOf({ items }: Queue): Totals {
  const counts = { waiting: 0, sending: 0, storing: 0, done: 0, failed: 0, exists: 0, paused: 0, unheld: 0 };
  let [files, all, way, held, sentBytes, bytes] = [0, 0, 0, 0, 0, 0];
  for (const item of items) {
    if (item.kind === "folder") {
      // A folder is told of only when it could not be made.
      if (item.stage === "failed") counts.failed += 1;
      continue;
    }
    files += 1;
    counts[item.stage] += 1;
    if (item.stage === "storing" && item.waitingFor !== null) held += 1;
    // An empty file is a little work, too.
    all += item.bytes + 1;
    way += shareOf(item) * (item.bytes + 1);
    bytes += item.bytes;
    sentBytes += Math.min(item.bytes, item.sentBytes + item.partBytes);
  }
  const share = all === 0 ? 1 : way / all;
  return { files, done: counts.done, counts, share, held, sentBytes, leftBytes: bytes - sentBytes };
}

/** How far one file is, 0 to 1. */
export function shareOf({ bytes, sentBytes, partBytes, storedBytes, stage }: Item): number {
  if (stage === "done") return 1;
  if (bytes === 0) return 0;
  return Math.min(1, (sentBytes + partBytes + storedBytes) / (2 * bytes));
}

/** It is not stored since boxes do not answer. */
export function missesBoxes({ waitingFor, wrong, stage }: Item): boolean {
  const code = stage === "failed" ? wrong?.code : waitingFor;
  return code === "files-not-spread" || code === "files-unreachable";
}

/** Something is under way that the end of the page would break off. */
export function isSending({ counts }: Totals): boolean {
  return counts.sending + counts.waiting > 0;
}

/** First what needs the reader, then what goes on, last what is done; at most `max`. */
export function linesOf({ items }: Queue, max: number): { shown: Item[]; more: number } {
  const wanted = items.filter(({ kind, stage }) => kind !== "folder" || stage === "failed");
  const shown: Item[] = [];
  for (const stage of ORDER) {
    if (shown.length >= max) break;
    const these = wanted.filter((item) => item.stage === stage);
    // Of what is done the newest.
    shown.push(...(stage === "done" ? these.toReversed() : these).slice(0, max - shown.length));
  }
  return { shown, more: wanted.length - shown.length };
}

export interface Sample {
  atMs: number;
  sentBytes: number;
}

/** Bytes a second over the last seconds, and the samples that are still needed. Undefined while too little is known. */
export function speedOf(samples: readonly Sample[], now: Sample): { samples: Sample[]; perSecond: number | undefined } {
  const kept = [...samples.filter(({ atMs }) => now.atMs - atMs <= SPEED_OVER_MS), now];
  const first = kept[0]!;
  const tookMs = now.atMs - first.atMs;
  const moved = now.sentBytes - first.sentBytes;
  return { samples: kept, perSecond: tookMs >= 1000 && moved > 0 ? (moved * 1000) / tookMs : undefined };
}
