/**
 * The path of a box's Unix socket as the kernel takes it. Apart from the server, since commands need only this.
 */
import { closeSync, constants, openSync } from "node:fs";
import { basename, dirname } from "node:path";

/** A Unix socket's path holds 107 bytes at most: a longer one is reached through its folder's descriptor. */
export function shortSocketPath(path: string): { path: string; release: () => void } {
  if (Buffer.byteLength(path) <= 100) return { path, release: () => {} };
  const folder = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  return { path: `/proc/self/fd/${folder}/${basename(path)}`, release: () => closeSync(folder) };
}
