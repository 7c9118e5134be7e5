/** Tables of care: how each file was at its last check, and the verify caps that other boxes left here. */
import type { Store } from "../../../platform/store.ts";

const MIGRATIONS = [
  `CREATE TABLE files_health (account TEXT NOT NULL, storageIndex TEXT NOT NULL, path TEXT NOT NULL,
     verifyCap TEXT NOT NULL, state TEXT NOT NULL, good INTEGER NOT NULL, total INTEGER NOT NULL,
     needed INTEGER NOT NULL, servers INTEGER NOT NULL, owners INTEGER NOT NULL, zones INTEGER NOT NULL,
     checkedMs INTEGER NOT NULL, weakSinceMs INTEGER, round INTEGER NOT NULL,
     PRIMARY KEY (account, storageIndex)) STRICT, WITHOUT ROWID;
   CREATE INDEX files_health_state ON files_health(state, account);
   CREATE TABLE files_deposits (boxId TEXT NOT NULL, verifyCap TEXT NOT NULL, seenMs INTEGER NOT NULL,
     checkedMs INTEGER NOT NULL, PRIMARY KEY (boxId, verifyCap)) STRICT, WITHOUT ROWID;
   CREATE INDEX files_deposits_checked ON files_deposits(boxId, checkedMs);`,
  `ALTER TABLE files_deposits ADD COLUMN weakSinceMs INTEGER;`,
];

export interface HealthRow {
  account: string;
  storageIndex: string;
  /** Where it was seen. */
  path: string;
  verifyCap: string;
  state: "healthy" | "weak" | "lost";
  good: number;
  total: number;
  needed: number;
  servers: number;
  owners: number;
  zones: number;
  checkedMs: number;
  weakSinceMs: number | null;
  /** In which it was last come across; what is in none of late is no file any more. */
  round: number;
}

export interface DepositRow {
  boxId: string;
  verifyCap: string;
  seenMs: number;
  checkedMs: number;
  weakSinceMs: number | null;
}

const HEALTH = [
  ...["account", "storageIndex", "path", "verifyCap", "state", "good", "total", "needed", "servers", "owners"],
  ...["zones", "checkedMs", "weakSinceMs", "round"],
] as const satisfies readonly (keyof HealthRow)[];

export type CareStore = ReturnType<typeof careStore>;

export function careStore(store: Store) {
  store.migrate("files-care", MIGRATIONS);
  const set = `INSERT OR REPLACE INTO files_health (${HEALTH.join(", ")}) VALUES (${HEALTH.map(() => "?").join(", ")})`;
  return {
    health: (account: string, storageIndex: string) =>
      store
        .prepare<HealthRow>("SELECT * FROM files_health WHERE account = ? AND storageIndex = ?")
        .get(account, storageIndex),
    setHealth: (row: HealthRow) => store.prepare(set).run(...HEALTH.map((key) => row[key])),
    /** Is something not well, and was not looked at since? */
    hasBadBefore: (beforeMs: number) =>
      store.prepare("SELECT 1 FROM files_health WHERE state <> 'healthy' AND checkedMs < ? LIMIT 1").get(beforeMs) !==
      undefined,
    /** Still there, and not checked again. */
    seen: (account: string, storageIndex: string, round: number) =>
      store
        .prepare("UPDATE files_health SET round = ? WHERE account = ? AND storageIndex = ?")
        .run(round, account, storageIndex),
    /** A whole round did not come across these. */
    dropUnseen: (account: string, round: number) =>
      store.prepare("DELETE FROM files_health WHERE account = ? AND round <> ?").run(account, round),
    /** Of accounts that are no more. */
    dropOthers: (accounts: readonly string[]) =>
      store
        .prepare("DELETE FROM files_health WHERE account NOT IN (SELECT value FROM json_each(?))")
        .run(JSON.stringify(accounts)),
    dropAccount: (account: string) => store.prepare("DELETE FROM files_health WHERE account = ?").run(account),
    counts(account?: string): Record<HealthRow["state"], number> {
      const rows = store
        .prepare<{ state: HealthRow["state"]; n: number }>(
          "SELECT state, count(*) AS n FROM files_health WHERE ?1 IS NULL OR account = ?1 GROUP BY state",
        )
        .all(account ?? null);
      const found = new Map(rows.map(({ state, n }) => [state, n]));
      return { healthy: found.get("healthy") ?? 0, weak: found.get("weak") ?? 0, lost: found.get("lost") ?? 0 };
    },
    /** In pages by storage index: what is deposited with others. */
    verifyCaps: (account: string, after: string, limit: number) =>
      store
        .prepare<{ storageIndex: string; verifyCap: string }>(
          `SELECT storageIndex, verifyCap FROM files_health WHERE account = ? AND storageIndex > ?
           ORDER BY storageIndex LIMIT ?`,
        )
        .all(account, after, limit),

    depositsOf: (boxId: string) =>
      store.prepare<{ n: number }>("SELECT count(*) AS n FROM files_deposits WHERE boxId = ?").get(boxId)!.n,
    deposits: () => store.prepare<{ n: number }>("SELECT count(*) AS n FROM files_deposits").get()!.n,
    depositors: () => store.prepare<{ boxId: string }>("SELECT DISTINCT boxId FROM files_deposits").all(),
    deposit: (boxId: string, verifyCap: string, nowMs: number) =>
      store
        .prepare(
          `INSERT INTO files_deposits (boxId, verifyCap, seenMs, checkedMs) VALUES (?, ?, ?, 0)
           ON CONFLICT (boxId, verifyCap) DO UPDATE SET seenMs = excluded.seenMs`,
        )
        .run(boxId, verifyCap, nowMs),
    /** The one of this box that was looked at longest ago, if that is before; of those that are weak, before that. */
    dueDeposit: (boxId: string, beforeMs: number, weakBeforeMs: number) =>
      store
        .prepare<DepositRow>(
          `SELECT * FROM files_deposits
           WHERE boxId = ?1 AND (checkedMs < ?2 OR weakSinceMs IS NOT NULL AND checkedMs < ?3)
           ORDER BY checkedMs LIMIT 1`,
        )
        .get(boxId, beforeMs, weakBeforeMs),
    depositChecked: ({ boxId, verifyCap }: DepositRow, nowMs: number) =>
      store
        .prepare("UPDATE files_deposits SET checkedMs = ? WHERE boxId = ? AND verifyCap = ?")
        .run(nowMs, boxId, verifyCap),
    depositWeak: ({ boxId, verifyCap }: DepositRow, weakSinceMs: number | null) =>
      store
        .prepare("UPDATE files_deposits SET weakSinceMs = ? WHERE boxId = ? AND verifyCap = ?")
        .run(weakSinceMs, boxId, verifyCap),
    dropDepositsBefore: (seenMs: number) =>
      store.prepare("DELETE FROM files_deposits WHERE seenMs < ?").run(seenMs).changes,
  };
}
