/**
 * What uploading and downloading of immutable files need, in one type, made once for a grid:
 *
 *   const workers = new GridWorkers({ clock });         // encode-pool.ts; starts no thread before a large file comes
 *   const needs: ImmutableNeeds = { crypto, codeOf, clock, servers: () => list.servers(), workers, secrets };
 *   uploadImmutable(needs, content, { encoding, … })    // upload.ts
 *   downloadImmutable(needs, cap, { at, length, … })    // download.ts
 *   await workers.close();
 */
import type { Clock } from "../../../kernel/clock.ts";
import type { GridCrypto } from "../../../protocols/grid/crypto.ts";
import type { ErasureCode } from "../../../protocols/grid/erasure.ts";
import type { GridWorkers } from "./encode-pool.ts";
import type { GridServer } from "./server.ts";

export interface ImmutableNeeds {
  crypto: GridCrypto;
  /** May give the same code for the same k and n. */
  codeOf(k: number, n: number): ErasureCode;
  clock: Clock;
  /** All servers of the grid as they are now, in any order. */
  servers(): readonly GridServer[];
  workers: GridWorkers;
  secrets: ImmutableSecrets;
}

/** 32 bytes each, kept by the box (or the member) for good. */
export interface ImmutableSecrets {
  /** Equal content gets an equal cap with an equal secret. */
  convergence: Uint8Array;
  /** Lease secrets come from it. */
  lease: Uint8Array;
  /** Upload secrets come from it: with the same one, a broken upload goes on. */
  upload: Uint8Array;
}
