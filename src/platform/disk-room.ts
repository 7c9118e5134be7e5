/**
 * Room on the disk. For what is worth writing down but not worth failing for: when the disk is full or fails it is
 * forgotten, and whoever was about to note it goes on.
 */
import { statfsSync } from "node:fs";
import { isFailure } from "../kernel/errors.ts";
import type { Failure } from "../kernel/errors.ts";
import { STORE_ROOM_BYTES_MIN } from "./constants.ts";

/** Runs `write`; the failure when the disk took nothing. Every other error comes through. */
export function diskFailure(write: () => void): Failure | undefined {
  try {
    write();
    return undefined;
  } catch (error) {
    if (isFailure(error, "disk-full") || isFailure(error, "storage-failed")) return error;
    throw error;
  }
}

/** Runs `write`; false when the disk took nothing. Every other error comes through. */
export function ifRoom(write: () => void): boolean {
  return diskFailure(write) === undefined;
}

/** Whether the disk under a folder has room for small changes; true where nobody can say. */
export function hasRoom(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= STORE_ROOM_BYTES_MIN;
  } catch {
    return true;
  }
}
