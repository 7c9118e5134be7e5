/** One file: looked at, noted, and repaired when it must be. The same for a round of care and for who asks now. */
import type { Clock } from "../../../kernel/clock.ts";
import type { KnownCap } from "../../../protocols/grid/caps.ts";
import { fileOf, formatCap, storageIndexOf, verifyCapOf } from "../../../protocols/grid/caps.ts";
import type { GridCrypto } from "../../../protocols/grid/crypto.ts";
import { encodeBase32 } from "../../../protocols/grid/base32.ts";
import type { CheckResult, Grid, RepairResult } from "../grid/grid.ts";
import type { CareStore, HealthRow } from "./care-store.ts";
import { CARE_GRACE_MS, CHECK_TIMEOUT_MS, REPAIR_TIMEOUT_MS, URGENT_SPARE } from "./constants.ts";

/** A file or folder that is kept, as a walk comes across it. */
export interface Tended {
  path: string;
  cap: KnownCap;
  /** Of a folder that could not be read: what is below it is not come across. */
  failure?: Error;
}

export interface Checking {
  /** Undefined for what is no share on any server: its content stands in its cap. */
  storageIndexOf(cap: KnownCap): string | undefined;
  /** Notes what it finds. */
  check(at: Tended, options: { verify?: boolean; round: number; signal: AbortSignal }): Promise<CheckResult>;
  repair(at: Tended, options: { verify?: boolean; round: number; signal: AbortSignal }): Promise<RepairResult>;
}

export interface CheckingNeeds {
  clock: Clock;
  crypto: GridCrypto;
  rows: CareStore;
  account: string;
  grid: Grid;
}

export function createChecking({ clock, crypto, rows, account, grid }: CheckingNeeds): Checking {
  const indexOf = (cap: KnownCap) => {
    const bytes = storageIndexOf(crypto, cap);
    return bytes && encodeBase32(bytes);
  };
  const note = ({ path, cap }: Tended, result: CheckResult, round: number) => {
    const storageIndex = indexOf(cap);
    const verifyCap = verifyCapOf(crypto, cap);
    if (storageIndex === undefined || !verifyCap) return;
    const before = rows.health(account, storageIndex);
    const { state, good, total, needed, servers, owners, zones } = result;
    const nowMs = clock.wallMs();
    const weakSinceMs = state === "healthy" ? null : (before?.weakSinceMs ?? nowMs);
    const facts = { state, good, total, needed, servers, owners, zones, checkedMs: nowMs, weakSinceMs, round };
    rows.setHealth({ account, storageIndex, path, verifyCap: formatCap(verifyCap), ...facts });
  };
  return {
    storageIndexOf: indexOf,
    async check(at, { verify = false, round, signal }) {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(CHECK_TIMEOUT_MS)]);
      const result = await grid.check(at.cap, { verify, renewLeases: true, signal: limited });
      note(at, result, round);
      return result;
    },
    async repair(at, { verify = false, round, signal }) {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(REPAIR_TIMEOUT_MS)]);
      const result = await grid.repair(at.cap, { verify, signal: limited });
      note(at, result.after, round);
      return result;
    },
  };
}

/** Whether what was found is to be repaired now, and not only watched: see CARE_GRACE_MS. */
export function isRepairDue(
  result: CheckResult,
  row: Pick<HealthRow, "weakSinceMs"> | undefined,
  nowMs: number,
): boolean {
  if (result.state !== "weak") return false;
  const allAnswered = result.silent.length === 0;
  const isUrgent = result.good < result.needed + URGENT_SPARE;
  const isOld = nowMs - (row?.weakSinceMs ?? nowMs) >= CARE_GRACE_MS;
  return allAnswered || isUrgent || isOld;
}

/**
 * What a repair moves over the line, about: it is read once, and what was written is a part of its shares. Where
 * nothing could be written nothing was read either, whatever the cap says of its size: care must not wait for that.
 */
export function repairBytes(cap: KnownCap, { written, after }: RepairResult, unknownBytes: number): number {
  if (written === 0) return unknownBytes;
  const file = fileOf(cap);
  const bytes = "size" in file ? file.size : unknownBytes;
  return bytes + (bytes * written) / Math.max(1, after.needed);
}
