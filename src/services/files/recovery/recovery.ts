/**
 * Recovery phrases of this box's accounts: twelve words from which a box that has nothing else finds an account's files
 * again. The box keeps what it needs to renew them; the words are shown once.
 *
 *   none ──make──► kept by others ──(each three days, as care does)──► left anew
 *     ▲                │ make again, remove, account removed
 *     └────────────────┴──► taken back from all that have it, for as long as it takes
 *
 *   words ──► locator, key ──► all other boxes are asked ──► the sealed root is opened ──► it becomes the account's
 */
import type { Clock } from "../../../kernel/clock.ts";
import type { Log } from "../../../kernel/log.ts";
import type { Random } from "../../../kernel/random.ts";
import { Turns } from "../../../kernel/turns.ts";
import type { BoxView } from "../../mesh/client.ts";
import { filesErrors } from "../errors.ts";
import {
  ENDING_MAX,
  HOLDERS_WANTED,
  KEPT_MS,
  PHRASE_ENTROPY_BYTES,
  RECOVERY_LOOK_MS,
  RENEW_EVERY_MS,
  RENEW_FEW_EVERY_MS,
  SILENT_TOLD_MAX,
} from "./constants.ts";
import type { Found, Leaving } from "./leaving.ts";
import { proofHashOf } from "./messages.ts";
import { entropyOf, keysOf, phraseOf } from "./phrase.ts";
import type { PhraseKeys } from "./phrase.ts";
import type { PhraseRow, RecoveryStore } from "./recovery-store.ts";
import { seal } from "./sealed.ts";
import type { TakeUp, TakenUp } from "./taking-up.ts";

const NONCE_BYTES = 12;

export interface PhraseSeen {
  madeMs: number;
  /** When some box last said that it keeps it. */
  renewedMs: number;
  /** The boxes that keep it, as far as this one knows. */
  boxIds: string[];
}

export interface Recovered extends TakenUp {
  madeMs: number;
  /** Who had it. */
  holders: BoxView[];
  answered: number;
  silent: BoxView[];
}

export interface Recovery {
  seen(account: string): PhraseSeen | undefined;
  /**
   * The words. They replace those of before, whose sealed roots are taken back. Throws `files-recovery-exists` where
   * there are some and `replace` is not wished, `files-recovery-nobody` when no other box keeps it.
   */
  make(account: string, wish: { replace: boolean; signal: AbortSignal }): Promise<string>;
  /** Nothing where there is none. Boxes that are away are told later. */
  remove(account: string): Promise<void>;
  /**
   * Finds what the words lead to, and makes it the account's tree, or where that has something in it a folder of it.
   * Throws what `entropyOf` throws, `files-recovery-not-found`, `files-recovery-away`, and what reading files throws.
   */
  recover(account: string, words: string, wish: { folder: string; signal: AbortSignal }): Promise<Recovered>;
  /** The account was removed. Writes into the store before it returns. */
  forget(account: string): void;
  start(): void;
  stop(): Promise<void>;
}

export interface RecoveryNeeds {
  clock: Clock;
  log: Log;
  random: Random;
  rows: RecoveryStore;
  leaving: Leaving;
  keeping: { letGo: () => void };
  /** Is this box one that can be asked now? */
  mayAsk: (boxId: string) => boolean;
  /** The write cap of the account's top folder, which is made where there is none. */
  rootCap: (account: string) => Promise<string>;
  /** The same as it is known here now. */
  knownRoot: (account: string) => string | undefined;
  takeUp: TakeUp;
  /** Something that a page shows is another. */
  changed: () => void;
}

export function createRecovery(needs: RecoveryNeeds): Recovery {
  const { clock, log, random, rows, leaving, keeping, changed } = needs;
  const turns = new Turns();
  const stopping = new AbortController();
  let cancel = () => {};
  let busy: Promise<void> | undefined;
  let isAgain = false;

  const noteLeft = ({ locator, proof }: Pick<PhraseKeys, "locator" | "proof">, boxIds: readonly string[]) => {
    const nowMs = clock.wallMs();
    for (const boxId of boxIds) rows.setLeft({ locator, boxId, proof }, nowMs);
    if (boxIds.length > 0) rows.renewed(locator, nowMs);
    // It was replaced while the boxes were asked, or its account was removed.
    if (!rows.hasPhrase(locator)) rows.endLeft(locator, nowMs);
  };
  /** From now on the words of before lead nowhere, as soon as the boxes that keep it have been told. */
  const endPhrase = (account: string) => {
    const before = rows.phrase(account);
    if (!before) return;
    rows.endLeft(before.locator, clock.wallMs());
    // This box may keep one itself: of the lost box of which it took up the words.
    rows.dropKept(before.locator, "", proofHashOf(before.proof));
    rows.dropPhrase(account);
  };
  const takeBack = async (signal: AbortSignal) => {
    rows.trimEnding(clock.wallMs() - KEPT_MS, ENDING_MAX);
    for (const { boxId, locator, proof } of rows.ending()) {
      if (!needs.mayAsk(boxId)) continue;
      if (await leaving.takeBack(boxId, { locator, proof }, signal)) rows.dropLeft(locator, boxId);
    }
  };
  const isFresh = (seenMs: number) => seenMs > clock.wallMs() - KEPT_MS && seenMs > 0;
  const holdersOf = (locator: string) => rows.left(locator).filter(({ seenMs }) => isFresh(seenMs));
  const isDue = ({ locator, renewedMs }: PhraseRow) => {
    const everyMs = holdersOf(locator).length < HOLDERS_WANTED ? RENEW_FEW_EVERY_MS : RENEW_EVERY_MS;
    const agoMs = clock.wallMs() - renewedMs;
    // Less than nothing: the clock was set back.
    return agoMs >= everyMs || agoMs < 0;
  };
  const look = async (signal: AbortSignal) => {
    keeping.letGo();
    await takeBack(signal);
    for (const row of rows.phrases()) {
      if (!isDue(row)) continue;
      noteLeft(row, await leaving.leave(row, signal));
      changed();
    }
  };
  /** Not waited for: what cannot be done now is done at a later look. */
  const lookSoon = () => {
    const { signal } = stopping;
    if (busy) isAgain = true;
    if (busy || signal.aborted) return;
    isAgain = false;
    busy = look(signal)
      .catch((error: unknown) => void (signal.aborted || log.error("recovery phrases were not seen to", { error })))
      .finally(() => {
        busy = undefined;
        if (isAgain) lookSoon();
      });
  };

  const make = async (account: string, signal: AbortSignal) => {
    const cap = await needs.rootCap(account);
    const entropy = random.bytes(PHRASE_ENTROPY_BYTES);
    const keys = keysOf(entropy);
    const nowMs = clock.wallMs();
    const sealed = seal(keys.key, { cap, madeMs: nowMs }, random.bytes(NONCE_BYTES));
    const kept = await leaving.leave({ ...keys, sealed }, AbortSignal.any([signal, stopping.signal]));
    if (kept.length === 0) throw filesErrors.fail("files-recovery-nobody");
    // Else the account was removed meanwhile, or another tree is its own now.
    const isStill = needs.knownRoot(account) === cap;
    rows.transaction(() => {
      if (isStill) {
        endPhrase(account);
        const { locator, proof } = keys;
        rows.setPhrase({ account, locator, proof, sealed, madeMs: nowMs, renewedMs: nowMs });
      }
      noteLeft(keys, kept);
    });
    lookSoon();
    changed();
    if (!isStill) throw filesErrors.fail("files-changed", { params: { path: "/" } });
    return phraseOf(entropy);
  };
  /** The words that led here go on: this box renews them now. What boxes that did not answer may have is known, too. */
  const adopt = (account: string, keys: PhraseKeys, found: Found) => {
    const { locator, proof } = keys;
    const { sealed, madeMs } = found.root!;
    if (rows.phrase(account)?.locator !== locator) endPhrase(account);
    rows.setPhrase({ account, locator, proof, sealed, madeMs, renewedMs: 0 });
    for (const { id } of found.silent) rows.setLeft({ locator, boxId: id, proof }, 0);
    for (const { id } of found.holders.filter(({ self }) => !self))
      rows.setLeft({ locator, boxId: id, proof }, clock.wallMs());
  };

  return {
    seen(account) {
      const row = rows.phrase(account);
      if (!row) return undefined;
      const holders = holdersOf(row.locator);
      const renewedMs = Math.max(row.madeMs, ...holders.map(({ seenMs }) => seenMs));
      return { madeMs: row.madeMs, renewedMs, boxIds: holders.map(({ boxId }) => boxId) };
    },
    make: (account, { replace, signal }) =>
      turns.run(account, async () => {
        if (rows.phrase(account) && !replace) throw filesErrors.fail("files-recovery-exists");
        return make(account, signal);
      }),
    remove: (account) =>
      turns.run(account, async () => {
        rows.transaction(() => endPhrase(account));
        lookSoon();
        changed();
      }),
    async recover(account, words, { folder, signal }) {
      const keys = keysOf(await entropyOf(words));
      return turns.run(account, async () => {
        const found = await leaving.find(keys, AbortSignal.any([signal, stopping.signal]));
        const { root, holders, answered, silent } = found;
        if (!root) throw notFound(found);
        const taken = await needs.takeUp(account, root.folder, folder);
        if (taken.state !== "folder") rows.transaction(() => adopt(account, keys, found));
        lookSoon();
        changed();
        return { ...taken, madeMs: root.madeMs, holders, answered, silent };
      });
    },
    forget(account) {
      rows.transaction(() => endPhrase(account));
      lookSoon();
    },
    start() {
      cancel = clock.every(RECOVERY_LOOK_MS, lookSoon);
    },
    async stop() {
      cancel();
      stopping.abort(new Error("the service stops"));
      await busy;
    },
  };
}

/** Somebody who is away may have it: that is another thing than that nobody has. */
function notFound({ answered, silent }: Found) {
  if (silent.length === 0) return filesErrors.fail("files-recovery-not-found", { params: { answered } });
  const names = silent
    .slice(0, SILENT_TOLD_MAX)
    .map(({ name, id }) => name || id.slice(0, 8))
    .join(", ");
  return filesErrors.fail("files-recovery-away", { params: { answered, away: silent.length, names } });
}
