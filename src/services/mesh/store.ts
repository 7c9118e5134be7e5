/**
 * Tables of the mesh: the community's records as they came, a few facts about the community, and the addresses of
 * known boxes, which are tried when the box starts.
 */
import type { Store } from "../../platform/store.ts";
import type { SignedRecord } from "../../protocols/records/record.ts";

export interface KnownAddress {
  box: string;
  address: string;
  port: number;
  seenMs: number;
}

export interface GossipKey {
  /** Rises with each change of the community's key. */
  epoch: number;
  key: Uint8Array;
}

/** A line of the event log as it is stored; `params` is JSON. */
export interface EventRow {
  id: number;
  atMs: number;
  type: string;
  member: string;
  params: string;
}

/** Addresses remembered; the ones heard of longest ago go first. */
export const ADDRESSES_MAX = 512;

const MIGRATIONS = [
  `CREATE TABLE mesh_records (author TEXT NOT NULL, ref TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (author, ref))
     STRICT, WITHOUT ROWID;
   CREATE TABLE mesh_facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
   CREATE TABLE mesh_keys (epoch INTEGER PRIMARY KEY, key BLOB NOT NULL) STRICT;
   CREATE TABLE mesh_addresses (box TEXT PRIMARY KEY, address TEXT NOT NULL, port INTEGER NOT NULL,
     seenMs INTEGER NOT NULL) STRICT;`,
  `CREATE TABLE mesh_events (id INTEGER PRIMARY KEY, atMs INTEGER NOT NULL, type TEXT NOT NULL, member TEXT NOT NULL,
     params TEXT NOT NULL) STRICT;`,
];

export type MeshStore = ReturnType<typeof meshStore>;

export function meshStore(store: Store) {
  store.migrate("mesh", MIGRATIONS);
  const fact = (name: string) =>
    store.prepare<{ value: string }>("SELECT value FROM mesh_facts WHERE name = ?").get(name)?.value;
  const setFact = (name: string, value: string) =>
    void store.prepare("INSERT OR REPLACE INTO mesh_facts (name, value) VALUES (?, ?)").run(name, value);
  return {
    transaction: store.transaction,
    fact,
    setFact,
    /** Facts whose names begin so; no wildcard in it. */
    factsLike: (prefix: string) =>
      store
        .prepare<{ name: string; value: string }>("SELECT name, value FROM mesh_facts WHERE name LIKE ? || '%'")
        .all(prefix),
    dropFact: (name: string) => void store.prepare("DELETE FROM mesh_facts WHERE name = ?").run(name),
    *records(): Generator<unknown> {
      for (const { record } of store.each<{ record: string }>("SELECT record FROM mesh_records"))
        yield JSON.parse(record);
    },
    putRecord: (record: SignedRecord, ref: string) =>
      store
        .prepare("INSERT OR REPLACE INTO mesh_records (author, ref, record) VALUES (?, ?, ?)")
        .run(record.author, ref, JSON.stringify(record)),
    dropRecord: (author: string, ref: string) =>
      store.prepare("DELETE FROM mesh_records WHERE author = ? AND ref = ?").run(author, ref),

    keys: () => store.prepare<GossipKey>("SELECT epoch, key FROM mesh_keys ORDER BY epoch DESC").all(),
    putKey: ({ epoch, key }: GossipKey) =>
      store.prepare("INSERT OR REPLACE INTO mesh_keys (epoch, key) VALUES (?, ?)").run(epoch, key),
    dropKeysBefore: (epoch: number) => store.prepare("DELETE FROM mesh_keys WHERE epoch < ?").run(epoch),

    addresses: () => store.prepare<KnownAddress>("SELECT * FROM mesh_addresses ORDER BY seenMs DESC").all(),
    noteAddress(known: KnownAddress) {
      store
        .prepare("INSERT OR REPLACE INTO mesh_addresses (box, address, port, seenMs) VALUES (?, ?, ?, ?)")
        .run(known.box, known.address, known.port, known.seenMs);
      store
        .prepare(
          "DELETE FROM mesh_addresses WHERE box NOT IN (SELECT box FROM mesh_addresses ORDER BY seenMs DESC LIMIT ?)",
        )
        .run(ADDRESSES_MAX);
    },

    events: () => store.prepare<EventRow>("SELECT * FROM mesh_events ORDER BY id").all(),
    /** Adds some, and drops those before `firstId`. */
    addEvents(rows: readonly EventRow[], firstId: number) {
      store.transaction(() => {
        const add = store.prepare(
          "INSERT OR REPLACE INTO mesh_events (id, atMs, type, member, params) VALUES (?,?,?,?,?)",
        );
        for (const { id, atMs, type, member, params } of rows) add.run(id, atMs, type, member, params);
        store.prepare("DELETE FROM mesh_events WHERE id < ?").run(firstId);
      });
    },

    /** Forgets the community; the own numbering goes on, so that no number is ever used twice by this key. */
    forgetCommunity() {
      store.transaction(() => {
        for (const table of ["mesh_records", "mesh_keys", "mesh_addresses", "mesh_events"])
          store.exec(`DELETE FROM ${table}`);
        store.prepare("DELETE FROM mesh_facts WHERE name <> 'ownSeq'").run();
      });
    },
  };
}
