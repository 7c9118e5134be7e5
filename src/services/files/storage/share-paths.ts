/**
 * Where shares lie: `shares/`, the first two characters of the storage index, the storage index, the share number, as
 * in Tahoe-LAFS (its node can take the folder over, and we one of its). What is on its way is below
 * `shares/incoming`, on the same file system, and what only we have is beside `shares`.
 */
import { readdir } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { decodeBase32 } from "../../../protocols/grid/base32.ts";
import { KEY_BYTES } from "../../../protocols/grid/constants.ts";
import { PRIVATE_FOLDER_MODE } from "../../../platform/constants.ts";
import { syncFolder } from "../../../platform/files.ts";
import { SHARE_NUMBER_MAX } from "./constants.ts";

export interface SharePaths {
  readonly shares: string;
  readonly incoming: string;
  /** Bodies of writes to mutable shares: being received, or decided and not yet applied. */
  readonly writes: string;
  /** Of small shares that are not in their files yet. */
  readonly journal: string;
  slot(storageIndex: string): string;
  share(storageIndex: string, number: number): string;
  upload(storageIndex: string, number: number): string;
}

export function sharePaths(folder: string): SharePaths {
  const shares = join(folder, "shares");
  const incoming = join(shares, "incoming");
  const slot = (storageIndex: string) => join(shares, storageIndex.slice(0, 2), storageIndex);
  return {
    shares,
    incoming,
    writes: join(folder, "writes"),
    journal: join(folder, "journal"),
    slot,
    share: (storageIndex, number) => join(slot(storageIndex), String(number)),
    upload: (storageIndex, number) => join(incoming, storageIndex.slice(0, 2), storageIndex, String(number)),
  };
}

/** 26 characters that are the one spelling of 16 bytes. */
export function isStorageIndex(text: string): boolean {
  return text.length === 26 && decodeBase32(text)?.length === KEY_BYTES;
}

/** The number, or undefined when `text` is not the plain decimal form of one. */
export function shareNumber(text: string): number | undefined {
  return /^(?:0|[1-9]\d{0,2})$/.test(text) && Number(text) <= SHARE_NUMBER_MAX ? Number(text) : undefined;
}

/**
 * Names in the folder; none when there is no folder. That is the usual case where something new is stored, so it is
 * asked without promises: their error, with its stack, takes longer than all the rest.
 */
export function namesIn(folder: string): Promise<string[]> {
  return new Promise((resolve, reject) =>
    readdir(folder, (error, names) => {
      if (!error) resolve(names);
      else if (error.code === "ENOENT" || error.code === "ENOTDIR") resolve([]);
      else reject(error);
    }),
  );
}

/** Makes the folder of a storage index so that a loss of power leaves it there. */
export async function makeSlotFolder(paths: SharePaths, storageIndex: string): Promise<string> {
  const folder = paths.slot(storageIndex);
  const made = await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER_MODE });
  if (made !== undefined) {
    await Promise.all([syncFolder(join(folder, "..")), syncFolder(paths.shares)]);
  }
  return folder;
}

/** Every storage index with something in it. */
export async function* storageIndexes(top: string): AsyncGenerator<string> {
  for (const prefix of await namesIn(top)) {
    if (prefix.length !== 2) continue;
    for (const name of await namesIn(join(top, prefix))) {
      if (name.startsWith(prefix) && isStorageIndex(name)) yield name;
    }
  }
}
