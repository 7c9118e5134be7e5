/**
 * A grid without servers, for tests of what lies above it: caps of the real form, content in memory or, so that it
 * outlives a killed process, in a folder. Writes to a mutable file take two steps with a pause between them, so that
 * writers meet as they do on servers: the later one begins anew with what the earlier one wrote.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeBase32 } from "../../src/protocols/grid/base32.ts";
import { LITERAL_MAX_BYTES } from "../../src/protocols/grid/constants.ts";
import { fileOf, storageIndexOf } from "../../src/protocols/grid/caps.ts";
import type { FileCap, KnownCap } from "../../src/protocols/grid/caps.ts";
import { gridCrypto } from "../../src/platform/grid-crypto.ts";
import { nextTurn } from "../../src/kernel/clock.ts";
import type { Random } from "../../src/kernel/random.ts";
import { systemRandom } from "../../src/kernel/system-random.ts";
import { filesErrors } from "../../src/services/files/errors.ts";
import type { CheckResult, Content, Encoding, Grid } from "../../src/services/files/grid/grid.ts";

export interface MemoryGridOptions {
  random?: Random;
  /** Keeps the content in files below it, to be opened again. */
  folder?: string;
  /** What an operation waits for before it does anything: latency, or a test that wants to be in between. */
  pause?: (operation: "upload" | "download" | "read" | "write" | "create", cap?: KnownCap) => Promise<void>;
}

export interface MemoryGrid extends Grid {
  readonly counts: Record<"uploads" | "uploadedBytes" | "mutableReads" | "mutableWrites" | "created", number>;
  /** Makes everything fail with this code until it is called with undefined. */
  failWith(code: keyof typeof filesErrors.table | undefined): void;
  /** Takes the content away from all servers: it is lost. */
  lose(cap: KnownCap): void;
  /** Ciphertext is not modelled: this is what was stored, by storage index. */
  has(cap: KnownCap): boolean;
}

const ENCODING: Encoding = { needed: 3, total: 10, happy: 7, segmentMaxBytes: 1_048_576 };
const READ_BYTES = 65_536;

interface Kept {
  content: Uint8Array;
  sequence: bigint;
}

interface Shelf {
  get(key: string): Kept | undefined;
  set(key: string, kept: Kept): void;
  delete(key: string): void;
}

export function memoryGrid(options: MemoryGridOptions = {}): MemoryGrid {
  const crypto = gridCrypto();
  const random = options.random ?? systemRandom();
  const pause = options.pause ?? nextTurn;
  const shelf: Shelf = options.folder === undefined ? new Map<string, Kept>() : shelfIn(options.folder);
  const counts = { uploads: 0, uploadedBytes: 0, mutableReads: 0, mutableWrites: 0, created: 0 };
  let failing: keyof typeof filesErrors.table | undefined;

  const keyOf = (cap: KnownCap) => encodeBase32(storageIndexOf(crypto, cap)!);
  const begin = async (operation: Parameters<typeof pause>[0], cap?: KnownCap, signal?: AbortSignal) => {
    signal?.throwIfAborted();
    await pause(operation, cap);
    signal?.throwIfAborted();
    if (failing) throw filesErrors.fail(failing, { params: { found: 1, wanted: 7, needed: 3, good: 1 } });
  };
  const kept = (cap: KnownCap): Kept => {
    const found = shelf.get(keyOf(cap));
    if (!found) throw filesErrors.fail("files-unreachable", { params: { found: 0, needed: 3 } });
    return found;
  };
  const asReadable = (cap: KnownCap): FileCap => {
    const file = fileOf(cap);
    if (file.kind === "chk-verify" || file.kind === "mutable-verify") throw filesErrors.fail("files-bad-cap");
    return file;
  };

  const checked = (cap: KnownCap): CheckResult => {
    const isLit = fileOf(cap).kind === "lit";
    const isThere = isLit || shelf.get(keyOf(cap)) !== undefined;
    const good = isThere ? 10 : 0;
    return {
      storageIndex: isLit ? "" : keyOf(cap),
      state: isThere ? "healthy" : "lost",
      needed: 3,
      total: 10,
      good,
      happiness: good,
      servers: good,
      owners: good,
      zones: Math.min(good, 3),
      shares: [],
      damaged: [],
      silent: [],
      versions: 1,
    };
  };

  return {
    counts,
    failWith: (code) => void (failing = code),
    lose: (cap) => shelf.delete(keyOf(cap)),
    has: (cap) => fileOf(cap).kind === "lit" || shelf.get(keyOf(cap)) !== undefined,
    servers: () => [],
    encoding: () => ENCODING,

    makeKey: () => undefined,

    async upload(content, { signal, onProgress } = {}) {
      await begin("upload", undefined, signal);
      const bytes = await gathered(content, signal, (doneBytes) => {
        onProgress?.({ doneBytes, totalBytes: content.bytes });
      });
      counts.uploads += 1;
      counts.uploadedBytes += bytes.length;
      if (bytes.length <= LITERAL_MAX_BYTES) {
        return { cap: { kind: "lit", data: bytes }, sent: 0, found: 0, happiness: 0 };
      }
      const uebHash = crypto.sha256(bytes);
      const cap: KnownCap = { kind: "chk", key: uebHash.slice(0, 16), uebHash, k: 3, n: 10, size: bytes.length };
      const isThere = shelf.get(keyOf(cap)) !== undefined;
      if (!isThere) shelf.set(keyOf(cap), { content: bytes, sequence: 1n });
      return { cap, sent: isThere ? 0 : 10, found: isThere ? 10 : 0, happiness: 10 };
    },

    async *download(cap, { at = 0, length, signal } = {}) {
      await begin("download", cap, signal);
      const file = asReadable(cap);
      const { content } = file.kind === "lit" ? { content: file.data } : kept(cap);
      const end = length === undefined ? content.length : Math.min(content.length, at + length);
      for (let from = at; from < end; from += READ_BYTES) {
        signal?.throwIfAborted();
        yield content.slice(from, Math.min(end, from + READ_BYTES));
      }
    },

    sizeOf(cap) {
      const file = fileOf(cap);
      if (file.kind === "lit") return file.data.length;
      return file.kind === "chk" || file.kind === "chk-verify" ? file.size : undefined;
    },

    async createMutable(format, content, { signal } = {}) {
      await begin("create", undefined, signal);
      const cap: KnownCap = {
        kind: "mutable-write",
        format,
        writeKey: random.bytes(16),
        fingerprint: random.bytes(32),
      };
      counts.mutableWrites += 1;
      counts.created += 1;
      shelf.set(keyOf(cap), { content: new Uint8Array(content), sequence: 1n });
      return cap;
    },

    async readMutable(cap, { signal } = {}) {
      await begin("read", cap, signal);
      asReadable(cap);
      counts.mutableReads += 1;
      return { ...kept(cap) };
    },

    async modifyMutable(cap, change, { signal } = {}) {
      if (fileOf(cap).kind !== "mutable-write") throw filesErrors.fail("files-read-only");
      for (;;) {
        signal?.throwIfAborted();
        const before = kept(cap);
        const after = change(before.content);
        if (after === undefined) return { ...before };
        await begin("write", cap, signal);
        if (kept(cap).sequence !== before.sequence) continue;
        const written = { content: new Uint8Array(after), sequence: before.sequence + 1n };
        counts.mutableWrites += 1;
        shelf.set(keyOf(cap), written);
        return { ...written };
      }
    },

    /** It knows everything. */
    async prepareMutable() {},

    /** All is stored before it is linked. */
    draftFile: () => Promise.resolve(undefined),
    draftMutable: () => Promise.resolve(undefined),

    async check(cap, { signal } = {}) {
      await begin("read", cap, signal);
      return checked(cap);
    },

    async repair(cap, { signal } = {}) {
      await begin("read", cap, signal);
      return { before: checked(cap), after: checked(cap), written: 0 };
    },
  };
}

async function gathered(
  content: Content,
  signal: AbortSignal | undefined,
  progress: (doneBytes: number) => void,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(content.bytes);
  let at = 0;
  for await (const piece of content.read()) {
    signal?.throwIfAborted();
    bytes.set(piece, at);
    at += piece.length;
    progress(at);
  }
  if (at !== content.bytes) throw new Error(`content of ${at} bytes, said to be ${content.bytes}`);
  return bytes;
}

/** One file for each storage index: the sequence number in eight bytes, then the content. Replaced whole. */
function shelfIn(folder: string): Shelf {
  const path = (key: string) => join(folder, key);
  return {
    get(key) {
      try {
        const bytes = readFileSync(path(key));
        if (bytes.length < 8) return undefined;
        return { sequence: bytes.readBigUInt64BE(0), content: new Uint8Array(bytes.subarray(8)) };
      } catch {
        return undefined;
      }
    },
    set(key, { content, sequence }) {
      const head = Buffer.alloc(8);
      head.writeBigUInt64BE(sequence);
      writeFileSync(`${path(key)}.new`, Buffer.concat([head, content]));
      renameSync(`${path(key)}.new`, path(key));
    },
    delete: (key) => writeFileSync(path(key), ""),
  };
}
