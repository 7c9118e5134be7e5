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
  return leaseSecretsOf(crypto, leaseSecret, storageIndex)(peerId);
}

/** The same for several servers of one file: most of the work is done once. */
export function leaseSecretsOf(
  crypto: GridCrypto,
  leaseSecret: Uint8Array,
  storageIndex: Uint8Array,
): (peerId: Uint8Array) => LeaseSecrets {
  const fileSecret = (kind: LeaseSecretKind) =>
    fileLeaseSecret(crypto, kind, clientLeaseSecret(crypto, kind, leaseSecret), storageIndex);
  const [renewal, cancel] = [fileSecret("renewal"), fileSecret("cancel")];
  return (peerId) => ({
    renew: bucketLeaseSecret(crypto, "renewal", renewal, peerId),
    cancel: bucketLeaseSecret(crypto, "cancel", cancel, peerId),
  });
}

/** 32 bytes: lets its holder write one slot on the server with this peer id. */
export function writeEnabler(crypto: GridCrypto, writeKey: Uint8Array, peerId: Uint8Array): Uint8Array {
  return writeEnablerOf(crypto, writeEnablerMaster(crypto, writeKey), peerId);
}
