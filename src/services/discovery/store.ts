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

export interface Sample {
  atMs: number;
  ok: boolean;
  rttMs: number | null;
  firstByteMs: number | null;
}

/** Samples kept per service; the oldest goes first. */
export const SAMPLES_PER_SERVICE_MAX = 100;
/** Samples older than this are forgotten. */
export const SAMPLE_AGE_MS_MAX = 7 * 86_400_000;

const MIGRATIONS = [
  `CREATE TABLE discovery_own (key TEXT PRIMARY KEY, body TEXT NOT NULL, checkKind TEXT NOT NULL, state TEXT NOT NULL,
     reason TEXT) STRICT;
   CREATE TABLE discovery_samples (service TEXT NOT NULL, atMs INTEGER NOT NULL, ok INTEGER NOT NULL, rttMs REAL,
     firstByteMs REAL, PRIMARY KEY (service, atMs)) STRICT, WITHOUT ROWID;
   CREATE TABLE discovery_growth (day TEXT PRIMARY KEY, boxes INTEGER NOT NULL, services INTEGER NOT NULL) STRICT;`,
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

    samples(service: string): Sample[] {
      const rows = store
        .prepare<{ atMs: number; ok: number; rttMs: number | null; firstByteMs: number | null }>(
          "SELECT atMs, ok, rttMs, firstByteMs FROM discovery_samples WHERE service = ? ORDER BY atMs",
        )
        .all(service);
      return rows.map((row) => ({ ...row, ok: row.ok === 1 }));
    },
    /** The ids of all services that have samples. */
    sampled: () =>
      store
        .prepare<{ service: string }>("SELECT DISTINCT service FROM discovery_samples")
        .all()
        .map((row) => row.service),
    addSample(service: string, sample: Sample) {
      store.transaction(() => {
        store
          .prepare(
            "INSERT OR REPLACE INTO discovery_samples (service, atMs, ok, rttMs, firstByteMs) VALUES (?, ?, ?, ?, ?)",
          )
          .run(service, sample.atMs, sample.ok ? 1 : 0, sample.rttMs, sample.firstByteMs);
        store
          .prepare(`DELETE FROM discovery_samples WHERE service = ?1 AND (atMs < ?2 OR atMs <
             (SELECT min(atMs) FROM
               (SELECT atMs FROM discovery_samples WHERE service = ?1 ORDER BY atMs DESC LIMIT ?3)))`)
          .run(service, sample.atMs - SAMPLE_AGE_MS_MAX, SAMPLES_PER_SERVICE_MAX);
      });
    },
    forgetSamples: (service: string) => store.prepare("DELETE FROM discovery_samples WHERE service = ?").run(service),

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
