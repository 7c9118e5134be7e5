/**
 * For what is worth writing down but not worth failing for: when the disk is full it is forgotten, and whoever was
 * about to note it goes on.
 */
import { isFailure } from "../kernel/errors.ts";

/** Runs `write`; false when the disk was full. Every other error comes through. */
export function ifRoom(write: () => void): boolean {
  try {
    write();
    return true;
  } catch (error) {
    if (isFailure(error, "disk-full")) return false;
    throw error;
  }
}
