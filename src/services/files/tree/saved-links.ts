/** Links of others that a member keeps: "Shared with me". What is behind them is asked for when it is looked at. */
import type { Clock } from "../../../kernel/clock.ts";
import type { Random } from "../../../kernel/random.ts";
import { encodeBase32 } from "../../../protocols/grid/base32.ts";
import { filesErrors } from "../errors.ts";
import { LINKS_MAX } from "./constants.ts";
import type { TreeStore } from "./store.ts";

export interface SavedLink {
  id: string;
  url: string;
  name: string;
  /** What it allowed when it was kept. */
  mode: "read" | "write";
  madeMs: number;
}

interface Row {
  id: string;
  url: string;
  name: string;
  mode: "read" | "write";
  made_ms: number;
}

export class SavedLinks {
  readonly #store: TreeStore;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor({ store, clock, random }: { store: TreeStore; clock: Clock; random: Random }) {
    this.#store = store;
    this.#clock = clock;
    this.#random = random;
  }

  /** The same one again when it is kept already. Throws `files-too-many`. */
  add(account: string, url: string, name: string, mode: SavedLink["mode"] = "read"): SavedLink {
    const before = this.#store
      .query<{ id: string }>("SELECT id FROM files_links WHERE account = ? AND url = ?")
      .get(account, url);
    if (before) return this.get(account, before.id);
    const count = this.#store.query<{ count: number }>("SELECT count(*) AS count FROM files_links WHERE account = ?");
    if (count.get(account)!.count >= LINKS_MAX) {
      throw filesErrors.fail("files-too-many", { params: { limit: LINKS_MAX } });
    }
    const id = encodeBase32(this.#random.bytes(10));
    this.#store
      .query("INSERT INTO files_links VALUES (?, ?, ?, ?, ?, ?)")
      .run(id, account, url, name, mode, this.#clock.wallMs());
    return this.get(account, id);
  }

  list(account: string): SavedLink[] {
    return this.#store
      .query<Row>(
        "SELECT id, url, name, mode, made_ms FROM files_links WHERE account = ? ORDER BY made_ms DESC, rowid DESC",
      )
      .all(account)
      .map(linkOf);
  }

  /** Throws `files-link-gone`. */
  get(account: string, id: string): SavedLink {
    const found = this.#store
      .query<Row>("SELECT id, url, name, mode, made_ms FROM files_links WHERE account = ? AND id = ?")
      .get(account, id);
    if (!found) throw filesErrors.fail("files-link-gone");
    return linkOf(found);
  }

  drop(account: string, id: string): void {
    this.#store.query("DELETE FROM files_links WHERE account = ? AND id = ?").run(account, id);
  }
}

function linkOf({ id, url, name, mode, made_ms }: Row): SavedLink {
  return { id, url, name, mode, madeMs: made_ms };
}
