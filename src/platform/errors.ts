/**
 * What can go wrong between the daemon and the machine or its peers, as stable codes. A full disk has its code in
 * the kernel (`disk-full`), because every part may meet it.
 */
import { defineErrors } from "../kernel/errors.ts";

export const platformErrors = defineErrors({
  /** Another program listens there. Params: port, address. */
  "port-in-use": 409,
  /** The operating system does not let us listen there (below 1024, as a rule). Params: port. */
  "port-not-allowed": 403,
  /** No interface of this machine has the address. Params: address. */
  "address-not-local": 400,
  /** The data folder cannot be made, read or written. Params: folder. */
  "data-folder-unusable": 500,
  /** Another daemon works on the same data folder. Params: folder, pid (0 when unknown). */
  "data-folder-busy": 409,
  /** Other accounts of the machine can read the box's key. Params: file, mode. */
  "identity-exposed": 500,
  /** The key file is not an Ed25519 key in PKCS8 PEM. Params: file. */
  "identity-broken": 500,
  /** The database file is damaged. Params: file. */
  "store-damaged": 500,
  /** The database was written by a newer version of the program. Params: owner, version. */
  "store-too-new": 409,
  /** No connection to the peer, or it broke. Params: address, port. */
  "peer-unreachable": 502,
  /** Someone else answers at the peer's address. Params: expected, actual. */
  "peer-identity": 403,
  /** The peer did not answer in time. Params: address, port. */
  "peer-timeout": 504,
  /** The peer closed the link or reset the request. Params: address, port. */
  "peer-refused": 502,
  /** The peer's answer is longer than we take. Params: limit. */
  "peer-answer-too-large": 502,
  /** Our own limit of open links or waiting requests is reached. Params: limit. */
  "links-full": 503,
});

export const fail = platformErrors.fail;

/** Turns the error of a bind or listen into a Failure; what it does not know it gives back as it is. */
export function asListenFailure(error: unknown, address: string, port: number): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === "EADDRINUSE") return fail("port-in-use", { params: { address, port }, cause: error });
  if (code === "EACCES" || code === "EPERM") return fail("port-not-allowed", { params: { port }, cause: error });
  if (code === "EADDRNOTAVAIL" || code === "EINVAL" || code === "EAFNOSUPPORT" || code === "ENOTFOUND") {
    return fail("address-not-local", { params: { address }, cause: error });
  }
  return error;
}
