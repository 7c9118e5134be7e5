/**
 * Watches on a key or a prefix. Members hint at each content that they take to the nodes that watch it; a hint may come
 * before a majority has the content, or for one that never gets one, so the watcher reads the key and tells what is
 * true. It tells the versions of a key in their order, and may pass over some in between.
 */
import { WATCHED_KEYS_MAX, WATCHERS_MAX, WATCH_AGAIN_MS, WATCH_LASTS_MS } from "./constants.ts";
import { compareVersions } from "./content.ts";
import type { Core } from "./core.ts";
import type { Message } from "./messages.ts";
import type { Key, Result, Version } from "./types.ts";

type Of<T extends Message["type"]> = Extract<Message, { type: T }>;

interface Watch {
  prefix: Key;
  /** Newest version that was told. */
  told: Map<Key, Version>;
  /** Being read; true when another hint came meanwhile. */
  reading: Map<Key, boolean>;
  /** Of these, what could not be read: again with the next tick, since there may be no room for it now. */
  failed: Key[];
}

interface Watcher {
  node: number;
  id: number;
  prefix: Key;
  endMs: number;
}

export class Watching {
  readonly #core: Core;
  readonly #watches = new Map<number, Watch>();
  /** Of other nodes, on what this one holds. */
  readonly #watchers = new Map<string, Watcher>();
  #askedMs = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  start(id: number, prefix: Key): void {
    this.#watches.set(id, { prefix, told: new Map(), reading: new Map(), failed: [] });
    this.#tellAll(id, prefix, true);
  }

  stop(id: number): void {
    const watch = this.#watches.get(id);
    if (!watch) return;
    this.#watches.delete(id);
    this.#tellAll(id, watch.prefix, false);
  }

  #tellAll(id: number, prefix: Key, isOn: boolean): void {
    const core = this.#core;
    for (const node of new Set([...core.nodes, ...core.up])) core.sendNow(node, { type: "watch", id, prefix, isOn });
  }

  onWatch(from: number, { id, prefix, isOn }: Of<"watch">): void {
    const name = `${from} ${id}`;
    if (!isOn) return void this.#watchers.delete(name);
    if (!this.#watchers.has(name) && this.#watchers.size >= WATCHERS_MAX) return void this.#core.counts.stray++;
    this.#watchers.set(name, { node: from, id, prefix, endMs: this.#core.nowMs + WATCH_LASTS_MS });
  }

  /** This node has taken a content. */
  taken(key: Key, version: Version): void {
    for (const { node, id, prefix } of this.#watchers.values())
      if (key.startsWith(prefix)) this.#core.send(node, { type: "changed", id, key, version });
  }

  onChanged({ id, key, version }: Of<"changed">): void {
    const watch = this.#watches.get(id);
    // A member that lies may hint at anything.
    if (!watch || !key.startsWith(watch.prefix)) return;
    const told = watch.told.get(key);
    if (told && compareVersions(version, told) <= 0) return;
    if (watch.reading.has(key)) return void watch.reading.set(key, true);
    if (watch.reading.size >= WATCHED_KEYS_MAX) return void this.#core.counts.stray++;
    this.#read(id, watch, key);
  }

  #read(id: number, watch: Watch, key: Key): void {
    watch.reading.set(key, false);
    this.#core.origin.ask(key, { type: "get" }, (result) => {
      if (this.#watches.get(id) !== watch) return;
      if (!result) return void watch.failed.push(key);
      const isAgain = watch.reading.get(key);
      watch.reading.delete(key);
      this.#tell(id, watch, key, result);
      if (isAgain) this.#read(id, watch, key);
    });
  }

  #tell(id: number, watch: Watch, key: Key, result: Result): void {
    const now = result.status === "done" ? result.after : undefined;
    const told = watch.told.get(key);
    if (now && told && compareVersions(now.version, told) <= 0) return;
    watch.told.delete(key);
    // A key that is not there has no version that is known here: what comes next is newer.
    if (now) watch.told.set(key, now.version);
    if (watch.told.size > WATCHED_KEYS_MAX) watch.told.delete(watch.told.keys().next().value!);
    this.#core.emit({ type: "changed", id, key, now });
  }

  tick(): void {
    const { nowMs } = this.#core;
    for (const [name, { endMs }] of this.#watchers) if (nowMs >= endMs) this.#watchers.delete(name);
    for (const [id, watch] of this.#watches) for (const key of watch.failed.splice(0)) this.#read(id, watch, key);
    if (nowMs - this.#askedMs < WATCH_AGAIN_MS) return;
    this.#askedMs = nowMs;
    for (const [id, { prefix }] of this.#watches) this.#tellAll(id, prefix, true);
  }
}
