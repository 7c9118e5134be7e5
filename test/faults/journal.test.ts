/**
 * The journal of the key-value store on a full disk, and with its process really killed while it writes, compacts and
 * makes segments: every acknowledged append is there, and none is there in half.
 * KILLS sets how many (100), SEED repeats the moments.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isFailure } from "../../src/kernel/errors.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { JOURNAL_SPARE_AGAIN_MS } from "../../src/platform/constants.ts";
import type { Journal } from "../../src/platform/journal.ts";
import { atExit, temporaryFolder } from "../support/at-exit.ts";
import { eventually } from "../support/process.ts";
import { smallDisk } from "../support/small-disk.ts";
import { figure } from "./direct.ts";
import { openTestJournal, putsOf } from "./journal-writer.ts";

const KILLS = Number(process.env["KILLS"] ?? 100);
const SEED = Number(process.env["SEED"] ?? 20_261_121);
const SEGMENT_BYTES = 32 * 1024;
/** The longest time from the first append to the kill; on a slow disk as much longer as it takes to append enough. */
const WRITING_MS_MAX = 80;
const SLOW_WRITING_MS_MAX = 1_000;
const APPENDS_PER_KILL_MIN = 10;
const DISK_MIB = 4;

type Model = Map<string, string>;

function apply(model: Model, n: number): void {
  for (const { id, bytes } of putsOf(n)) {
    if (bytes) model.set(id, Buffer.from(bytes).toString());
    else model.delete(id);
  }
}

async function contents(journal: Journal): Promise<Model> {
  const found: Model = new Map();
  for await (const { id, bytes } of journal.entries()) found.set(id, Buffer.from(bytes).toString());
  return found;
}

const sorted = (model: Model) => [...model].sort(([a], [b]) => (a < b ? -1 : 1));

/** Lets a writer write until it is killed; gives the highest number that it said was acknowledged. */
async function writeAndKill(folder: string, first: number, writingMs: number): Promise<number> {
  const program = join(import.meta.dirname, "journal-writer.ts");
  const child = spawn(process.execPath, [program, folder, String(SEGMENT_BYTES), String(first)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const undo = atExit(() => child.kill("SIGKILL"));
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  await once(child.stdout, "data");
  await sleep(writingMs);
  child.kill("SIGKILL");
  await once(child, "close");
  undo();
  return output
    .split("\n")
    .slice(0, -1)
    .reduce((highest, line) => Math.max(highest, Number(line)), first - 1);
}

test(`${KILLS} kills lose no acknowledged append and leave none in half`, { timeout: 300_000 }, async () => {
  const folder = join(temporaryFolder("journal"), "journal");
  const random = seededRandom(SEED);
  const model: Model = new Map();
  let done = -1;
  let unheard = 0;
  let writingMs = WRITING_MS_MAX;
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const acknowledged = await writeAndKill(folder, done + 1, random.below(writingMs));
    const journal = await openTestJournal(folder, SEGMENT_BYTES);
    const found = await contents(journal);
    await journal.close();
    const last = Number(found.get("number"));
    assert.ok(last >= acknowledged, `kill ${kill}: ${acknowledged} was acknowledged, ${last} is the last there`);
    for (let n = done + 1; n <= last; n += 1) apply(model, n);
    assert.deepEqual(sorted(found), sorted(model), `kill ${kill}: up to ${last}`);
    unheard += last - acknowledged;
    done = last;
    if (done < 2 * kill * APPENDS_PER_KILL_MIN) writingMs = Math.min(2 * writingMs, SLOW_WRITING_MS_MAX);
  }
  const segments = readdirSync(folder).filter((name) => name.endsWith(".journal"));
  const removed = Number.parseInt(segments[0]!, 10) - 1;
  assert.ok(done > KILLS * APPENDS_PER_KILL_MIN && removed > KILLS, `${done} appends, ${removed} segments removed`);
  figure(`journal: ${KILLS} kills, ${done} appends, ${unheard} of them unheard of, ${removed} segments compacted`);
});

test("removing goes on while others fill the disk, and wins room back", { timeout: 300_000 }, async () => {
  const disk = await smallDisk(DISK_MIB);
  const folder = join(disk, "journal");
  const segmentBytes = 64 * 1024;
  const journal = await openTestJournal(folder, segmentBytes, () => true);
  const model: Model = new Map();
  const text = "v".repeat(2000);
  for (let n = 0; n < 1000; n += 1) {
    await journal.append([{ id: `n${n}`, bytes: Buffer.from(text) }]);
    model.set(`n${n}`, text);
  }
  const segments = () => journal.stats().segments;
  const before = segments();
  // Each time that room was won, somebody else takes it.
  for (let n = 0; n < 1000; n += 1) {
    if (n % 10 === 0) writeUntilFull(join(disk, `filler${n}`));
    if (n % 3 === 0) continue;
    await journal.append([{ id: `n${n}`, bytes: null }]);
    model.delete(`n${n}`);
  }
  assert.ok(segments() < before, `${segments()} segments, ${before} before`);
  for (let n = 0; n < 1000; n += 10) rmSync(join(disk, `filler${n}`));
  await eventually("it has won back what it can", 10 * JOURNAL_SPARE_AGAIN_MS, async () => {
    await journal.append([]);
    return segments() < before / 2;
  });
  await journal.close();
  const again = await openTestJournal(folder, segmentBytes);
  assert.deepEqual(sorted(await contents(again)), sorted(model));
  await again.close();
});

function writeUntilFull(file: string): void {
  try {
    for (;;) appendFileSync(file, Buffer.alloc(4096, 1));
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
  }
}

test("a full disk ends the journal with disk-full; with room it goes on", { timeout: 300_000 }, async () => {
  const disk = await smallDisk(DISK_MIB);
  writeFileSync(join(disk, "filler"), Buffer.alloc(1024 * 1024, 1));
  const folder = join(disk, "journal");
  const segmentBytes = 256 * 1024;
  const journal = await openTestJournal(folder, segmentBytes);
  const model: Model = new Map();
  let failure: unknown;
  for (let n = 0; n < 100_000 && !failure; n += 1) {
    const id = `n${n}`;
    const text = `${n} `.repeat(200);
    try {
      await journal.append([{ id, bytes: Buffer.from(text) }]);
      model.set(id, text);
    } catch (error) {
      failure = error;
    }
  }
  assert.ok(isFailure(failure, "disk-full"), String(failure));
  await assert.rejects(journal.append([{ id: "n0", bytes: null }]), (error) => error === failure);
  await journal.close();
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith(".tmp")),
    [],
  );
  const onFull = await openTestJournal(folder, segmentBytes);
  const found = await contents(onFull);
  for (const [id, text] of model) assert.equal(found.get(id), text);
  assert.ok(found.size <= model.size + 1 && model.size > 1000);
  await assert.rejects(onFull.append([{ id: "x", bytes: Buffer.alloc(segmentBytes) }]), (error) =>
    isFailure(error, "disk-full"),
  );
  await onFull.close();
  rmSync(join(disk, "filler"));
  const again = await openTestJournal(folder, segmentBytes);
  await again.append([{ id: "x", bytes: Buffer.alloc(segmentBytes) }]);
  await again.close();
  figure(`journal: full with ${model.size} entries on ${DISK_MIB} MiB, nothing lost`);
});
