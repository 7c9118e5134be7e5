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
  fetch: (box: string, epoch: number) => Promise<Uint8Array | undefined>;
  /** Whom to ask, best first. */
  holders: (author: string) => string[];
}

export interface Keyring {
  /** Keys for opening; the first one seals. */
  keys(): Uint8Array[];
  epoch(): number;
  /** The key of an epoch, for a member that asks. */
  give(epoch: number): Uint8Array | undefined;
  /** Makes the next key; the body of the record that announces it. */
  rotate(nowMs: number): KeyBody;
  /** A record names this epoch. */
  wanted(body: KeyBody, author: string): void;
  stop(): void;
}

export function keyCheck(key: Uint8Array): string {
  return toBase64url(new Uint8Array(createHash("sha256").update("comu-key-1\n").update(key).digest().subarray(0, 16)));
}

export function createKeyring(needs: KeyringNeeds): Keyring {
  let held = needs.rows.keys();
  let sealing = held[0]?.epoch ?? 0;
  let fetching = 0;
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

  const add = (key: GossipKey) => {
    if (held.some((one) => one.epoch === key.epoch)) return;
    // Without room it is fetched again after the next start.
    ifRoom(() => void needs.rows.putKey(key));
    held = [key, ...held].sort((a, b) => b.epoch - a.epoch);
    later(NEW_KEY_PAUSE_MS, () => (sealing = Math.max(sealing, key.epoch)));
    later(OLD_KEY_KEPT_MS, () => forgetBefore(key.epoch));
  };
  // Only those before this one: a still newer key may not be everywhere yet.
  const forgetBefore = (epoch: number) => {
    ifRoom(() => void needs.rows.dropKeysBefore(epoch));
    held = held.filter((one) => one.epoch >= epoch);
  };
  // What a restart interrupted.
  const newestAtStart = held[0]?.epoch ?? 0;
  if (held.length > 1) later(OLD_KEY_KEPT_MS, () => forgetBefore(newestAtStart));

  const fetchFrom = async (body: KeyBody, author: string) => {
    for (const box of needs.holders(author)) {
      const key = await needs.fetch(box, body.epoch).catch(() => undefined);
      // Meanwhile the community may have been left, or a newer key have come.
      if (stopped || (held[0]?.epoch ?? 0) >= body.epoch) break;
      if (!key || key.length !== KEY_BYTES || keyCheck(key) !== body.check) continue;
      add({ epoch: body.epoch, key });
      break;
    }
    if (fetching === body.epoch) fetching = 0;
    if ((held[0]?.epoch ?? 0) < body.epoch) later(FETCH_RETRY_MS, () => keyring.wanted(body, author));
  };

  const keyring: Keyring = {
    keys: () =>
      held
        .toSorted((a, b) => Number(b.epoch === sealing) - Number(a.epoch === sealing) || b.epoch - a.epoch)
        .map((one) => one.key),
    epoch: () => held[0]?.epoch ?? 0,
    give: (epoch) => held.find((one) => one.epoch === epoch)?.key,
    rotate(nowMs) {
      const key = { epoch: (held[0]?.epoch ?? 0) + 1, key: needs.random.bytes(KEY_BYTES) };
      add(key);
      return { epoch: key.epoch, check: keyCheck(key.key), atMs: nowMs };
    },
    wanted(body, author) {
      if (stopped || body.epoch <= (held[0]?.epoch ?? 0) || fetching >= body.epoch) return;
      fetching = body.epoch;
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
