/**
 * What a simulated storage server keeps: shares, write enablers, leases, uploads. Plain data, so that it can be copied
 * (an older state comes back), damaged and thrown away.
 */
import type { RangeSet } from "../../src/services/files/storage/ranges.ts";
import { LEASE_DURATION_S } from "../../src/services/files/storage/constants.ts";
import type { StorageMember } from "../../src/services/files/storage/room.ts";

export interface Share {
  bytes: Uint8Array;
  /** Who allocated it: it takes of their room. */
  member: string;
  /** Renewal secret in hex → until when, on the server's wall clock. */
  leases: Map<string, number>;
}

export interface Slot {
  writeEnabler: Uint8Array;
  shares: Map<number, Share>;
}

export interface Upload {
  bytes: Uint8Array;
  written: RangeSet;
  secret: Uint8Array;
  member: StorageMember;
  renewSecret: Uint8Array;
}

export class Disk {
  immutable = new Map<string, Map<number, Share>>();
  mutable = new Map<string, Slot>();
  uploads = new Map<string, Upload>();

  sharesOf(index: string): Map<number, Share> {
    return this.immutable.get(index) ?? this.mutable.get(index)?.shares ?? new Map<number, Share>();
  }

  /** All complete shares, with where they are. */
  *all(): Generator<{ index: string; number: number; share: Share; shares: Map<number, Share> }> {
    const slots = [...this.mutable].map(([index, { shares }]) => [index, shares] as const);
    for (const [index, shares] of [...this.immutable, ...slots]) {
      for (const [number, share] of shares) yield { index, number, share, shares };
    }
  }

  copy(): Disk {
    const disk = new Disk();
    const copied = (shares: Map<number, Share>) =>
      new Map(
        [...shares].map(([number, one]) => [number, { ...one, bytes: one.bytes.slice(), leases: new Map(one.leases) }]),
      );
    for (const [index, shares] of this.immutable) disk.immutable.set(index, copied(shares));
    for (const [index, { writeEnabler, shares }] of this.mutable) {
      disk.mutable.set(index, { writeEnabler, shares: copied(shares) });
    }
    return disk;
  }

  /** Removes shares of which all leases have ended, as a server does whose owner wants it. Gives how many. */
  expire(nowMs: number): number {
    let gone = 0;
    for (const { number, share, shares } of [...this.all()]) {
      if ([...share.leases.values()].some((untilMs) => untilMs > nowMs)) continue;
      shares.delete(number);
      gone += 1;
    }
    return gone;
  }
}

export function renew(share: Share, renewSecret: Uint8Array, nowMs: number): void {
  const name = Buffer.from(renewSecret).toString("hex");
  const untilMs = nowMs + LEASE_DURATION_S * 1000;
  share.leases.set(name, Math.max(untilMs, share.leases.get(name) ?? 0));
}
