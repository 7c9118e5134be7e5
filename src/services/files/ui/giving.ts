/** The steps of the slider by which a box gives disk: fine at the small end, coarse at the large one. Pure. */

export const GIB = 1024 ** 3;
const STEPS_GIB = [0, 1, 2, 5, 10, 20, 50, 100, 200, 300, 500, 750, 1024, 1536, 2048, 3072, 4096, 6144, 8192] as const;
/** Of the free disk, as much is left to the box itself. */
const KEPT_SHARE = 0.1;

/** What can be given, in GiB, ascending; what is given now is among it even where it is no round number. */
export function stepsOf(freeBytes: number, givenBytes: number, usedBytes: number): number[] {
  // What is stored here already is on the disk already.
  const maxGib = ((freeBytes + usedBytes) * (1 - KEPT_SHARE)) / GIB;
  const nowGib = Math.round((givenBytes / GIB) * 100) / 100;
  const steps = STEPS_GIB.filter((gib) => gib <= maxGib);
  return [...new Set([...steps, nowGib])].toSorted((a, b) => a - b);
}

/** As a call takes it: "500MiB", "100GiB". */
export function sizeInput(gib: number): string {
  return Number.isInteger(gib) ? `${gib}GiB` : `${Math.max(1, Math.round(gib * 1024))}MiB`;
}
