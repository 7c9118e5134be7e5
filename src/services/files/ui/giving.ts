/** The steps of the slider by which a box gives disk: fine at the small end, coarse at the large one. Pure. */

/** As disks are sold, and as the page tells all sizes. */
export const GB = 1e9;
const MIB = 1024 ** 2;
const STEPS_GB = [0, 1, 2, 5, 10, 20, 50, 100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 4000, 6000, 8000] as const;
/** Of the free disk, as much is left to the box itself. */
const KEPT_SHARE = 0.1;

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
