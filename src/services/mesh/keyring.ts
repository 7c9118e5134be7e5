/**
 * The community's gossip keys. A steward makes a new one when a box is excluded and says so in a record that holds
 * only a check of it; every member then asks the others for the key over its link.
 *
 *   none ──found/join──► epoch n ──record names n+1──► fetching ──got it──► epoch n+1 (old one still opens)
 *                                                         │                      │ OLD_KEY_KEPT_MS
 *                                                         └──nobody has it: again└──► old one forgotten
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import { ifRoom } from "../../platform/disk-room.ts";
import { toBase64url } from "../../protocols/records/base64url.ts";
import type { KeyBody } from "./kinds.ts";
import type { GossipKey, MeshStore } from "./store.ts";

export const KEY_BYTES = 32;
/** Packets sealed with the key before are still opened for this long after the change. */
export const OLD_KEY_KEPT_MS = 60_000;
/** A new key seals only after this time, so that the others have it, too. */
export const NEW_KEY_PAUSE_MS = 1_500;
/** When no box had the key, all are asked again after this time. */
export const FETCH_RETRY_MS = 2_000;

export interface KeyringNeeds {
  clock: Clock;
  random: Random;
  rows: MeshStore;
  /** Asks one box for the key of an epoch. */
  fetch: (box: string, body: KeyBody) => Promise<Uint8Array | undefined>;
  /** Whom to ask, best first. */
  holders: (author: string) => string[];
  /** This box holds a new key. */
  onKey: (key: ListedKey) => void;
}

/** Who announced a key, when and why; not known of a key that was handed over at admission. */
export interface KeyOrigin extends KeyBody {
  author: string;
}

type HeldKey = GossipKey & { origin?: KeyOrigin };

export interface ListedKey {
  epoch: number;
  key: Uint8Array;
  check: string;
  /** It seals what this box sends. */
  primary: boolean;
  origin: KeyOrigin | undefined;
}

export interface Keyring {
  /** Keys for opening; the first one seals. */
  keys(): Uint8Array[];
  epoch(): number;
  /** All that this box holds, the newest first. */
  list(): ListedKey[];
  /** The key of an epoch, for a member that asks. */
  give(epoch: number, check: string): Uint8Array | undefined;
  /** Makes the next key; the body of the record that announces it. `author` is this box. */
  rotate(nowMs: number, author: string, excluded?: string): KeyBody;
  /** A record names this epoch. */
  wanted(body: KeyBody, author: string): void;
  stop(): void;
}

export function keyCheck(key: Uint8Array): string {
  return toBase64url(new Uint8Array(createHash("sha256").update("comu-key-1\n").update(key).digest().subarray(0, 16)));
}

/** The newest first; of one epoch the one that wins. */
function byRank(a: GossipKey, b: GossipKey): number {
  if (a.epoch !== b.epoch) return b.epoch - a.epoch;
  const [ours, theirs] = [keyCheck(a.key), keyCheck(b.key)];
  return ours < theirs ? -1 : Number(ours > theirs);
}

function nameOf({ epoch, check }: KeyBody): string {
  return `${epoch} ${check}`;
}

export function createKeyring(needs: KeyringNeeds): Keyring {
  let held: HeldKey[] = needs.rows.keys();
  let sealing = held[0]?.epoch ?? 0;
  let fetching = "";
  let stopped = false;
  const cancels = new Set<() => void>();
  const later = (delayMs: number, run: () => void) => {
    if (stopped) return;
    const cancel = needs.clock.after(delayMs, () => {
      cancels.delete(cancel);
      run();
    });
    cancels.add(cancel);
  };

  const inOrder = () =>
    held.toSorted((a, b) => Number(b.epoch === sealing) - Number(a.epoch === sealing) || byRank(a, b));
  const listed = (one: HeldKey): ListedKey => {
    const { epoch, key, origin } = one;
    return { epoch, key, check: keyCheck(key), primary: one === inOrder()[0], origin };
  };
  /** `ageMs`: for so long the others have had it; who was away need not wait. */
  const add = (key: HeldKey, ageMs = 0) => {
    // Without room it is fetched again after the next start.
    ifRoom(() => void needs.rows.putKey(key));
    held = [key, ...held].sort(byRank);
    if (ageMs >= NEW_KEY_PAUSE_MS) sealing = Math.max(sealing, key.epoch);
    else later(NEW_KEY_PAUSE_MS - ageMs, () => (sealing = Math.max(sealing, key.epoch)));
    later(OLD_KEY_KEPT_MS, () => forgetWorse(key));
    needs.onKey(listed(key));
  };
  // Only those before this one: a still newer key may not be everywhere yet.
  const forgetWorse = (than: GossipKey) => {
    ifRoom(() => void needs.rows.dropKeysBefore(than.epoch));
    held = held.filter((one) => byRank(one, than) <= 0);
  };
  // What a restart interrupted.
  const newestAtStart = held[0];
  if (newestAtStart && held.length > 1) later(OLD_KEY_KEPT_MS, () => forgetWorse(newestAtStart));

  /**
   * Two stewards may make the same epoch's key at one time. Then the smaller check wins everywhere, and who has the
   * other key fetches it; the losing key still opens for a while.
   */
  const isBetter = (body: KeyBody): boolean => {
    const newest = held[0];
    if (!newest || body.epoch > newest.epoch) return true;
    const rivals = held.filter((one) => one.epoch === body.epoch).map((one) => keyCheck(one.key));
    return body.epoch === newest.epoch && rivals.every((check) => body.check < check);
  };

  const fetchFrom = async (body: KeyBody, author: string) => {
    for (const box of needs.holders(author)) {
      const key = await needs.fetch(box, body).catch(() => undefined);
      // Meanwhile the community may have been left, or a newer key have come.
      if (stopped || !isBetter(body)) break;
      if (!key || key.length !== KEY_BYTES || keyCheck(key) !== body.check) continue;
      const ageMs = Math.max(0, needs.clock.wallMs() - body.atMs);
      add({ epoch: body.epoch, key, origin: { ...body, author } }, ageMs);
      break;
    }
    if (fetching === nameOf(body)) fetching = "";
    if (isBetter(body)) later(FETCH_RETRY_MS, () => keyring.wanted(body, author));
  };

  const keyring: Keyring = {
    keys: () => inOrder().map((one) => one.key),
    epoch: () => held[0]?.epoch ?? 0,
    list: () => held.map(listed),
    give: (epoch, check) => held.find((one) => one.epoch === epoch && keyCheck(one.key) === check)?.key,
    rotate(nowMs, author, excluded) {
      const key = needs.random.bytes(KEY_BYTES);
      const epoch = (held[0]?.epoch ?? 0) + 1;
      const body: KeyBody = { epoch, check: keyCheck(key), atMs: nowMs, ...(excluded ? { excluded } : {}) };
      add({ epoch, key, origin: { ...body, author } });
      return body;
    },
    wanted(body, author) {
      if (stopped || !isBetter(body) || fetching === nameOf(body)) return;
      fetching = nameOf(body);
      void fetchFrom(body, author);
    },
    stop() {
      stopped = true;
      for (const cancel of cancels) cancel();
      cancels.clear();
    },
  };
  return keyring;
}
