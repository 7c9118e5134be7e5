/**
 * The storage servers that this box knows now: those that its mesh tells of, and those of imported lists. The list
 * changes while it is used. A server of several sources is one server, as the first source that has it says; who
 * leaves, or comes back under another key, has its connections closed.
 */
import type { Log } from "../../../kernel/log.ts";
import { formatNurl } from "./nurl.ts";
import type { GridServer } from "./server.ts";
import { SERVERS_MAX } from "./constants.ts";
import type { ServerPlace } from "./storage-client.ts";

/** Later ones only add servers. What the mesh says is signed by the box itself. */
export const SERVER_SOURCES = ["mesh", "imported"] as const;
export type ServerSource = (typeof SERVER_SOURCES)[number];

/** A server that looks whether it is there, until it is closed. */
export interface OpenServer extends GridServer {
  start(): void;
  close(): void;
}

export interface ServerListNeeds {
  log: Log;
  open: (place: ServerPlace) => OpenServer;
}

interface Listed {
  /** All that makes another server of it. */
  face: string;
  server: OpenServer;
}

export class ServerList {
  readonly #needs: ServerListNeeds;
  readonly #sources = new Map<ServerSource, readonly ServerPlace[]>();
  readonly #listeners = new Set<() => void>();
  #listed = new Map<string, Listed>();
  #servers: readonly GridServer[] = [];

  constructor(needs: ServerListNeeds) {
    this.#needs = needs;
  }

  /** The same array until the list changes. */
  servers(): readonly GridServer[] {
    return this.#servers;
  }

  /** Replaces what this source says. At most `SERVERS_MAX` of all sources are used. */
  set(source: ServerSource, places: readonly ServerPlace[]): void {
    this.#sources.set(source, places);
    const before = this.#listed;
    this.#listed = new Map();
    for (const place of this.#merged()) {
      const face = faceOf(place);
      const known = before.get(place.id);
      this.#listed.set(place.id, known?.face === face ? known : { face, server: this.#open(place) });
    }
    const gone = [...before].filter(([id, one]) => this.#listed.get(id) !== one);
    for (const [, { server }] of gone) server.close();
    if (gone.length === 0 && this.#listed.size === before.size) return;
    this.#servers = [...this.#listed.values()].map(({ server }) => server);
    for (const listener of this.#listeners) listener();
  }

  /** Calls `listener` after each change, until what it returns is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close(): void {
    this.#listeners.clear();
    for (const { server } of this.#listed.values()) server.close();
    this.#listed.clear();
    this.#servers = [];
  }

  #merged(): ServerPlace[] {
    const merged = new Map<string, ServerPlace>();
    let dropped = 0;
    for (const source of SERVER_SOURCES) {
      for (const place of this.#sources.get(source) ?? []) {
        const known = merged.get(place.id);
        if (known) merged.set(place.id, together(known, place));
        else if (merged.size < SERVERS_MAX) merged.set(place.id, place);
        else dropped += 1;
      }
    }
    if (dropped > 0) this.#needs.log.warn("more storage servers than are used", { dropped, used: SERVERS_MAX });
    return [...merged.values()];
  }

  #open(place: ServerPlace): OpenServer {
    const server = this.#needs.open(place);
    server.start();
    return server;
  }
}

/** `other` may know further addresses of the same key, and nothing else. */
function together(known: ServerPlace, other: ServerPlace): ServerPlace {
  const texts = new Set(known.nurls.map(formatNurl));
  const pins = new Set(known.nurls.map(({ pin }) => pin));
  const further = other.nurls.filter((nurl) => pins.has(nurl.pin) && !texts.has(formatNurl(nurl)));
  return { ...known, owner: known.owner ?? other.owner, nurls: [...known.nurls, ...further] };
}

function faceOf({ name, seed, tubId, owner, zone, nurls }: ServerPlace): string {
  const bytes = [seed, tubId].map((one) => Buffer.from(one).toString("hex"));
  return JSON.stringify([name, owner, zone, ...bytes, ...nurls.map(formatNurl)]);
}
