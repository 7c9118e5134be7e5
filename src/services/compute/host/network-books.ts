/**
 * What home boxes told this host about their slices: who the others are, and where. It is on the disk, so that a
 * network stands again after a restart also while the home box is away.
 */
import { ifRoom } from "../../../platform/disk-room.ts";
import type { Store } from "../../../platform/store.ts";
import type { Member, ToldSlice } from "../../../protocols/compute/network.ts";
import { decodeMessage } from "../messages.ts";
import { NETWORK_PATH, networkQuestion, sliceMembers } from "../messages-network.ts";
import type { Books } from "./books.ts";
import type { Answer } from "./hosting.ts";

const MIGRATIONS = [
  `CREATE TABLE compute_networks (home TEXT NOT NULL, slice TEXT NOT NULL, members TEXT NOT NULL,
     PRIMARY KEY (home, slice)) STRICT, WITHOUT ROWID;`,
];

export class NetworkBooks {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
    store.migrate("compute-networks", MIGRATIONS);
  }

  all(): ToldSlice[] {
    const rows = this.#store.prepare<{ home: string; slice: string; members: string }>(
      "SELECT * FROM compute_networks",
    );
    return rows
      .all()
      .map(({ home, slice, members }) => ({ home, slice, members: sliceMembers.parse(JSON.parse(members)) }));
  }

  /** True when it is news. Throws `disk-full`. */
  tell({ home, slice, members }: { home: string; slice: string; members: readonly Member[] }): boolean {
    const text = JSON.stringify(members);
    const known = this.#store
      .prepare<{ members: string }>("SELECT members FROM compute_networks WHERE home = ? AND slice = ?")
      .get(home, slice);
    if (known?.members === text) return false;
    this.#store
      .prepare("INSERT OR REPLACE INTO compute_networks (home, slice, members) VALUES (?, ?, ?)")
      .run(home, slice, text);
    return true;
  }

  /** Forgets slices that have no sliver here any more; on a full disk some other time. */
  keep(isHere: (home: string, slice: string) => boolean): void {
    const sql = "DELETE FROM compute_networks WHERE home = ? AND slice = ?";
    for (const { home, slice } of this.all()) {
      if (!isHere(home, slice)) ifRoom(() => void this.#store.prepare(sql).run(home, slice));
    }
  }
}

export interface NetworkAnswersNeeds {
  books: Books;
  told: NetworkBooks;
  /** There is news. */
  changed: () => void;
}

/** Home boxes are believed about slices of theirs that have a sliver here. */
export function networkAnswers({ books, told, changed }: NetworkAnswersNeeds): Record<string, Answer> {
  return {
    [NETWORK_PATH](peer, body) {
      const { slice, members } = decodeMessage(networkQuestion, body);
      const isKnown = books.all().some((one) => one.borrower.box === peer && one.slice === slice);
      if (isKnown && told.tell({ home: peer, slice, members })) changed();
      return { known: isKnown };
    },
  };
}
