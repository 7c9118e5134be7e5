/**
 * The content of a mutable file: of the newest version of which enough shares can be had. Shares that do not lead up
 * to the signed root are passed over and reported; who is late is overtaken by another share.
 */
import { nextTurn } from "../../../kernel/clock.ts";
import { isFailure } from "../../../kernel/errors.ts";
import type { Failure } from "../../../kernel/errors.ts";
import { GridError } from "../../../protocols/grid/errors.ts";
import { segmentCount } from "../../../protocols/grid/mutable-layout.ts";
import type { MutableHeader } from "../../../protocols/grid/mutable-layout.ts";
import {
  blockSection,
  decodeMutableSegment,
  verifyBlock,
  verifyBlockHashes,
} from "../../../protocols/grid/mutable-reading.ts";
import type { MutableBlock } from "../../../protocols/grid/mutable-reading.ts";
import type { MutableVersion, ServerMap } from "../../../protocols/grid/server-map.ts";
import { filesErrors } from "../errors.ts";
import { backOff } from "./mutable-backoff.ts";
import { MUTABLE_CONTENT_MAX_BYTES, READ_ATTEMPTS_MAX, SPARE_FETCHES_MAX } from "./mutable-constants.ts";
import type { MutableFile, MutableNeeds } from "./mutable-file.ts";
import { shareName } from "./mutable-share.ts";
import type { MutableShare } from "./mutable-share.ts";
import { adviseDamage, damageName, lateAfterMs, surveyMutable } from "./mutable-survey.ts";
import type { Surveyed } from "./mutable-survey.ts";
import type { SurveyMode } from "./mutable-survey-rules.ts";
import { ServerError } from "./server.ts";

/** Blocks that are checked or decoded before others get their turn. */
const BLOCKS_PER_TURN = 16;

export interface Opened {
  surveyed: Surveyed;
  version: MutableVersion;
  content: Uint8Array;
}

/**
 * Throws `files-bad-cap` for a verify cap, `files-unreachable`, `files-damaged`, `files-too-large`. Of a file that
 * somebody is just writing, so that no version is complete, it waits a moment for the end of that.
 */
export async function readMutableFile(needs: MutableNeeds, file: MutableFile, signal?: AbortSignal): Promise<Opened> {
  for (let attempt = 1; ; attempt++) {
    const mode = attempt === 1 ? "read" : "check";
    const { opened, surveyed } = await openNewest(needs, file, { mode, signal });
    if (opened) return opened;
    if (surveyed.map.versions.length < 2 || attempt >= READ_ATTEMPTS_MAX) throw unreadable(surveyed, needs);
    await backOff(needs, attempt, signal);
  }
}

export interface OpenOptions {
  mode: SurveyMode;
  signal: AbortSignal | undefined;
  /** See `chosenVersion`. Versions by the hex of their signed prefix. */
  unfinished?: ReadonlySet<string>;
  atLeast?: bigint;
}

/** `opened` is undefined when no version is recoverable. Throws like `readMutableFile`. */
export async function openNewest(
  needs: MutableNeeds,
  file: MutableFile,
  { mode, signal, unfinished, atLeast }: OpenOptions,
): Promise<{ surveyed: Surveyed; opened: Opened | undefined }> {
  const damaged = new Set<string>();
  for (let next = mode; ; next = "check") {
    const surveyed = await surveyMutable(needs, file, { mode: next, damaged, ...(signal ? { signal } : {}) });
    const version = chosenVersion(surveyed.map, unfinished, atLeast);
    if (!version) return { surveyed, opened: undefined };
    const known = damaged.size;
    try {
      const content = await fetchVersion(needs, file, { surveyed, version, damaged }, signal);
      needs.memory.noteNewest(file.index, version.header.sequence, needs.clock.monotonicMs());
      return { surveyed, opened: { surveyed, version, content } };
    } catch (error) {
      const isShareProblem = isFailure(error, "files-damaged") || isFailure(error, "files-unreachable");
      // Servers that were not asked yet may have other shares; each turn knows of more damage, so this ends.
      if (!isShareProblem || (next === "check" && damaged.size === known)) throw error;
    }
  }
}

/**
 * The newest recoverable version. Of several of one sequence number, the one with the most shares: a writer that is
 * done has stored all of them, one that met another has not. Of those that are as many, the one with the higher root
 * hash. A writer that met another passes over its own `unfinished` versions if there is another one from `atLeast` on:
 * its own may stand upon less than what the other has finished, whatever their sequence numbers say.
 */
function chosenVersion(
  map: ServerMap,
  unfinished: ReadonlySet<string> = new Set(),
  atLeast = 0n,
): MutableVersion | undefined {
  const recoverable = map.versions.filter(({ isRecoverable }) => isRecoverable);
  const isOther = ({ header }: MutableVersion) => header.sequence >= atLeast && !unfinished.has(prefixName(header));
  const others = recoverable.filter(isOther);
  const pool = others.length > 0 ? others : recoverable;
  const newest = pool.filter(({ header }) => header.sequence === pool[0]?.header.sequence);
  // The sort is stable, and the versions are in the order of their root hashes.
  return newest.toSorted((a, b) => b.shares.size - a.shares.size)[0];
}

/** The signed prefix in hex. */
export function prefixName({ prefix }: Pick<MutableHeader, "prefix">): string {
  return Buffer.from(prefix).toString("hex");
}

/** Why nothing can be read. */
export function unreadable({ map }: Surveyed, needs: Pick<MutableNeeds, "encoding">): Failure {
  const needed = map.versions[0]?.header.k ?? needs.encoding().needed;
  const found = Math.max(0, ...map.versions.map(({ shares }) => shares.size));
  const damaged = map.seen.filter(({ state }) => state === "bad").length;
  if (found + damaged >= needed) return filesErrors.fail("files-damaged", { params: { good: found, needed } });
  return filesErrors.fail("files-unreachable", { params: { found, needed } });
}

export interface Source {
  surveyed: Surveyed;
  version: MutableVersion;
  /** Shares that turn out to be damaged are added, by `damageName`. */
  damaged: Set<string>;
}

async function fetchVersion(
  needs: MutableNeeds,
  file: MutableFile,
  source: Source,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { header } = source.version;
  if (!file.readKey) throw filesErrors.fail("files-bad-cap");
  const segments = segmentCount(header);
  const shares = segments > 0 ? await fetchShares(needs, source, signal) : [];
  const content = new Uint8Array(header.dataLength);
  const decoder = { crypto: needs.crypto, code: needs.codeOf(header.k, header.n), readKey: file.readKey };
  for (let segment = 0; segment < segments; segment++) {
    if (segment % BLOCKS_PER_TURN === BLOCKS_PER_TURN - 1) await nextTurn();
    const blocks = shares.map((share) => share[segment]!);
    try {
      content.set(decodeMutableSegment(decoder, header, segment, blocks), segment * header.segmentSize);
    } catch (error) {
      // Signed by whoever wrote it, and yet not of one plaintext: no other share would help.
      if (error instanceof GridError) throw damage(0, header.k, error);
      throw error;
    }
  }
  return content;
}

function damage(good: number, needed: number, cause: unknown): Failure {
  return filesErrors.fail("files-damaged", { params: { good, needed }, cause });
}

/** The checked blocks of k shares, each share's in order. Throws like `readMutableFile`. */
export async function fetchShares(
  needs: MutableNeeds,
  source: Source,
  signal?: AbortSignal,
): Promise<MutableBlock[][]> {
  const { dataLength } = source.version.header;
  const limit = MUTABLE_CONTENT_MAX_BYTES;
  if (dataLength > limit) throw filesErrors.fail("files-too-large", { params: { limit } });
  return new Fetch(needs, source, signal).run();
}

/** Fetches shares of one version until k of them are whole and checked. */
class Fetch {
  readonly #needs: MutableNeeds;
  readonly #header: MutableHeader;
  readonly #damaged: Set<string>;
  readonly #signal: AbortSignal | undefined;
  readonly #waiting: MutableShare[];
  readonly #underWay = new Map<MutableShare, { isLate: boolean; end: AbortController }>();
  /** By share number, so that each counts once. */
  readonly #good = new Map<number, MutableBlock[]>();
  #problem: unknown;
  #wake = () => {};

  constructor(needs: MutableNeeds, { surveyed, version, damaged }: Source, signal?: AbortSignal) {
    this.#needs = needs;
    this.#header = version.header;
    this.#damaged = damaged;
    this.#signal = signal;
    const shares = [...version.shares].flatMap(([number, servers]) =>
      servers.map((server) => surveyed.shares.get(shareName(number, server))!),
    );
    const cost = (share: MutableShare) => {
      const { data } = this.#header.sections;
      if (share.has({ start: 0, end: data.end })) return -1;
      return share.server.state() === "up" ? (share.server.responseMs() ?? 0) : Infinity;
    };
    // Quick servers first; among equals the low numbers, whose blocks need no decoding.
    this.#waiting = shares.toSorted((a, b) => {
      const [one, other] = [cost(a), cost(b)];
      return one === other ? a.number - b.number : one - other;
    });
  }

  async run(): Promise<MutableBlock[][]> {
    const { k } = this.#header;
    const onAbort = () => this.#wake();
    this.#signal?.addEventListener("abort", onAbort);
    try {
      for (;;) {
        this.#signal?.throwIfAborted();
        if (this.#good.size >= k) return [...this.#good.values()].slice(0, k);
        this.#fill(k);
        if (this.#underWay.size === 0) throw this.#failure(k);
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.#signal?.removeEventListener("abort", onAbort);
      for (const { end, isLate } of this.#underWay.values()) if (!isLate) end.abort();
    }
  }

  #failure(needed: number): unknown {
    const good = this.#good.size;
    if (this.#problem instanceof GridError) return damage(good, needed, this.#problem);
    if (this.#problem !== undefined && !(this.#problem instanceof ServerError)) return this.#problem;
    return filesErrors.fail("files-unreachable", { params: { found: good, needed }, cause: this.#problem });
  }

  #fill(k: number): void {
    const running = [...this.#underWay.values()];
    const onTime = running.filter(({ isLate }) => !isLate).length;
    const room = Math.min(k - this.#good.size - onTime, k + SPARE_FETCHES_MAX - running.length);
    for (let count = 0; count < room; count++) {
      const numbers = new Set([...this.#underWay.keys()].map(({ number }) => number));
      const isOpen = ({ number }: MutableShare) => !this.#good.has(number);
      const next =
        this.#waiting.find((share) => isOpen(share) && !numbers.has(share.number)) ?? this.#waiting.find(isOpen);
      if (!next) return;
      this.#waiting.splice(this.#waiting.indexOf(next), 1);
      this.#start(next);
    }
  }

  #start(share: MutableShare): void {
    const state = { isLate: false, end: new AbortController() };
    this.#underWay.set(share, state);
    const cancel = this.#needs.clock.after(lateAfterMs(share.server), () => {
      state.isLate = true;
      this.#wake();
    });
    const signal = this.#signal ? AbortSignal.any([this.#signal, state.end.signal]) : state.end.signal;
    void checkedBlocks(this.#needs, share, this.#header, signal)
      .then(
        (blocks) => void this.#good.set(share.number, blocks),
        (error: unknown) => {
          this.#problem ??= error;
          if (!(error instanceof GridError)) return;
          this.#problem = error;
          this.#damaged.add(damageName(share, this.#header));
          adviseDamage(share, error);
        },
      )
      .finally(() => {
        cancel();
        this.#underWay.delete(share);
        this.#wake();
      });
  }
}

/** All blocks of one share. Throws GridError, ServerError, or the signal's reason. */
async function checkedBlocks(
  { crypto }: Pick<MutableNeeds, "crypto">,
  share: MutableShare,
  header: MutableHeader,
  signal: AbortSignal,
): Promise<MutableBlock[]> {
  const { sections } = header;
  const wanted = [sections.chain, sections.blockHashes, sections.data];
  const [chain, blockHashes, data] = await Promise.all(wanted.map((section) => share.read(section, signal)));
  if (!chain || !blockHashes || !data) throw new RangeError("a section was not read");
  const hashes = verifyBlockHashes(crypto, header, share.number, { chain, blockHashes });
  const blocks: MutableBlock[] = [];
  for (let index = 0; index < segmentCount(header); index++) {
    if (index % BLOCKS_PER_TURN === BLOCKS_PER_TURN - 1) await nextTurn();
    const { start, end } = blockSection(header, index);
    const entry = data.subarray(start - sections.data.start, end - sections.data.start);
    blocks.push(verifyBlock(crypto, header, { number: share.number, index, hashes }, entry));
  }
  return blocks;
}
