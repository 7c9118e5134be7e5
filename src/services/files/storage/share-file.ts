/** A complete share of either kind, opened: where its data lies, and what can be asked of both kinds. */
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { MemoryFile } from "./container-file.ts";
import type { ContainerFile } from "./container-file.ts";
import { immutableLeases, readImmutable, renewImmutable } from "./immutable-container.ts";
import type { ImmutableContainer } from "./immutable-container.ts";
import type { Lease, LeaseRequest } from "./leases.ts";
import { mutableLeases, readMutable, renewMutable } from "./mutable-container.ts";
import type { MutableContainer } from "./mutable-container.ts";

export type ShareKind = "immutable" | "mutable";

export interface ShareFile {
  readonly file: ContainerFile;
  readonly kind: ShareKind;
  readonly dataAt: number;
  readonly dataBytes: number;
  leases(): Promise<readonly Lease[]>;
  /** On the disk when it resolves. */
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
    const share = await readContainer(file);
    if (!share) await file.close();
    const renew = async (request: LeaseRequest) => {
      if (await share!.renew(request)) await file.datasync();
    };
    return share && { ...share, file, renew };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** A share whose file is not written yet; `put` is called with what takes the place of its content. */
export async function pendingShare(
  content: Buffer,
  put: (content: Buffer) => Promise<void>,
): Promise<ShareFile | undefined> {
  const file = new MemoryFile(content);
  const share = await readContainer(file);
  const renew = async (request: LeaseRequest) => {
    const changed = new MemoryFile(Buffer.from(content));
    if (await (await readContainer(changed))!.renew(request)) await put(changed.bytes);
  };
  return share && { ...share, file, renew };
}

/** What is in the file; `renew` says whether it has changed it. */
async function readContainer(file: ContainerFile) {
  const mutable = await readMutable(file);
  if (mutable) return asShare("mutable", mutable, file, { leases: mutableLeases, renew: renewMutable });
  const immutable = await readImmutable(file);
  return immutable && asShare("immutable", immutable, file, { leases: immutableLeases, renew: renewImmutable });
}

function asShare<C extends ImmutableContainer | MutableContainer>(
  kind: ShareKind,
  container: C,
  file: ContainerFile,
  ways: {
    leases: (file: ContainerFile, container: C) => Promise<readonly Lease[]>;
    renew: (file: ContainerFile, container: C, request: LeaseRequest) => Promise<boolean>;
  },
) {
  const { dataAt, dataBytes } = container;
  return {
    ...{ kind, dataAt, dataBytes },
    leases: () => ways.leases(file, container),
    renew: (request: LeaseRequest) => ways.renew(file, container, request),
  };
}

/** Fills the buffer, or less of it at the end, with the bytes from `at` to `end` (exclusive) of the data. */
export async function readShare(share: ShareFile, buffer: Buffer, at: number, end: number): Promise<Buffer> {
  const { bytesRead } = await share.file.read(buffer, 0, Math.min(buffer.length, end - at), share.dataAt + at);
  if (bytesRead === 0) throw new Error("the share became shorter");
  return buffer.subarray(0, bytesRead);
}
