/**
 * Leases as data. A lease says until when a client wants a share to be kept; its owner number says which member's
 * room the first one takes (0 and 1 are what Tahoe-LAFS writes: nobody's).
 */
import { timingSafeEqual } from "node:crypto";
import { blake2b } from "@noble/hashes/blake2.js";
import { HASH_BYTES } from "../../../protocols/grid/constants.ts";
import { SECRET_BYTES } from "./constants.ts";

export interface Lease {
  owner: number;
  /** Seconds since 1970. */
  expiryS: number;
  /** As the container keeps them: hashes in version 2, the secrets themselves in version 1. */
  renewal: Uint8Array;
  cancel: Uint8Array;
}

/** What a client sends to renew or add a lease. */
export interface LeaseRequest {
  owner: number;
  expiryS: number;
  /** 32 bytes each. */
  renewSecret: Uint8Array;
  cancelSecret: Uint8Array;
}

export type ContainerVersion = 1 | 2;

/** Of the newest version. A request that is for several shares is hashed once. */
const leases = new WeakMap<LeaseRequest, Lease>();

export function leaseOf(request: LeaseRequest, version: ContainerVersion): Lease {
  const known = version === 2 ? leases.get(request) : undefined;
  if (known) return known;
  const lease = {
    owner: request.owner,
    expiryS: request.expiryS,
    renewal: kept(request.renewSecret, version),
    cancel: kept(request.cancelSecret, version),
  };
  if (version === 2) leases.set(request, lease);
  return lease;
}

/** The lease among `leases` that has the same renewal secret; -1 when there is none. */
export function leaseIndex(leases: readonly Lease[], wanted: Lease): number {
  return leases.findIndex(({ renewal }) => timingSafeEqual(renewal, wanted.renewal));
}

function kept(secret: Uint8Array, version: ContainerVersion): Uint8Array {
  if (secret.length !== SECRET_BYTES) throw new Error("a lease secret has 32 bytes");
  return version === 2 ? leaseHash(secret) : secret;
}

/** Unkeyed BLAKE2b with a digest of 32 bytes (RFC 7693). */
export function leaseHash(secret: Uint8Array): Uint8Array {
  return blake2b(secret, { dkLen: HASH_BYTES });
}
