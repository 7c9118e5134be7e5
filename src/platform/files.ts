/**
 * Files that survive a loss of power, the lock that keeps two daemons off one data folder, and free space.
 *
 * The lock is an SQLite lock (fcntl) on `daemon.lock`: the kernel drops it when the process dies, however it dies,
 * so there is no stale lock to recognise and no process id to guess about. The id in `daemon.pid` is only for the
 * message to the person.
 */
import { randomBytes } from "node:crypto";
import { write } from "node:fs";
import { chmod, mkdir, open, readFile, rename, rm, stat, statfs } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fail as kernelFail } from "../kernel/errors.ts";
import { PRIVATE_FILE_MODE, PRIVATE_FOLDER_MODE } from "./constants.ts";
import { fail } from "./errors.ts";

/**
 * Replaces a file as a whole: after a crash there is the old content or the new one, never a part of it. The data is
 * on the disk when the promise resolves. Throws `disk-full`.
 */
export async function writeAtomic(path: string, data: Uint8Array | string, mode = PRIVATE_FILE_MODE): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const handle = await open(temporary, "wx", mode);
    try {
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    // The temporary file may not exist; what matters is the first error.
    await rm(temporary, { force: true }).catch(() => {});
    throw asDiskFailure(error);
  }
  await syncFolder(folder);
}

/** Writes `bytes` of the buffer, however many calls it takes: when the disk is nearly full, the system takes a part. */
export function writeAll(fd: number, buffer: Uint8Array, position: number, bytes = buffer.length): Promise<void> {
  return new Promise((resolve, reject) => {
    const go = (done: number) =>
      write(fd, buffer, done, bytes - done, position + done, (error, written) => {
        if (error) reject(error);
        else if (done + written < bytes) go(done + written);
        else resolve();
      });
    go(0);
  });
}

/** A new file, whose content is on the disk when it resolves; its entry in the folder may not be. */
export async function writeSynced(path: string, data: Uint8Array): Promise<void> {
  const file = await open(path, "wx", PRIVATE_FILE_MODE);
  try {
    await writeAll(file.fd, data, 0);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes a rename or a new entry in the folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } catch (error) {
    // Some file systems (FUSE, network shares) do not know fsync on a folder.
    if ((error as NodeJS.ErrnoException).code !== "EINVAL") throw asDiskFailure(error);
  } finally {
    await handle.close();
  }
}

/**
 * A full disk or quota becomes the Failure `disk-full`, one that fails or that the system made read-only
 * `storage-failed`; every other error comes back as it is.
 */
export function asDiskFailure(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === "ENOSPC" || code === "EDQUOT") return kernelFail("disk-full", { cause: error });
  return code === "EIO" || code === "EROFS" ? kernelFail("storage-failed", { cause: error }) : error;
}

/**
 * Makes the data folder (0700) where it is missing, and checks that it can be written. An existing folder keeps its
 * mode: it may be one that the host chose for other things too. The secrets in it are 0600 in any case.
 */
export async function ensureFolder(folder: string): Promise<void> {
  try {
    if (await makeFolder(folder)) await chmod(folder, PRIVATE_FOLDER_MODE);
    const probe = join(folder, `.${randomBytes(6).toString("hex")}.tmp`);
    await (await open(probe, "wx", PRIVATE_FILE_MODE)).close();
    await rm(probe);
  } catch (error) {
    const known = asDiskFailure(error);
    throw known === error ? fail("data-folder-unusable", { params: { folder }, cause: error }) : known;
  }
}

/**
 * Makes a folder and its parents; true when it was not there. Node's own `recursive` never returns where a parent
 * exists but takes no children (/proc).
 */
async function makeFolder(folder: string): Promise<boolean> {
  const exists = async (path: string) => (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
  if (await exists(folder)) return false;
  const parent = dirname(folder);
  if (parent !== folder && !(await exists(parent))) await makeFolder(parent);
  await mkdir(folder, { mode: PRIVATE_FOLDER_MODE });
  return true;
}

export interface FolderLock {
  release(): Promise<void>;
}

/** Takes the folder for this process. Throws `data-folder-busy` while another process, or this one, holds it. */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const pidFile = join(folder, "daemon.pid");
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(folder, "daemon.lock"), { timeout: 0 });
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database?.close();
    const busy = ((error as { errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY;
    if (!busy) throw fail("data-folder-unusable", { params: { folder }, cause: error });
    const pid = Number.parseInt(await readFile(pidFile, "utf8").catch(() => "0"), 10) || 0;
    throw fail("data-folder-busy", { params: { folder, pid }, cause: error });
  }
  const held = database;
  try {
    await writeAtomic(pidFile, `${process.pid}\n`, 0o644);
  } catch (error) {
    held.close();
    throw error;
  }
  let released = false;
  return {
    async release() {
      if (released) return;
      released = true;
      await rm(pidFile, { force: true });
      held.close();
    },
  };
}

const SQLITE_BUSY = 5;

/** Bytes that an ordinary account may still write to the file system of `folder`, and its size. */
export async function diskSpace(folder: string): Promise<{ freeBytes: number; totalBytes: number }> {
  const facts = await statfs(folder);
  return { freeBytes: facts.bavail * facts.bsize, totalBytes: facts.blocks * facts.bsize };
}

export async function freeBytes(folder: string): Promise<number> {
  return (await diskSpace(folder)).freeBytes;
}
