/**
 * Small mutable shares are not changed where they lie but replaced as whole files, all those of one write together:
 * after a crash the shares of a storage index are all as they were, or all as they were to become.
 *
 *   new files, synced ──(several: one renamed to ".go": decided)──► each renamed to its share ──► folder synced
 *
 * File systems keep the order of renames over a loss of power, so a share that is new means that the decision is on
 * the disk, too. What was decided and not done is done at the next start.
 */
import { randomBytes } from "node:crypto";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder, writeSynced } from "../../../platform/files.ts";
import type { ContainerFile } from "./mutable-container.ts";
import { makeSlotFolder, namesIn, shareNumber } from "./share-paths.ts";
import type { SharePaths } from "./share-paths.ts";

export interface Replacement {
  number: number;
  /** The whole container. */
  content: Uint8Array;
}

const DECIDED = /^(?<group>(?<si>[a-z2-7]{26})\.[0-9a-f]{24})\.(?<number>[0-9]{1,3})\.go$/;
const NEW = /^(?<group>[a-z2-7]{26}\.[0-9a-f]{24})\.(?<number>[0-9]{1,3})\.new$/;

export class Replacing {
  readonly #paths: SharePaths;

  constructor(paths: SharePaths) {
    this.#paths = paths;
  }

  /**
   * On the disk when it resolves. `decided` is called when there is no way back: what is thrown later leaves something
   * that `finish` has to do. What is thrown before leaves everything as it was.
   */
  async replace(storageIndex: string, shares: readonly Replacement[], decided: () => void): Promise<void> {
    const group = `${storageIndex}.${randomBytes(12).toString("hex")}`;
    const files = shares.map(({ number, content }) => ({ number, content, path: this.#path(group, number, "new") }));
    const [first, ...others] = files;
    if (!first) return;
    try {
      const written = [
        makeSlotFolder(this.#paths, storageIndex),
        ...files.map(({ path, content }) => writeSynced(path, content)),
      ];
      // All of them end before one failure is told.
      for (const one of await Promise.allSettled(written)) if (one.status === "rejected") throw one.reason;
      if (others.length === 0) {
        await rename(first.path, this.#paths.share(storageIndex, first.number));
        decided();
      } else {
        await rename(first.path, this.#path(group, first.number, "go"));
      }
    } catch (error) {
      for (const { path } of files) await rm(path, { force: true });
      throw error;
    }
    if (others.length > 0) {
      decided();
      for (const { path, number } of others) await rename(path, this.#paths.share(storageIndex, number));
      await rename(this.#path(group, first.number, "go"), this.#paths.share(storageIndex, first.number));
    }
    await syncFolder(this.#paths.slot(storageIndex));
  }

  /** Does what was decided for this storage index, or for all, and not done. */
  async finish(only?: string): Promise<void> {
    const names = await namesIn(this.#paths.writes);
    for (const name of names) {
      const { group = "", si = "", number = "" } = DECIDED.exec(name)?.groups ?? {};
      const first = shareNumber(number);
      if (first === undefined || (only !== undefined && only !== si)) continue;
      await makeSlotFolder(this.#paths, si);
      for (const other of names) {
        const found = NEW.exec(other)?.groups;
        const share = found && found["group"] === group ? shareNumber(found["number"]!) : undefined;
        if (share !== undefined) await rename(join(this.#paths.writes, other), this.#paths.share(si, share));
      }
      await rename(join(this.#paths.writes, name), this.#paths.share(si, first));
      await syncFolder(this.#paths.slot(si));
    }
  }

  #path(group: string, number: number, end: "new" | "go"): string {
    return join(this.#paths.writes, `${group}.${number}.${end}`);
  }
}

/** A container that is changed in memory. */
export class MemoryFile implements ContainerFile {
  #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  async read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    return { bytesRead: this.#bytes.copy(buffer, offset, position, position + length) };
  }

  async write(buffer: Uint8Array, offset: number, length: number, position: number): Promise<void> {
    if (position + length > this.#bytes.length) await this.truncate(position + length);
    this.#bytes.set(buffer.subarray(offset, offset + length), position);
  }

  /** Zeros where it grows. */
  async truncate(length: number): Promise<void> {
    if (length <= this.#bytes.length) {
      this.#bytes = this.#bytes.subarray(0, length);
      return;
    }
    const longer = Buffer.alloc(length);
    longer.set(this.#bytes);
    this.#bytes = longer;
  }

  async stat(): Promise<{ size: number }> {
    return { size: this.#bytes.length };
  }
}
