/**
 * The file around a mutable share: magic, the accepting server, the write enabler, two lengths, four leases; the data;
 * the count of further leases and these. Big endian. The layout is that of Tahoe-LAFS (version 2, and reading 1).
 *
 * Further leases move with the end of the data, so that a crash could lose them or take them for data. We therefore
 * write the offset last, and leases are the only thing at stake: without one a share is still there.
 */
import {
  LEASES_MAX,
  MUTABLE_HEADER_BYTES,
  MUTABLE_LEASE_BYTES,
  MUTABLE_LEASE_SLOTS,
  PIECE_BYTES,
  SECRET_BYTES,
} from "./constants.ts";
import { putBytes } from "./container-file.ts";
import type { ContainerFile } from "./container-file.ts";
import { leaseIndex, leaseOf } from "./leases.ts";
import type { ContainerVersion, Lease, LeaseRequest } from "./leases.ts";
import { refuse } from "./refusal.ts";

const MAGICS: readonly { version: ContainerVersion; magic: Buffer }[] = [
  { version: 2, magic: Buffer.from("Tahoe mutable container v2\n\xc3\x55\x21\x99\x25", "latin1") },
  { version: 1, magic: Buffer.from("Tahoe mutable container v1\n\x75\x09\x44\x03\x8e", "latin1") },
];
const NODE_ID_AT = 32;
const WRITE_ENABLER_AT = 52;
const LENGTH_AT = 84;
const LEASES_AT = 100;

export interface MutableContainer {
  version: ContainerVersion;
  dataAt: number;
  dataBytes: number;
  writeEnabler: Uint8Array;
  nodeId: Uint8Array;
  extraAt: number;
}

/** The container of an empty share. */
export function mutableHeader(nodeId: Uint8Array, writeEnabler: Uint8Array): Buffer {
  const header = Buffer.alloc(MUTABLE_HEADER_BYTES + 4);
  header.set(MAGICS[0]!.magic, 0);
  header.set(nodeId, NODE_ID_AT);
  header.set(writeEnabler, WRITE_ENABLER_AT);
  header.writeBigUInt64BE(BigInt(MUTABLE_HEADER_BYTES), LENGTH_AT + 8);
  return header;
}

/** What the file is; undefined when it is no mutable container. */
export async function readMutable(file: ContainerFile): Promise<MutableContainer | undefined> {
  const header = Buffer.alloc(LEASES_AT);
  const { bytesRead } = await file.read(header, 0, header.length, 0);
  if (bytesRead < header.length) return undefined;
  const known = MAGICS.find(({ magic }) => header.subarray(0, magic.length).equals(magic));
  if (!known) return undefined;
  const { size } = await file.stat();
  const [dataBytes, extraAt] = [LENGTH_AT, LENGTH_AT + 8].map((at) => Number(header.readBigUInt64BE(at)));
  if (MUTABLE_HEADER_BYTES + dataBytes! > size) return undefined;
  return {
    version: known.version,
    dataAt: MUTABLE_HEADER_BYTES,
    dataBytes: dataBytes!,
    nodeId: header.subarray(NODE_ID_AT, WRITE_ENABLER_AT),
    writeEnabler: header.subarray(WRITE_ENABLER_AT, WRITE_ENABLER_AT + SECRET_BYTES),
    extraAt: extraAt!,
  };
}

/** All leases; `slot` is the place of one in the header, from 4 on among the further ones. */
export async function mutableLeases(
  file: ContainerFile,
  container: MutableContainer,
): Promise<(Lease & { slot: number })[]> {
  const extra = await extraCount(file, container);
  const bytes = Buffer.alloc((MUTABLE_LEASE_SLOTS + extra) * MUTABLE_LEASE_BYTES);
  const inHeader = MUTABLE_LEASE_SLOTS * MUTABLE_LEASE_BYTES;
  await file.read(bytes, 0, inHeader, LEASES_AT);
  if (extra > 0) await file.read(bytes, inHeader, bytes.length - inHeader, container.extraAt + 4);
  const leases = Array.from({ length: MUTABLE_LEASE_SLOTS + extra }, (_, slot) => {
    const lease = bytes.subarray(slot * MUTABLE_LEASE_BYTES, (slot + 1) * MUTABLE_LEASE_BYTES);
    return {
      slot,
      owner: lease.readUInt32BE(0),
      expiryS: lease.readUInt32BE(4),
      renewal: lease.subarray(8, 40),
      cancel: lease.subarray(40, 72),
    };
  });
  return leases.filter(({ owner }) => owner !== 0);
}

/** Renews the lease with this secret, or adds one; false when nothing was written. 507 when there are too many. */
export async function renewMutable(
  file: ContainerFile,
  container: MutableContainer,
  request: LeaseRequest,
): Promise<boolean> {
  const leases = await mutableLeases(file, container);
  const wanted = leaseOf(request, container.version);
  const found = leases[leaseIndex(leases, wanted)];
  if (found && found.expiryS >= wanted.expiryS) return false;
  const taken = new Set(leases.map(({ slot }) => slot));
  const extra = await extraCount(file, container);
  let slot = found?.slot ?? 0;
  while (!found && taken.has(slot)) slot++;
  if (slot >= LEASES_MAX) refuse(507, "this share has too many leases");
  const bytes = Buffer.alloc(MUTABLE_LEASE_BYTES);
  bytes.writeUInt32BE(found?.owner ?? (wanted.owner || 1), 0);
  bytes.writeUInt32BE(wanted.expiryS, 4);
  bytes.set(wanted.renewal, 8);
  bytes.set(wanted.cancel, 40);
  bytes.set(container.nodeId, 72);
  const further = slot - MUTABLE_LEASE_SLOTS;
  const at =
    further < 0 ? LEASES_AT + slot * MUTABLE_LEASE_BYTES : container.extraAt + 4 + further * MUTABLE_LEASE_BYTES;
  await putBytes(file, bytes, at);
  if (further >= extra) await file.write(uint32(further + 1), 0, 4, container.extraAt);
  return true;
}

/** Makes the data so long: zeros where it grows; further leases move with its end. Returns the container as it is. */
export async function resizeMutable(
  file: ContainerFile,
  container: MutableContainer,
  dataBytes: number,
): Promise<MutableContainer> {
  const extra = await extraCount(file, container);
  const leases = Buffer.alloc(4 + extra * MUTABLE_LEASE_BYTES);
  leases.writeUInt32BE(extra, 0);
  if (extra > 0) await file.read(leases, 4, leases.length - 4, container.extraAt + 4);
  const oldEnd = container.dataAt + container.dataBytes;
  const end = container.dataAt + dataBytes;
  // Cut first: what is filled in by a longer length then is zeros, whatever stood there.
  await file.truncate(Math.min(oldEnd, end));
  await file.truncate(end);
  await putBytes(file, leases, end);
  const lengths = Buffer.alloc(16);
  lengths.writeBigUInt64BE(BigInt(dataBytes), 0);
  lengths.writeBigUInt64BE(BigInt(end), 8);
  await file.write(lengths, 0, 16, LENGTH_AT);
  return { ...container, dataBytes, extraAt: end };
}

/** Whether the share's bytes there, cut at its end, are these; `specimen` comes in pieces of at most `PIECE_BYTES`. */
export async function dataEquals(
  file: ContainerFile,
  container: MutableContainer,
  { offset, length }: { offset: number; length: number },
  specimen: (at: number, bytes: number) => Uint8Array,
): Promise<boolean> {
  for (let done = 0; done < length; done += PIECE_BYTES) {
    const wanted = specimen(done, Math.min(PIECE_BYTES, length - done));
    const stored = Buffer.alloc(wanted.length);
    await file.read(stored, 0, stored.length, container.dataAt + offset + done);
    if (!stored.equals(wanted)) return false;
  }
  return true;
}

async function extraCount(file: ContainerFile, { extraAt, dataAt, dataBytes }: MutableContainer): Promise<number> {
  if (extraAt < dataAt + dataBytes) return 0;
  const count = Buffer.alloc(4);
  const { bytesRead } = await file.read(count, 0, 4, extraAt);
  return bytesRead < 4 ? 0 : Math.min(count.readUInt32BE(0), LEASES_MAX);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
