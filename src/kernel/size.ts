/** Sizes as people write them in commands and forms: "64MiB", "2 TiB". Contracts check the form. */

const UNITS_MIB: Readonly<Record<string, number>> = { MiB: 1, GiB: 1024, TiB: 1024 * 1024 };

const MIB_BYTES = 1024 * 1024;

/** As `mibOf`, in bytes. */
export function bytesOf(size: string): number {
  return mibOf(size) * MIB_BYTES;
}

/** In MiB. `size` is a whole number and one of the three units. */
export function mibOf(size: string): number {
  const [, count, unit] = /^(\d+)\s?(\w+)$/.exec(size)!;
  return Number(count) * UNITS_MIB[unit!]!;
}
