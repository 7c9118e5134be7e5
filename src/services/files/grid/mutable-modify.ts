/**
 * Changing mutable files. A change is read, change, write; when another writer came between, all of it
 * again on what that one wrote. No writer's change gets lost as long as each goes on until its own writing met nobody:
 *
 *   survey ──► read ──► change ──► publish ──► done
 *     ▲                               │ conflict
 *     └────────── back off ◄──────────┘        (MODIFY_ATTEMPTS_MAX, then files-contended)
 *
 * The first attempt begins at the change when all is known since a moment ago (`mutable-known.ts`).
 *
 * When several writers crossed so that none of their versions is recoverable, each of them still holds the content
 * that it began with and puts that back with its own change; the others find it there and add theirs.
 */
import { GridError } from "../../../protocols/grid/errors.ts";
import { openKeys } from "../../../protocols/grid/mutable-keys.ts";
import type { MutableKeys } from "../../../protocols/grid/mutable-keys.ts";
import type { MutableHeader } from "../../../protocols/grid/mutable-layout.ts";
import { nextSequence } from "../../../protocols/grid/server-map.ts";
import type { PlannedWrite } from "../../../protocols/grid/server-map.ts";
import { isFailure } from "../../../kernel/errors.ts";
import { filesErrors } from "../errors.ts";
import { Turns } from "../../../kernel/turns.ts";
import type { MutableContent } from "./grid.ts";
import { goWith } from "./draft.ts";
import type { Draft, Drafts } from "./draft.ts";
import { backOff } from "./mutable-backoff.ts";
import { MODIFY_ATTEMPTS_MAX, MODIFY_QUEUE_MAX, READ_ATTEMPTS_MAX } from "./mutable-constants.ts";
import { SHARE_HEAD_BYTES, UNFINISHED_WAITS_MAX } from "./mutable-constants.ts";
import { checkContent, encodeVersion } from "./mutable-encode.ts";
import { serversFor } from "./mutable-file.ts";
import type { MutableFile, MutableNeeds } from "./mutable-file.ts";
import { isClear, noteWritten, usable } from "./mutable-known.ts";
import type { Usable } from "./mutable-known.ts";
import { publish, usualPlan } from "./mutable-publish.ts";
import { openNewest, prefixName, unreadable } from "./mutable-read.ts";
import type { Opened } from "./mutable-read.ts";
import { adviseDamage } from "./mutable-survey.ts";
import type { MutableShare } from "./mutable-share.ts";
import type { Surveyed } from "./mutable-survey.ts";
import { ServerError } from "./server.ts";
import type { GridServer } from "./server.ts";

export type Change = (before: Uint8Array) => Uint8Array | undefined;
/** Shares that are to be written besides those that a writer replaces or misses. */
export type Spread = (surveyed: Surveyed) => PlannedWrite[];

export interface ModifyOptions {
  signal?: AbortSignal | undefined;
  /** New files that the change links to. They are stored with it or before it. */
  drafts?: Drafts | undefined;
}

/** Modifications of this box; those of the same file one after the other, so that they do not meet as strangers. */
export class MutableWriter {
  readonly #needs: MutableNeeds;
  readonly #turns = new Turns();
  readonly #waiting = new Map<string, number>();
  readonly #preparing = new Set<string>();

  constructor(needs: MutableNeeds) {
    this.#needs = needs;
  }

  /** Throws what `change` throws, `files-read-only`, `files-contended`, and like reading and creating. */
  modify(file: MutableFile, change: Change, { signal, drafts }: ModifyOptions = {}): Promise<MutableContent> {
    return this.#inTurn(file, signal, () => new Modification(this.#needs, file, change, { signal, drafts }).run());
  }

  /** Looks the file through, so that a change that comes soon need not ask. That one will say what is wrong. */
  async prepare(file: MutableFile): Promise<void> {
    const { index, format } = file;
    if (this.#preparing.has(index) || format !== "sdmf" || !file.writeKey) return;
    this.#preparing.add(index);
    await this.#turns.run(index, () => look(this.#needs, file)).catch(() => {});
    this.#preparing.delete(index);
  }

  /** Writes the newest version again, as a new one, over everything that is there, and where `spread` says so. */
  rewrite(file: MutableFile, spread: Spread, signal?: AbortSignal): Promise<MutableContent> {
    const same: Change = (content) => content;
    return this.#inTurn(file, signal, () => new Modification(this.#needs, file, same, { signal, spread }).run());
  }

  async #inTurn<T>(file: MutableFile, signal: AbortSignal | undefined, step: () => Promise<T>): Promise<T> {
    if (!file.writeKey) throw filesErrors.fail("files-read-only");
    const { index } = file;
    const waiting = this.#waiting.get(index) ?? 0;
    if (waiting >= MODIFY_QUEUE_MAX) throw filesErrors.fail("files-too-many", { params: { limit: MODIFY_QUEUE_MAX } });
    this.#waiting.set(index, waiting + 1);
    try {
      return await this.#turns.run(index, async () => {
        signal?.throwIfAborted();
        return step();
      });
    } finally {
      const left = this.#waiting.get(index)! - 1;
      if (left > 0) this.#waiting.set(index, left);
      else this.#waiting.delete(index);
    }
  }
}

async function look(needs: MutableNeeds, file: MutableFile): Promise<void> {
  if (needs.memory.asksFirst(file.index, needs.clock.monotonicMs()) || usable(needs, file)) return;
  const { surveyed, opened } = await openNewest(needs, file, { mode: "write", signal: undefined });
  if (!opened || !isClear(surveyed.map)) return;
  await fileKeys(needs, file, surveyed);
  const { map } = surveyed;
  needs.memory.noteKnown(file.index, { map, content: opened.content, atMs: needs.clock.monotonicMs() });
}

/** What this writer knows of the content before its change, and who held it then. */
interface Base {
  content: Uint8Array;
  sequence: bigint;
  holders: ReadonlySet<string>;
}

class Modification {
  readonly #needs: MutableNeeds;
  readonly #file: MutableFile;
  readonly #change: Change;
  readonly #signal: AbortSignal | undefined;
  readonly #spread: Spread | undefined;
  readonly #drafts: Drafts | undefined;
  /** The last content that was read whole. */
  #base: Base | undefined;
  #hasMet = false;
  #patience = UNFINISHED_WAITS_MAX;
  /** Versions that were sent, and that another writer may have overwritten in part. */
  readonly #sent = new Set<string>();

  constructor(
    needs: MutableNeeds,
    file: MutableFile,
    change: Change,
    { signal, spread, drafts }: ModifyOptions & { spread?: Spread },
  ) {
    this.#needs = needs;
    this.#file = file;
    this.#change = change;
    this.#signal = signal;
    this.#spread = spread;
    this.#drafts = drafts;
  }

  async run(): Promise<MutableContent> {
    // Whoever spreads a file anew wants to see where it is.
    const known = this.#spread ? undefined : usable(this.#needs, this.#file);
    const done = known && (await this.#runKnown(known));
    if (done) return done;
    // What is linked from here on is there already.
    await this.#drafts?.store();
    for (let attempt = this.#hasMet ? 2 : 1; attempt <= MODIFY_ATTEMPTS_MAX; attempt++) {
      if (attempt > 1) await backOff(this.#needs, attempt - 1, this.#signal);
      const mode = attempt === 1 ? "write" : "check";
      const { surveyed, opened } = await openNewest(this.#needs, this.#file, {
        mode,
        signal: this.#signal,
        unfinished: this.#sent,
        atLeast: this.#base?.sequence ?? 0n,
      });
      if (this.#isBusy(surveyed)) continue;
      if (this.#isBehind(surveyed, opened)) continue;
      const before = opened ? this.#found(surveyed, opened) : this.#kept(surveyed);
      if (!before) {
        if (surveyed.map.versions.length < 2 || attempt >= READ_ATTEMPTS_MAX) throw unreadable(surveyed, this.#needs);
        continue;
      }
      // What it left in part may link to what could not be stored after all.
      const isLeft = before.isChanged && this.#drafts?.areRefused() === true;
      const content = isLeft && this.#base ? this.#base.content : before.content;
      const after = before.isChanged && !isLeft ? content : this.#change(content);
      if (!after && !this.#hasMet) return { content: before.content, sequence: before.sequence };
      const { map, shares } = surveyed;
      const servers = serversFor(this.#needs, this.#file.storageIndex).filter(
        (server) => surveyed.standingOf(server) === "answered",
      );
      const extra = this.#spread?.(surveyed) ?? [];
      const written = await this.#write({ map, servers, shares, extra }, after ?? content);
      if (written) return written;
      this.#hasMet = true;
      // Put back upon what was there, and met again: all of that was unfinished, and so is what stands upon it now.
      if (!opened && this.#base) this.#base = { ...this.#base, sequence: map.highestSequence };
    }
    throw filesErrors.fail("files-contended");
  }

  /**
   * Undefined when it was not written, or cannot be like this. What a change makes of it that is refused or superfluous
   * is asked of the newest content once more: this one may be a moment old.
   */
  async #runKnown(known: Usable): Promise<MutableContent | undefined> {
    const { content, map, servers, lookers } = known;
    const drafts = this.#goingWith(known);
    if (drafts.length === 0) await this.#drafts?.store();
    let after: Uint8Array | undefined;
    try {
      after = this.#change(content);
    } catch {
      return undefined;
    }
    if (!after) return undefined;
    const { header } = map.best!;
    this.#base = { content, sequence: header.sequence, holders: new Set(map.seen.map(({ server }) => server)) };
    try {
      const done = await this.#write({ map, servers, lookers, shares: new Map(), drafts }, after);
      if (done) return done;
    } catch (error) {
      // Too few have written, and others may be asked.
      if (!isFailure(error, "files-not-spread") && !isFailure(error, "files-no-room")) throw error;
    }
    this.#hasMet = true;
    return undefined;
  }

  /** All of the drafts, or none of them. */
  #goingWith({ map, servers, content }: Usable): readonly Draft[] {
    const { all = [] } = this.#drafts ?? {};
    if (all.length === 0) return [];
    const { k: needed, n: total } = map.best!.header;
    const encoding = this.#needs.encoding();
    const plan = usualPlan({ map, servers, spread: Math.min(total, encoding.happy) }, total);
    // Of the version as it is now; what the drafts add to it is far less than what is allowed for.
    const shareBytes = Math.ceil(content.length / needed) + SHARE_HEAD_BYTES;
    const wish = { servers: this.#needs.servers(), encoding, needed, total, shareBytes };
    return goWith(all, plan, wish) ? all : [];
  }

  /**
   * True when somebody else's newer version is there in part: probably it is just being written, and what would be
   * written over it now would stand upon less. Whoever does not come to an end with it in time is not waited for.
   */
  #isBusy({ map }: Surveyed): boolean {
    const isForeign = ({ header }: { header: MutableHeader }) => !this.#sent.has(prefixName(header));
    return map.newerUnrecoverable.some(isForeign) && this.#patience-- > 0;
  }

  /**
   * True when a newer version was there not long ago, and those who do not answer may have it: they are asked again,
   * but not for ever. What would be written now would stand beside it.
   */
  #isBehind({ map, servers, standingOf }: Surveyed, opened: Opened | undefined): boolean {
    const { memory, clock } = this.#needs;
    const newest = memory.newestOf(this.#file.index, clock.monotonicMs());
    if (!opened || opened.version.header.sequence >= newest) return false;
    if (servers.every((server) => standingOf(server) === "answered")) {
      // Nobody has it any more.
      memory.forgetNewest(this.#file.index);
      return false;
    }
    if (this.#patience-- > 0) return true;
    const found = map.versions.find(({ header }) => header.sequence >= newest)?.shares.size ?? 0;
    throw filesErrors.fail("files-unreachable", { params: { found, needed: opened.version.header.k } });
  }

  #found(
    surveyed: Surveyed,
    { version, content }: Opened,
  ): { content: Uint8Array; sequence: bigint; isChanged: boolean } {
    const { sequence } = version.header;
    const isChanged = this.#sent.has(prefixName(version.header));
    // Our own version is the base for nobody: it was never whole.
    if (!isChanged) this.#base = { content, sequence, holders: holderIds(surveyed) };
    return { content, sequence, isChanged };
  }

  /**
   * Nothing can be read, but what was read before is known: put that back. Only when all that is there now are first
   * writings upon that very version, and everybody was asked who held it: else somebody's finished work could get lost.
   */
  #kept({
    map,
    servers,
    standingOf,
  }: Surveyed): { content: Uint8Array; sequence: bigint; isChanged: false } | undefined {
    const base = this.#base;
    if (!base || !this.#hasMet || map.versions.length === 0 || map.highestSequence > base.sequence + 1n)
      return undefined;
    const answered = new Set(servers.filter((one) => standingOf(one) === "answered").map(({ id }) => id));
    if (![...base.holders].every((id) => answered.has(id))) return undefined;
    return { content: base.content, sequence: base.sequence, isChanged: false };
  }

  /** Undefined when another writer was met. */
  async #write(
    { map, servers, shares, extra, lookers, drafts = [] }: WriteOver,
    content: Uint8Array,
  ): Promise<MutableContent | undefined> {
    const needs = this.#needs;
    const file = this.#file;
    checkContent(file.format, content);
    const { k: needed, n: total } = (map.best ?? map.versions[0]!).header;
    const keys = await fileKeys(needs, file, { shares }, this.#signal);
    const sequence = nextSequence(map);
    const version = await encodeVersion(needs, { keys, format: file.format, needed, total, sequence, content });
    this.#signal?.throwIfAborted();
    // From here on what was known is not so any more.
    needs.memory.forgetKnown(file.index);
    this.#sent.add(prefixName(version));
    // A repair makes safer what is there, also where that is not yet as safe as it is to be.
    const spread = Math.min(this.#spread ? needed : total, needs.encoding().happy);
    const more = { ...(extra ? { extra } : {}), ...(lookers ? { lookers } : {}), drafts };
    const isContended = this.#hasMet || needs.memory.asksFirst(file.index, needs.clock.monotonicMs());
    const published = await publish(needs, file, { map, servers, version, spread, needed, isContended, ...more });
    if (published.state === "conflict") {
      needs.memory.noteMet(file.index, needs.clock.monotonicMs());
      return undefined;
    }
    for (const one of drafts) one.stored(published.holdings, published.isWhole);
    noteWritten(needs, file, { before: map, published, version, sequence, content });
    return { content, sequence };
  }
}

/** What is there, and where it may be written. */
interface WriteOver extends Pick<Surveyed, "map" | "shares"> {
  servers: readonly GridServer[];
  extra?: readonly PlannedWrite[];
  lookers?: readonly GridServer[];
  drafts?: readonly Draft[];
}

function holderIds({ map }: Surveyed): ReadonlySet<string> {
  return new Set(map.seen.map(({ server }) => server));
}

/**
 * The file's keys: remembered, or opened out of a share of any version with the write key. Throws `files-read-only`
 * without a write key, `files-damaged` when no share has the right private key.
 */
async function fileKeys(
  needs: MutableNeeds,
  file: MutableFile,
  { shares }: Pick<Surveyed, "shares">,
  signal?: AbortSignal,
): Promise<MutableKeys> {
  const { writeKey, fingerprint } = file;
  if (!writeKey) throw filesErrors.fail("files-read-only");
  const remembered = needs.memory.keysOf(file.index);
  if (remembered) return remembered;
  let problem: unknown;
  // Those that have come whole with the survey first.
  const candidates = [...shares.values()].filter(({ header }) => header !== undefined);
  const isHere = (share: MutableShare) => share.has(share.header!.sections.encryptedPrivateKey);
  for (const share of candidates.toSorted((a, b) => Number(isHere(b)) - Number(isHere(a)))) {
    try {
      const sealed = await share.read(share.header!.sections.encryptedPrivateKey, signal);
      const keys = openKeys(needs.crypto, { writeKey, fingerprint }, sealed);
      needs.memory.noteKeys(file.index, keys);
      return keys;
    } catch (error) {
      if (error instanceof GridError) adviseDamage(share, error);
      else if (!(error instanceof ServerError)) throw error;
      problem = error;
    }
  }
  throw filesErrors.fail("files-damaged", { params: { good: 0, needed: 1 }, cause: problem });
}
