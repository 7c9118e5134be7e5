/**
 * Puts whole shares into their files, many at a time, so that they are there after a loss of power. A share that has no
 * file yet gets it under its own name: whoever calls this holds its content until it is done, and lets nobody read the
 * file before. One that has a file gets a new one, which takes its place, since somebody may be reading the old one.
 */
import { randomBytes } from "node:crypto";
import { constants, fsync, open } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { atMost } from "../../../kernel/at-most.ts";
import { PRIVATE_FILE_MODE, PRIVATE_FOLDER_MODE } from "../../../platform/constants.ts";
import { syncFolder, writeAll } from "../../../platform/files.ts";
import { closeFile } from "../../../platform/journal-segments.ts";
import { FILED_AT_ONCE, FILED_SIDE_BY_SIDE } from "./constants.ts";
import type { SharePaths } from "./share-paths.ts";

export interface WholeShare {
  readonly storageIndex: string;
  readonly number: number;
  /** The container. */
  readonly content: Uint8Array;
}

interface Written {
  fd: number;
  path: string;
  /** Where it was written, if not there. */
  temporary: string | undefined;
}

const openFile = promisify(open) as (path: string, flags: number, mode: number) => Promise<number>;
const syncFile = promisify(fsync);
const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

/** Which are in their files, on the disk; and why others are not. */
export async function fileShares<T extends WholeShare>(
  paths: SharePaths,
  shares: readonly T[],
): Promise<{ filed: T[]; failure: unknown }> {
  const filed: T[] = [];
  let failure: unknown;
  for (let at = 0; at < shares.length; at += FILED_AT_ONCE) {
    const some = await fileSome(paths, shares.slice(at, at + FILED_AT_ONCE), (error) => (failure ??= error));
    filed.push(...some);
  }
  return { filed, failure };
}

/** First all are written, then all are synced: the file system makes less of that than of one after the other. */
async function fileSome<T extends WholeShare>(
  paths: SharePaths,
  shares: readonly T[],
  failed: (error: unknown) => unknown,
): Promise<T[]> {
  const slotOf = ({ storageIndex }: WholeShare) => paths.slot(storageIndex);
  const makeSlot = (slot: string) => mkdir(slot, { recursive: true, mode: PRIVATE_FOLDER_MODE });
  await each(unique(shares.map(slotOf)), makeSlot, failed);
  const written = new Map<T, Written>();
  await each(shares, async (one) => void written.set(one, await write(paths, one)), failed);
  const inFile = await each([...written.keys()], (one) => sync(written.get(one)!), failed);
  // Also where the folders were there: whoever made them may have been killed before they were on the disk.
  const slots = await each(unique(inFile.map(slotOf)), syncFolder, failed);
  const prefixes = await each(unique(slots.map(dirname)), syncFolder, failed);
  const top = await each(unique(prefixes.map(dirname)), syncFolder, failed);
  const isKept = (slot: string) =>
    slots.includes(slot) && prefixes.includes(dirname(slot)) && top.includes(paths.shares);
  return inFile.filter((one) => isKept(slotOf(one)));
}

async function write(paths: SharePaths, { storageIndex, number, content }: WholeShare): Promise<Written> {
  const path = paths.share(storageIndex, number);
  let temporary: string | undefined;
  const fd = await openFile(path, NEW, PRIVATE_FILE_MODE).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
    temporary = join(paths.writes, `${randomBytes(12).toString("hex")}.share`);
    return openFile(temporary, NEW, PRIVATE_FILE_MODE);
  });
  try {
    await writeAll(fd, content, 0);
  } catch (error) {
    await closeFile(fd);
    // What it holds of a full disk others may need; its content is held elsewhere.
    await rm(temporary ?? path, { force: true });
    throw error;
  }
  return { fd, path, temporary };
}

async function sync({ fd, path, temporary }: Written): Promise<void> {
  try {
    await syncFile(fd);
  } finally {
    await closeFile(fd);
  }
  if (temporary !== undefined) await rename(temporary, path);
}

/** Those that came through. All of them end, however the others end. */
async function each<T>(
  all: readonly T[],
  run: (one: T) => Promise<unknown>,
  failed: (error: unknown) => unknown,
): Promise<T[]> {
  const done: T[] = [];
  await atMost(FILED_SIDE_BY_SIDE, all, (one) => run(one).then(() => done.push(one), failed));
  return done;
}

function unique(paths: readonly string[]): string[] {
  return [...new Set(paths)];
}
