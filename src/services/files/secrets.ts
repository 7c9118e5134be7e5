/**
 * The secrets of this box's files service: all follow from one private key that is made once and kept, so that a copy
 * of that file is all that there is to keep. None of them tells anything of another.
 */
import { createHmac, hkdfSync } from "node:crypto";
import { join } from "node:path";
import type { Identity } from "../../platform/identity.ts";
import { openIdentity } from "../../platform/identity.ts";
import { encodeBase32 } from "../../protocols/grid/base32.ts";

const SECRET_BYTES = 32;
/** 128 bits: nobody guesses a swissnum, and no two accounts get the same name. */
const NAME_BYTES = 16;

export interface FilesSecrets {
  /** What the storage server shows: clients pin its key. It is not the box's own: whoever has it is no member. */
  tls: Identity;
  /** Of leases and write enablers: one for the box. 32 bytes. */
  lease: Uint8Array;
  /** By which an upload that was broken off finds itself again on the servers. 32 bytes. */
  upload: Uint8Array;
  /** Of one account: the same content of the same account is stored once, and nobody else can tell what it has. */
  convergence(account: string): Uint8Array;
  /** How other boxes know an account: 26 characters, from which nobody gets its name. */
  pseudonym(account: string): string;
  /** By which our storage server knows an account of a box. 26 characters. */
  swissnum(boxId: string, pseudonym: string): string;
}

/** Reads the key below the data folder, or makes it. Throws what `openIdentity` throws. */
export async function openSecrets(folder: string): Promise<FilesSecrets> {
  return secretsFrom(await openIdentity(join(folder, "files")));
}

export function secretsFrom(tls: Identity): FilesSecrets {
  const root = (purpose: string) =>
    new Uint8Array(hkdfSync("sha256", tls.privateKeyPem, "", `comu files: ${purpose}`, SECRET_BYTES));
  const keyed = (key: Uint8Array, ...parts: string[]) =>
    createHmac("sha256", key).update(JSON.stringify(parts)).digest();
  const [convergence, names, swissnums] = [root("convergence"), root("names of accounts"), root("swissnums")];
  const name = (bytes: Uint8Array) => encodeBase32(bytes.subarray(0, NAME_BYTES));
  return {
    tls,
    lease: root("leases"),
    upload: root("uploads"),
    convergence: (account) => keyed(convergence, account),
    pseudonym: (account) => name(keyed(names, account)),
    swissnum: (boxId, pseudonym) => name(keyed(swissnums, boxId, pseudonym)),
  };
}
