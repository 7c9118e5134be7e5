/**
 * What a coordinator tidies up, a little at a time: keys whose end has come, and the memory of keys that were removed
 * long ago. That may only go when all members hold the same under one ballot; then no older content can come back.
 */
import { SWEEP_LOOKED_MAX, SWEEP_MS, SWEPT_KEYS_MAX, TOMBSTONE_MS } from "./constants.ts";
import { isExpired } from "./commands.ts";
import { compareBallots } from "./messages.ts";
import { compareVersions } from "./content.ts";
import type { Core } from "./core.ts";
import type { Slot } from "./slot.ts";
import type { Key, Version } from "./types.ts";

export class Sweeping {
  readonly #core: Core;
  #sweptMs = 0;
  #keys: Iterator<[Slot, Key]> | undefined;
  /** Removed keys, and since when this node has known them to be. */
  readonly #removed = new Map<Slot, Map<Key, { version: Version; sinceMs: number }>>();

  constructor(core: Core) {
    this.#core = core;
  }

  tick(): void {
    const core = this.#core;
    if (core.nowMs - this.#sweptMs < SWEEP_MS) return;
    this.#sweptMs = core.nowMs;
    this.#keys ??= this.#all();
    let ended = 0;
    for (let looked = 0; looked < SWEEP_LOOKED_MAX && ended < SWEPT_KEYS_MAX; looked++) {
      const next = this.#keys.next();
      if (next.done) {
        this.#keys = undefined;
        break;
      }
      const [slot, key] = next.value;
      const held = slot.keys.get(key);
      if (held?.isRemoved === true) this.#note(slot, key, held);
      else if (isExpired(held, core.wallMs)) {
        ended++;
        // A read finds that its end has come, and removes it.
        core.origin.ask(key, { type: "get" }, () => {});
      }
    }
    this.#forget();
  }

  *#all(): Generator<[Slot, Key]> {
    const core = this.#core;
    for (const slot of core.slots.values()) {
      if (slot.status !== "ready" || core.preferredOf(slot.view) !== core.self) continue;
      for (const key of slot.keys.keys()) yield [slot, key];
    }
  }

  #note(slot: Slot, key: Key, { round, node, n }: Version): void {
    const version = { round, node, n };
    const noted = this.#removed.get(slot) ?? new Map<Key, { version: Version; sinceMs: number }>();
    if (noted.size === 0) this.#removed.set(slot, noted);
    const before = noted.get(key);
    if (!before || compareVersions(before.version, version) !== 0)
      noted.set(key, { version, sinceMs: this.#core.nowMs });
  }

  #forget(): void {
    const core = this.#core;
    for (const [slot, noted] of this.#removed) {
      if (core.slots.get(slot.number) !== slot || slot.status !== "ready") {
        this.#removed.delete(slot);
        continue;
      }
      const old = [...noted].filter(([, { sinceMs }]) => core.nowMs - sinceMs >= TOMBSTONE_MS);
      if (old.length === 0) continue;
      const term = core.coordinator.agreedTerm(slot);
      if (!term) core.coordinator.renew(slot);
      else
        for (const [key, { version }] of old.slice(0, SWEPT_KEYS_MAX)) {
          const held = slot.keys.get(key);
          const isHeld = held && compareVersions(held, version) === 0;
          if (isHeld && compareBallots(version, term.ballot) >= 0) {
            core.coordinator.renew(slot);
            break;
          }
          noted.delete(key);
          if (!isHeld) continue;
          const of = { slot: slot.number, view: term.view.number, ballot: term.ballot };
          for (const node of term.view.members) core.sendNow(node, { type: "drop", ...of, key, version });
        }
      if (noted.size === 0) this.#removed.delete(slot);
    }
  }
}
