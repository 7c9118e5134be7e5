/**
 * Where `bench:kv` keeps the data of all sides: one folder on a real disk, and how often that disk can say that
 * something is safe. A store that waits for the disk is measured by it; in memory all sides would look better.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atExit } from "../test/support/at-exit.ts";
import { runOk } from "../test/support/process.ts";
import { median } from "./discovery-sums.ts";

const IN_MEMORY = new Set(["tmpfs", "ramfs"]);
/** The system's temporary folder, and the one that outlives a restart. */
const PLACES = [tmpdir(), "/var/tmp"];
const WRITE_BYTES = 4096;
const WRITES = 1_000;
/** The median counts. */
const ROUNDS = 3;
const DD_TIMEOUT_MS = 120_000;

export interface DataFolder {
  path: string;
  /** As `stat -f` names it. */
  fileSystem: string;
}

/** A new folder on the first place that is not memory, removed at the end. Throws where there is none. */
export async function diskFolder(places: readonly string[] = PLACES): Promise<DataFolder> {
  for (const place of places) {
    const fileSystem = (await runOk(["stat", "-f", "-c", "%T", place])).trim();
    if (IN_MEMORY.has(fileSystem)) continue;
    const path = mkdtempSync(join(place, "comu-kv-"));
    atExit(() => rmSync(path, { recursive: true, force: true, maxRetries: 3 }));
    return { path, fileSystem };
  }
  throw new Error(`${places.join(" and ")} are in memory: set TMPDIR to a folder on a disk`);
}

/** Writes of 4 KiB with O_DSYNC (a write and its fdatasync) per second, over so many files at the same time. */
export async function syncsPerSecond(folder: string, files: number): Promise<number> {
  const names = Array.from({ length: files }, (_, at) => join(folder, `sync-${at}`));
  const dd = async (name: string, flag: string) =>
    runOk(["dd", "if=/dev/zero", `of=${name}`, `bs=${WRITE_BYTES}`, `count=${WRITES}`, "conv=notrunc", flag], {
      timeoutMs: DD_TIMEOUT_MS,
    });
  // As a log does it: room is made before, and filled from front to back.
  for (const name of names) await dd(name, "conv=fsync");
  const found: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const startMs = performance.now();
    await Promise.all(names.map((name) => dd(name, "oflag=dsync")));
    found.push((files * WRITES) / ((performance.now() - startMs) / 1000));
  }
  for (const name of names) rmSync(name);
  return median(found);
}
