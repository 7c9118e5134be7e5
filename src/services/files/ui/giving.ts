/** The steps of the slider by which a box gives disk: fine at the small end, coarse at the large one. Pure. */

/** As disks are sold, and as the page tells all sizes. */
export const GB = 1e9;
const MIB = 1024 ** 2;
const STEPS_GB = [0, 1, 2, 5, 10, 20, 50, 100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 4000, 6000, 8000] as const;
/** Of the free disk, as much is left to the box itself. */
const KEPT_SHARE = 0.1;

/** What `files given` tells of one account. */
export interface Given {
  member: string;
  account: string | null;
  box: string;
  owner: string | null;
  usedBytes: number;
  quotaBytes: number;
  boxUsedBytes: number | null;
  boxQuotaBytes: number | null;
}

export interface User {
  key: string;
  /** An account of this box by its name; of another box all together. */
  account: string | null;
  box: string;
  owner: string | null;
  accounts: number;
  usedBytes: number;
  quotaBytes: number;
}

/** Own accounts each by itself; those of another box have no names here, and one limit. */
export function usersOf(given: readonly Given[]): User[] {
  const users = new Map<string, User>();
  for (const { member, account, box, owner, usedBytes, quotaBytes, boxUsedBytes, boxQuotaBytes } of given) {
    const isOwn = boxQuotaBytes === null;
    // The box itself asks for room, too, for what it looks after while others are away.
    if (isOwn && account === null && usedBytes === 0) continue;
    const key = isOwn ? member : `box ${box} ${owner}`;
    const used = isOwn ? { usedBytes, quotaBytes } : { usedBytes: boxUsedBytes ?? 0, quotaBytes: boxQuotaBytes };
    users.set(key, { key, account, box, owner, accounts: (users.get(key)?.accounts ?? 0) + 1, ...used });
  }
  return [...users.values()];
}

/** What can be given, in GB, ascending; what is given now is among it even where it is no round number. */
export function stepsOf(freeBytes: number, givenBytes: number, usedBytes: number): number[] {
  // What is stored here already is on the disk already.
  const maxGb = ((freeBytes + usedBytes) * (1 - KEPT_SHARE)) / GB;
  const steps = STEPS_GB.filter((gb) => gb <= maxGb);
  return [...new Set([...steps, givenGb(givenBytes)])].toSorted((a, b) => a - b);
}

/** Calls round to MiB, so that 100 GB come back as a little more. */
export function givenGb(bytes: number): number {
  return Math.round((bytes / GB) * 100) / 100;
}

/** As a call takes it: "95368MiB" for 100 GB. */
export function sizeInput(gb: number): string {
  return `${Math.max(1, Math.ceil((gb * GB) / MIB))}MiB`;
}
