/** The journal while the disk is nearly full: it keeps less garbage, and does not compact where there is no room. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock } from "../kernel/clock.ts";
import { createLog } from "../kernel/log.ts";
import { JOURNAL_GARBAGE_RATIO, JOURNAL_TIGHT_BACKLOG_SEGMENTS, JOURNAL_TIGHT_GARBAGE_RATIO } from "./constants.ts";
import type { Journal } from "./journal.ts";
import { openJournal } from "./journal.ts";

const SEGMENT_BYTES = 64 * 1024;
const VALUE = Buffer.alloc(4000, "v");
const root = mkdtempSync(join(tmpdir(), "comu-journal-tight-"));
after(() => rmSync(root, { recursive: true }));
const clock = systemClock();
const log = createLog({ clock, level: "info", write: () => {} });
let folders = 0;

function open(isTight: () => boolean, segmentBytesMax = SEGMENT_BYTES): Promise<Journal> {
  const folder = join(root, String((folders += 1)));
  return openJournal({ folder, clock, log, segmentBytesMax, isTight });
}

const put = (journal: Journal, n: number) => journal.append([{ id: `k${n}`, bytes: VALUE }]);
const garbageOf = (journal: Journal) => journal.stats().bytes - journal.stats().liveBytes;

/** Until compaction has nothing more to do. */
async function quiet(journal: Journal): Promise<void> {
  for (let bytes = -1; bytes !== journal.stats().bytes;) {
    bytes = journal.stats().bytes;
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
}

test("removed values are given up sooner while the disk is nearly full", async () => {
  let isTight = false;
  const journal = await open(() => isTight);
  for (let n = 0; n < 400; n += 1) await put(journal, n);
  // Every fourth: no segment becomes empty by itself.
  for (let n = 0; n < 400; n += 4) await journal.append([{ id: `k${n}`, bytes: null }]);
  await quiet(journal);
  const before = garbageOf(journal);
  assert.ok(before > 350_000, `${before} bytes are kept while there is room`);
  isTight = true;
  await journal.append([]);
  const { liveBytes } = journal.stats();
  const allowed = liveBytes * (JOURNAL_TIGHT_GARBAGE_RATIO - 1) + 2 * SEGMENT_BYTES;
  // A slow disk may take long for each step of compaction.
  for (const endMs = performance.now() + 30_000; garbageOf(journal) >= allowed && performance.now() < endMs;)
    await quiet(journal);
  assert.ok(garbageOf(journal) < allowed && allowed < before, `${garbageOf(journal)} of ${allowed}, ${before} before`);
  await journal.close();
});

test("whoever replaces without pause on a nearly full disk waits for compaction", async () => {
  const segmentBytes = 8 * SEGMENT_BYTES;
  const journal = await open(() => true, segmentBytes);
  const value = Buffer.alloc(16_000, "v");
  const replace = (n: number) => journal.append([{ id: `k${n}`, bytes: value }]);
  for (let n = 0; n < 400; n += 1) await replace(n);
  // Every second one stays as it is, so no segment becomes empty by itself.
  let most = 0;
  for (let round = 0; round < 500; round += 1) {
    await Promise.all(Array.from({ length: 4 }, (_, n) => replace(((round * 4 + n) * 2) % 400)));
    most = Math.max(most, garbageOf(journal));
  }
  const { liveBytes } = journal.stats();
  const allowed = liveBytes * (JOURNAL_TIGHT_GARBAGE_RATIO - 1) + (JOURNAL_TIGHT_BACKLOG_SEGMENTS + 4) * segmentBytes;
  assert.ok(most < allowed && allowed < liveBytes * (JOURNAL_GARBAGE_RATIO - 1), `${most} of ${allowed} bytes at most`);
  await journal.close();
});
