/**
 * Reads an immutable file, or a part of it: finds shares, reads ahead in runs of segments from the quickest servers,
 * checks and decrypts (in threads when it is much), and gives out the bytes in order. No byte comes out whose hashes
 * do not lead up to the cap.
 */
import { passOn, release } from "../../../platform/memory.ts";
import { encodeBase32 } from "../../../protocols/grid/base32.ts";
import { storageIndexOf, type ChkReadCap, type LitCap } from "../../../protocols/grid/caps.ts";
import type { ChkFile } from "../../../protocols/grid/chk-decoder.ts";
import { segmentLength, type ChkParams } from "../../../protocols/grid/chk-params.ts";
import { permutedOrder } from "../../../protocols/grid/placement.ts";
import { filesErrors } from "../errors.ts";
import { chkFile } from "./check-immutable.ts";
import { BATCH_MAX_BYTES, READ_AHEAD_BYTES, READ_RUN_BYTES, SMALL_FILE_MAX_BYTES } from "./constants.ts";
import { ShareFinder } from "./download-finding.ts";
import type { WorkMemory } from "../../../platform/shared-memory.ts";
import { Runs, type Run, type RunWish } from "./download-run.ts";
import type { DownloadOptions } from "./grid.ts";
import type { ImmutableNeeds } from "./immutable.ts";

/**
 * Pieces in order, at most a segment each; their memory is handed on (`passOn`). Failures: files-unreachable,
 * files-damaged; the signal's reason.
 */
export async function* downloadImmutable(
  needs: ImmutableNeeds,
  cap: ChkReadCap | LitCap,
  options: DownloadOptions = {},
): AsyncGenerator<Uint8Array> {
  options.signal?.throwIfAborted();
  const size = cap.kind === "lit" ? cap.data.length : cap.size;
  const from = Math.max(0, options.at ?? 0);
  const to = Math.min(size, from + Math.max(0, options.length ?? size));
  if (from >= to) return;
  if (cap.kind === "lit") {
    yield cap.data.slice(from, to);
    return;
  }
  const stop = new AbortController();
  const download = new Download(needs, cap, { from, to, signal: stop.signal, outer: options.signal }, stop);
  try {
    yield* download.pieces();
  } finally {
    stop.abort(new Error("the download has ended"));
    download.end();
  }
}

interface Range {
  from: number;
  to: number;
  signal: AbortSignal;
  outer: AbortSignal | undefined;
}

class Download {
  readonly #needs: ImmutableNeeds;
  readonly #file: ChkFile;
  readonly #runs: Runs;
  readonly #range: Range;
  readonly #isSmall: boolean;
  readonly #memory: WorkMemory;
  /** Content that was used up: the next is written over it. */
  readonly #used: Uint8Array[] = [];
  #isEnded = false;

  constructor(needs: ImmutableNeeds, cap: ChkReadCap, range: Range, stop: AbortController) {
    const { crypto, clock } = needs;
    range.outer?.addEventListener("abort", () => stop.abort(range.outer!.reason), { signal: range.signal });
    const storageIndex = storageIndexOf(crypto, cap)!;
    const text = encodeBase32(storageIndex);
    const { signal } = range;
    this.#needs = needs;
    this.#range = range;
    this.#isSmall = range.to - range.from <= SMALL_FILE_MAX_BYTES && cap.size <= SMALL_FILE_MAX_BYTES;
    this.#memory = needs.workers.memory(this.#isSmall);
    this.#file = chkFile(needs, cap);
    const servers = permutedOrder(crypto, storageIndex, needs.servers());
    const onChange = () => this.#runs.wake();
    const finder = new ShareFinder({ clock, file: this.#file, servers, storageIndex: text, signal, onChange });
    this.#runs = new Runs({ clock, file: this.#file, finder, storageIndex: text, signal, memory: this.#memory });
    finder.look();
  }

  end(): void {
    this.#isEnded = true;
    this.#memory.end();
    for (const memory of this.#used.splice(0)) release(memory);
  }

  readonly #takeBack = (memory: Uint8Array): void => {
    if (this.#isEnded) release(memory);
    else this.#used.push(memory);
  };

  async *pieces(): AsyncGenerator<Uint8Array> {
    const { from, to } = this.#range;
    const ahead: { run: Run; bytes: Promise<Uint8Array> }[] = [];
    // The first one asks with a guess of the segment size; what the file says decides about the others.
    const { segmentBytes } = this.#file.guess;
    const guess = runAt(this.#file.guess, Math.floor(from / segmentBytes), to);
    const begin = guess.first * segmentBytes;
    const first = await this.#open({
      atByte: begin,
      bytes: Math.min(to, begin + guess.count * segmentBytes) - begin,
      of: (params) => runAt(params, Math.floor(from / params.segmentBytes), to),
    });
    const params = this.#file.facts!.params;
    let next = first.run.first + first.run.count;
    const end = Math.ceil(to / params.segmentBytes);
    ahead.push({ run: first.run, bytes: Promise.resolve(first.bytes) });
    let aheadBytes = 0;
    while (ahead.length > 0) {
      while (next < end && aheadBytes < READ_AHEAD_BYTES) {
        const run = runAt(params, next, to);
        const bytes = this.#open(wishOf(params, run)).then((opened) => opened.bytes);
        bytes.catch(() => {});
        ahead.push({ run, bytes });
        next += run.count;
        aheadBytes += run.count * params.segmentBytes;
      }
      const { run, bytes } = ahead.shift()!;
      yield* this.#cut(params, run, await bytes);
      if (run !== first.run) aheadBytes -= run.count * params.segmentBytes;
    }
  }

  /** The parts of the segments that belong to the range. */
  *#cut(params: ChkParams, run: Run, bytes: Uint8Array): Generator<Uint8Array> {
    const { from, to } = this.#range;
    for (let index = 0, at = 0; index < run.count; index++) {
      const length = segmentLength(params, run.first + index);
      const base = (run.first + index) * params.segmentBytes;
      const begin = Math.max(from - base, 0);
      const end = Math.min(to - base, length);
      if (begin < end) yield bytes.subarray(at + begin, at + end);
      at += length;
    }
  }

  /** The plaintext of a run. A share that proves to be damaged is replaced, as often as there are others. */
  async #open(wish: RunWish): Promise<{ run: Run; bytes: Uint8Array }> {
    for (;;) {
      const { shares, sources } = await this.#runs.fetch(wish);
      const run = wish.of(this.#file.facts!.params);
      const task = this.#file.decodeRun(run.first, run.count, shares);
      const decoded = await this.#needs.workers.decode({ ...task, memory: this.#used.pop() }, this.#isSmall);
      for (const { bytes } of shares) this.#memory.giveBack(bytes);
      this.#range.signal.throwIfAborted();
      if (decoded.state === "good") return { run, bytes: passOn(decoded.bytes, this.#takeBack) };
      if (decoded.state === "bad-file") {
        const { k } = this.#file.cap;
        throw filesErrors.fail("files-damaged", { params: { good: k, needed: k } });
      }
      for (const source of sources) {
        if (decoded.numbers.includes(source.number)) this.#runs.spoil(source, source.reader.spoil());
      }
    }
  }
}

/** The run of segments that begins with this one, as long as is good to read, and not beyond byte `to`. */
function runAt(params: ChkParams, first: number, to: number): Run {
  const fitting = Math.max(1, Math.floor(BATCH_MAX_BYTES / params.segmentBytes));
  const wished = Math.min(fitting, Math.max(1, Math.round(READ_RUN_BYTES / params.blockBytes)));
  const end = Math.min(Math.ceil(to / params.segmentBytes), first + wished);
  return { first, count: end - first };
}

function wishOf(params: ChkParams, run: Run): RunWish {
  const atByte = run.first * params.segmentBytes;
  return { atByte, bytes: run.count * params.segmentBytes, of: () => run };
}
