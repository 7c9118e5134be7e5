/**
 * Secrets with which a client proves to one server that a lease, or a mutable slot, is its own. Each is made for one
 * file and one server, so that a server learns nothing that would serve it at another.
 */
import type { GridCrypto } from "./crypto.ts";
import {
  bucketLeaseSecret,
  clientLeaseSecret,
  fileLeaseSecret,
  writeEnablerMaster,
  writeEnablerOf,
  type LeaseSecretKind,
} from "./hashes.ts";

export interface LeaseSecrets {
  /** 32 bytes. */
  renew: Uint8Array;
  /** 32 bytes. */
  cancel: Uint8Array;
}

/**
 * What the server with this peer id (20 bytes) is told about all shares of one file. `leaseSecret` are the 32 random
 * bytes that the client keeps, `storageIndex` has 16.
 */
export function leaseSecrets(
  crypto: GridCrypto,
  leaseSecret: Uint8Array,
  storageIndex: Uint8Array,
  peerId: Uint8Array,
): LeaseSecrets {
  const secret = (kind: LeaseSecretKind) => {
    const file = fileLeaseSecret(crypto, kind, clientLeaseSecret(crypto, kind, leaseSecret), storageIndex);
    return bucketLeaseSecret(crypto, kind, file, peerId);
  };
  return { renew: secret("renewal"), cancel: secret("cancel") };
}

/** 32 bytes: lets its holder write one slot on the server with this peer id. */
export function writeEnabler(crypto: GridCrypto, writeKey: Uint8Array, peerId: Uint8Array): Uint8Array {
  return writeEnablerOf(crypto, writeEnablerMaster(crypto, writeKey), peerId);
}
