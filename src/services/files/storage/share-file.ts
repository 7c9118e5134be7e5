/** A share on the disk of either kind, opened: where its data lies, and what can be asked of both kinds. */
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { immutableLeases, readImmutable, renewImmutable } from "./immutable-container.ts";
import type { ImmutableContainer } from "./immutable-container.ts";
import type { Lease, LeaseRequest } from "./leases.ts";
import { mutableLeases, readMutable, renewMutable } from "./mutable-container.ts";
import type { MutableContainer } from "./mutable-container.ts";

export type ShareKind = "immutable" | "mutable";

export interface ShareFile {
  readonly file: FileHandle;
  readonly kind: ShareKind;
  readonly dataAt: number;
  readonly dataBytes: number;
  leases(): Promise<readonly Lease[]>;
  renew(request: LeaseRequest): Promise<void>;
}

/** Undefined when there is no such file or it is no container. The caller closes `file`. */
export async function openShare(path: string, flags: "r" | "r+" = "r"): Promise<ShareFile | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, flags);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
  try {
    const mutable = await readMutable(file);
    const share = mutable ? mutableShare(file, mutable) : immutableShare(file, await readImmutable(file));
    if (!share) await file.close();
    return share;
  } catch (error) {
    await file.close();
    throw error;
  }
}

function mutableShare(file: FileHandle, container: MutableContainer): ShareFile {
  return {
    file,
    kind: "mutable",
    dataAt: container.dataAt,
    dataBytes: container.dataBytes,
    leases: () => mutableLeases(file, container),
    renew: async (request) => {
      await renewMutable(file, container, request);
      await file.datasync();
    },
  };
}

function immutableShare(file: FileHandle, container: ImmutableContainer | undefined): ShareFile | undefined {
  if (!container) return undefined;
  return {
    file,
    kind: "immutable",
    dataAt: container.dataAt,
    dataBytes: container.dataBytes,
    leases: () => immutableLeases(file, container),
    renew: (request) => renewImmutable(file, container, request),
  };
}

/** Fills the buffer, or less of it at the end, with the bytes from `at` to `end` (exclusive) of the data. */
export async function readShare(share: ShareFile, buffer: Buffer, at: number, end: number): Promise<Buffer> {
  const { bytesRead } = await share.file.read(buffer, 0, Math.min(buffer.length, end - at), share.dataAt + at);
  if (bytesRead === 0) throw new Error("the share became shorter");
  return buffer.subarray(0, bytesRead);
}
