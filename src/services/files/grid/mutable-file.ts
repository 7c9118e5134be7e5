/**
 * One mutable file as its holder knows it: what its cap allows, where its shares are kept, and which secrets its
 * servers are told. And what all parts that handle mutable files need from outside.
 */
import type { Clock } from "../../../kernel/clock.ts";
import type { Random } from "../../../kernel/random.ts";
import { encodeBase32 } from "../../../protocols/grid/base32.ts";
import { fileOf, storageIndexOf } from "../../../protocols/grid/caps.ts";
import type { KnownCap, MutableFormat } from "../../../protocols/grid/caps.ts";
import type { GridCrypto } from "../../../protocols/grid/crypto.ts";
import type { ErasureCode } from "../../../protocols/grid/erasure.ts";
import { readKeyOf } from "../../../protocols/grid/hashes.ts";
import type { MutableKeys } from "../../../protocols/grid/mutable-keys.ts";
import { permutedOrder } from "../../../protocols/grid/placement.ts";
import { leaseSecretsOf, writeEnabler } from "../../../protocols/grid/secrets.ts";
import { filesErrors } from "../errors.ts";
import type { Encoding } from "./grid.ts";
import type { MutableMemory } from "./mutable-memory.ts";
import type { GridServer, LeaseSecrets } from "./server.ts";

export interface MutableNeeds {
  crypto: GridCrypto;
  /** The erasure code for k of n. */
  codeOf: (k: number, n: number) => ErasureCode;
  clock: Clock;
  random: Random;
  servers: () => readonly GridServer[];
  /** For new files, and what "spread" means. */
  encoding: () => Encoding;
  /** 32 bytes that this box keeps: its lease secrets come from them. */
  leaseSecret: Uint8Array;
  memory: MutableMemory;
}

export interface MutableFile {
  format: MutableFormat;
  storageIndex: Uint8Array;
  /** 26 characters. */
  index: string;
  fingerprint: Uint8Array;
  /** As far as the cap gives them. */
  writeKey: Uint8Array | undefined;
  readKey: Uint8Array | undefined;
}

/** Throws `files-bad-cap` for a cap that is not of a mutable file. */
export function mutableFile(crypto: GridCrypto, cap: KnownCap): MutableFile {
  const file = fileOf(cap);
  const storageIndex = storageIndexOf(crypto, file);
  if (!storageIndex || file.kind === "lit" || file.kind === "chk" || file.kind === "chk-verify") {
    throw filesErrors.fail("files-bad-cap");
  }
  const { format, fingerprint } = file;
  const writeKey = file.kind === "mutable-write" ? file.writeKey : undefined;
  const readKey = file.kind === "mutable-read" ? file.readKey : writeKey && readKeyOf(crypto, writeKey);
  return { format, storageIndex, index: encodeBase32(storageIndex), fingerprint, writeKey, readKey };
}

/** The file that new keys make. */
export function newMutableFile(keys: MutableKeys, format: MutableFormat): MutableFile {
  const { storageIndex, fingerprint, writeKey, readKey } = keys;
  return { format, storageIndex, index: encodeBase32(storageIndex), fingerprint, writeKey, readKey };
}

/** The servers of the grid in the order of this file; those that are away come last. */
export function serversFor({ crypto, servers }: MutableNeeds, storageIndex: Uint8Array): GridServer[] {
  const order = permutedOrder(crypto, storageIndex, servers());
  const isAway = (server: GridServer) => server.state() === "away";
  return [...order.filter((server) => !isAway(server)), ...order.filter(isAway)];
}

export function leasesFor(
  needs: Pick<MutableNeeds, "crypto" | "leaseSecret">,
  storageIndex: Uint8Array,
  server: GridServer,
): LeaseSecrets {
  return leasesOf(needs, storageIndex)(server);
}

/** The same for several servers of one file: most of the work is done once. */
export function leasesOf(
  { crypto, leaseSecret }: Pick<MutableNeeds, "crypto" | "leaseSecret">,
  storageIndex: Uint8Array,
): (server: GridServer) => LeaseSecrets {
  const secretsFor = leaseSecretsOf(crypto, leaseSecret, storageIndex);
  return ({ tubId }) => {
    const { renew, cancel } = secretsFor(tubId);
    return { renewSecret: renew, cancelSecret: cancel };
  };
}

/**
 * What opens the file's slot on this server, 32 bytes: first that of whoever has the write cap, then the one under
 * which this box, without the write cap, may have put copies of shares there. Each is made when it is asked for.
 */
export function* writeEnablersFor(needs: MutableNeeds, file: MutableFile, server: GridServer): Generator<Uint8Array> {
  if (file.writeKey) yield writeEnabler(needs.crypto, file.writeKey, server.tubId);
  yield caretakerEnabler(needs, file, server);
}

/** Made of the box's own secret, the file and the server, as the real one is made of the write key. */
function caretakerEnabler(needs: MutableNeeds, file: MutableFile, server: GridServer): Uint8Array {
  const { crypto, leaseSecret } = needs;
  const secret = crypto.sha256(CARETAKER, leaseSecret, file.storageIndex);
  return writeEnabler(crypto, secret.subarray(0, 16), server.tubId);
}

const CARETAKER = new TextEncoder().encode("comu caretaker of mutable shares v1\n");
