/**
 * The grid of a community, put together: the servers that are known, immutable and mutable files, and the care for
 * both. What it is made of knows nothing of directories, members or front ends; those know only `Grid`.
 */
import type { Clock } from "../../../kernel/clock.ts";
import type { Random } from "../../../kernel/random.ts";
import { fileOf } from "../../../protocols/grid/caps.ts";
import type { KnownCap } from "../../../protocols/grid/caps.ts";
import type { GridCrypto } from "../../../protocols/grid/crypto.ts";
import type { ErasureCode } from "../../../protocols/grid/erasure.ts";
import { filesErrors } from "../errors.ts";
import { makeKey } from "./coming-key.ts";
import { checkImmutable } from "./check-immutable.ts";
import { checkMutable } from "./check-mutable.ts";
import { literalResult } from "./check-result.ts";
import { downloadImmutable } from "./download.ts";
import type { GridWorkers } from "./encode-pool.ts";
import type { DownloadOptions, Encoding, Grid } from "./grid.ts";
import type { ImmutableNeeds } from "./immutable.ts";
import type { KeyPool } from "./key-pool.ts";
import { createMutableFile, draftMutableFile } from "./mutable-create.ts";
import { mutableFile } from "./mutable-file.ts";
import type { MutableNeeds } from "./mutable-file.ts";
import { MutableMemory } from "./mutable-memory.ts";
import { MutableWriter } from "./mutable-modify.ts";
import { readMutableFile } from "./mutable-read.ts";
import { repairImmutable } from "./repair-immutable.ts";
import { repairMutable } from "./repair-mutable.ts";
import type { GridServer } from "./server.ts";
import { draftImmutable, uploadImmutable } from "./upload.ts";

export interface CommunityGridNeeds {
  crypto: GridCrypto;
  codeOf: (k: number, n: number) => ErasureCode;
  clock: Clock;
  random: Random;
  /** As they are now. */
  servers: () => readonly GridServer[];
  /** Of new files; also says what "spread well" means in a check. */
  encoding: () => Encoding;
  /** 32 bytes each, kept for good. `lease` is the box's; equal content gets an equal cap under equal `convergence`. */
  secrets: { lease: Uint8Array; convergence: Uint8Array; upload: Uint8Array };
  /** Started and stopped by the caller, and so are the workers. */
  keyPool: KeyPool;
  workers: GridWorkers;
}

export function createGrid(needs: CommunityGridNeeds): Grid {
  const { crypto, codeOf, clock, random, servers, encoding, secrets, keyPool, workers } = needs;
  const immutable: ImmutableNeeds = { crypto, codeOf, clock, servers, workers, secrets };
  const leaseSecret = secrets.lease;
  const memory = new MutableMemory();
  const mutable: MutableNeeds = { crypto, codeOf, clock, random, servers, encoding, leaseSecret, memory };
  const writer = new MutableWriter(mutable);
  return {
    servers,
    encoding,
    upload: (content, options = {}) =>
      uploadImmutable(immutable, content, { ...options, encoding: options.encoding ?? encoding() }),
    makeKey: (bytes) => makeKey(immutable, bytes, encoding()),
    download: (cap, options = {}) => download(immutable, mutable, cap, options),
    sizeOf,
    createMutable: (format, content, { signal } = {}) =>
      createMutableFile(mutable, keyPool, { format, content, signal }),
    readMutable: async (cap, { signal } = {}) => {
      const { content, version } = await readMutableFile(mutable, mutableFile(crypto, cap), signal);
      return { content, sequence: version.header.sequence };
    },
    modifyMutable: (cap, change, options) => writer.modify(mutableFile(crypto, cap), change, options),
    draftFile: (content, options = {}) => draftImmutable(immutable, content, { ...options, encoding: encoding() }),
    draftMutable: (content, { signal } = {}) => draftMutableFile(mutable, keyPool, { content, signal }),
    prepareMutable: (cap) => writer.prepare(mutableFile(crypto, cap)),
    check: async (cap, options = {}) => {
      const file = fileOf(cap);
      if (file.kind === "lit") return literalResult();
      if (file.kind === "chk" || file.kind === "chk-verify") return checkImmutable(mutable, file, options);
      return (await checkMutable(mutable, mutableFile(crypto, file), options)).result;
    },
    repair: async (cap, options = {}) => {
      const file = fileOf(cap);
      if (file.kind === "lit") return { before: literalResult(), after: literalResult(), written: 0 };
      if (file.kind === "chk" || file.kind === "chk-verify") return repairImmutable(mutable, file, options);
      return repairMutable(mutable, writer, mutableFile(crypto, file), options);
    },
  };
}

function sizeOf(cap: KnownCap): number | undefined {
  const file = fileOf(cap);
  if (file.kind === "lit") return file.data.length;
  return file.kind === "chk" || file.kind === "chk-verify" ? file.size : undefined;
}

async function* download(
  immutable: ImmutableNeeds,
  mutable: MutableNeeds,
  cap: KnownCap,
  options: DownloadOptions,
): AsyncGenerator<Uint8Array> {
  const file = fileOf(cap);
  if (file.kind === "lit" || file.kind === "chk") {
    yield* downloadImmutable(immutable, file, options);
    return;
  }
  if (file.kind === "chk-verify") throw filesErrors.fail("files-bad-cap");
  const { at = 0, length = Infinity, signal } = options;
  const { content } = await readMutableFile(mutable, mutableFile(mutable.crypto, file), signal);
  if (at < content.length) yield content.subarray(at, at + Math.min(length, content.length));
}
