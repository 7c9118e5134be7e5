/**
 * The file around an immutable share: version, a length that nobody needs, the number of leases; the data; the leases.
 * Big endian throughout. The layout is that of Tahoe-LAFS (version 2, and reading 1).
 */
import { IMMUTABLE_HEADER_BYTES, IMMUTABLE_LEASE_BYTES, LEASES_MAX } from "./constants.ts";
import { putBytes } from "./container-file.ts";
import type { ContainerFile } from "./container-file.ts";
import { leaseIndex, leaseOf } from "./leases.ts";
import type { ContainerVersion, Lease, LeaseRequest } from "./leases.ts";
import { refuse } from "./refusal.ts";

const LENGTH_MAX = 0xffff_ffff;

export interface ImmutableContainer {
  version: ContainerVersion;
  dataAt: number;
  dataBytes: number;
  leases: number;
}

export function immutableHeader(dataBytes: number, leases: number): Buffer {
  const header = Buffer.alloc(IMMUTABLE_HEADER_BYTES);
  header.writeUInt32BE(2, 0);
  header.writeUInt32BE(Math.min(dataBytes, LENGTH_MAX), 4);
  header.writeUInt32BE(leases, 8);
  return header;
}

/** The container of a share with one lease; its data, from `IMMUTABLE_HEADER_BYTES` on, is still to be put in. */
export function immutableContainer(dataBytes: number, lease: Lease): Buffer {
  const container = Buffer.alloc(IMMUTABLE_HEADER_BYTES + dataBytes + IMMUTABLE_LEASE_BYTES);
  container.set(immutableHeader(dataBytes, 1));
  container.set(immutableLease(lease), IMMUTABLE_HEADER_BYTES + dataBytes);
  return container;
}

/**
 * What the file is; undefined when it is no immutable container. A crash between writing a lease and counting it
 * leaves a lease too many behind the data: the length in the header, where it says anything, shows that.
 */
export async function readImmutable(file: ContainerFile): Promise<ImmutableContainer | undefined> {
  const header = Buffer.alloc(IMMUTABLE_HEADER_BYTES);
  const { bytesRead } = await file.read(header, 0, header.length, 0);
  const version = header.readUInt32BE(0);
  if (bytesRead < header.length || (version !== 1 && version !== 2)) return undefined;
  const { size } = await file.stat();
  const counted = header.readUInt32BE(8);
  const dataBytes = size - IMMUTABLE_HEADER_BYTES - counted * IMMUTABLE_LEASE_BYTES;
  if (dataBytes < 0) return undefined;
  const said = header.readUInt32BE(4);
  const uncounted = (dataBytes - said) / IMMUTABLE_LEASE_BYTES;
  const torn = said > 0 && said < LENGTH_MAX && uncounted === 1;
  return {
    version,
    dataAt: IMMUTABLE_HEADER_BYTES,
    dataBytes: torn ? said : dataBytes,
    leases: torn ? counted + 1 : counted,
  };
}

export async function immutableLeases(file: ContainerFile, container: ImmutableContainer): Promise<Lease[]> {
  const count = Math.min(container.leases, LEASES_MAX);
  const bytes = Buffer.alloc(count * IMMUTABLE_LEASE_BYTES);
  await file.read(bytes, 0, bytes.length, container.dataAt + container.dataBytes);
  return Array.from({ length: count }, (_, index) => {
    const lease = bytes.subarray(index * IMMUTABLE_LEASE_BYTES, (index + 1) * IMMUTABLE_LEASE_BYTES);
    return {
      owner: lease.readUInt32BE(0),
      renewal: lease.subarray(4, 36),
      cancel: lease.subarray(36, 68),
      expiryS: lease.readUInt32BE(68),
    };
  });
}

/** Renews the lease with this secret, or adds one; false when nothing was written. 507 when there are too many. */
export async function renewImmutable(
  file: ContainerFile,
  container: ImmutableContainer,
  request: LeaseRequest,
): Promise<boolean> {
  const leases = await immutableLeases(file, container);
  const wanted = leaseOf(request, container.version);
  const found = leaseIndex(leases, wanted);
  const index = found < 0 ? leases.length : found;
  if (index >= LEASES_MAX) refuse(507, "this share has too many leases");
  if (found >= 0 && leases[found]!.expiryS >= wanted.expiryS) return false;
  const lease = found < 0 ? wanted : { ...leases[found]!, expiryS: wanted.expiryS };
  const at = container.dataAt + container.dataBytes + index * IMMUTABLE_LEASE_BYTES;
  await putBytes(file, immutableLease(lease), at);
  if (found < 0) await file.write(immutableHeader(0, index + 1), 8, 4, 8);
  return true;
}

export function immutableLease(lease: Lease): Buffer {
  const bytes = Buffer.alloc(IMMUTABLE_LEASE_BYTES);
  bytes.writeUInt32BE(lease.owner, 0);
  bytes.set(lease.renewal, 4);
  bytes.set(lease.cancel, 36);
  bytes.writeUInt32BE(lease.expiryS, 68);
  return bytes;
}
