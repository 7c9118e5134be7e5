/**
 * Tables of discovery: what this box itself offers, and what was measured of others' services.
 */
import type { Store } from "../../platform/store.ts";
import type { ServiceBody } from "./body.ts";
import type { CheckKind } from "./kinds.ts";

export type OwnState = "up" | "failing" | "withdrawn";

export interface OwnService {
  key: string;
  body: ServiceBody;
  check: CheckKind;
  state: OwnState;
  /** Why it fails: a code such as "refused". */
  reason: string | null;
}

/** The history of one service as it is stored (history.ts). */
export interface HistoryRow {
  service: string;
  data: string;
}

const MIGRATIONS = [
  `CREATE TABLE discovery_own (key TEXT PRIMARY KEY, body TEXT NOT NULL, checkKind TEXT NOT NULL, state TEXT NOT NULL,
     reason TEXT) STRICT;
   CREATE TABLE discovery_samples (service TEXT NOT NULL, atMs INTEGER NOT NULL, ok INTEGER NOT NULL, rttMs REAL,
     firstByteMs REAL, PRIMARY KEY (service, atMs)) STRICT, WITHOUT ROWID;
   CREATE TABLE discovery_growth (day TEXT PRIMARY KEY, boxes INTEGER NOT NULL, services INTEGER NOT NULL) STRICT;`,
  // Measurements one by one became hours; what was measured before is measured again within the hour.
  `DROP TABLE discovery_samples;
   CREATE TABLE discovery_history (service TEXT PRIMARY KEY, data TEXT NOT NULL) STRICT;`,
];

export type DiscoveryStore = ReturnType<typeof discoveryStore>;

export function discoveryStore(store: Store) {
  store.migrate("discovery", MIGRATIONS);
  return {
    own(): OwnService[] {
      const rows = store
        .prepare<{ key: string; body: string; checkKind: CheckKind; state: OwnState; reason: string | null }>(
          "SELECT * FROM discovery_own ORDER BY key",
        )
        .all();
      return rows.map(({ checkKind, body, ...row }) => ({
        ...row,
        check: checkKind,
        body: JSON.parse(body) as ServiceBody,
      }));
    },
    saveOwn: (own: OwnService) =>
      store
        .prepare("INSERT OR REPLACE INTO discovery_own (key, body, checkKind, state, reason) VALUES (?, ?, ?, ?, ?)")
        .run(own.key, JSON.stringify(own.body), own.check, own.state, own.reason),
    removeOwn: (key: string) => store.prepare("DELETE FROM discovery_own WHERE key = ?").run(key),

    history: (service: string): string | undefined =>
      store.prepare<HistoryRow>("SELECT data FROM discovery_history WHERE service = ?").get(service)?.data,
    /** Histories by service, some at a time: those after the given one. */
    historiesAfter: (service: string, most: number): HistoryRow[] =>
      store
        .prepare<HistoryRow>("SELECT * FROM discovery_history WHERE service > ? ORDER BY service LIMIT ?")
        .all(service, most),
    /** Writes and forgets in one transaction. */
    saveHistories(rows: readonly HistoryRow[], forgotten: readonly string[]) {
      store.transaction(() => {
        const put = store.prepare("INSERT OR REPLACE INTO discovery_history (service, data) VALUES (?, ?)");
        for (const { service, data } of rows) put.run(service, data);
        const drop = store.prepare("DELETE FROM discovery_history WHERE service = ?");
        for (const service of forgotten) drop.run(service);
      });
    },

    noteGrowth: (day: string, boxes: number, services: number) =>
      store
        .prepare("INSERT OR REPLACE INTO discovery_growth (day, boxes, services) VALUES (?, ?, ?)")
        .run(day, boxes, services),
    growth: (days: number) =>
      store
        .prepare<{ day: string; boxes: number; services: number }>(
          "SELECT * FROM (SELECT * FROM discovery_growth ORDER BY day DESC LIMIT ?) ORDER BY day",
        )
        .all(days),
  };
}
