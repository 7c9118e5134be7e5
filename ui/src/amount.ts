/**
 * Memory and room on a disk where people choose them in MiB: what they gave as 512 MiB shows as 512 MiB, not as
 * 537 MB, and what is used of it in the same units.
 */
const GIB = 2 ** 30;
const MIB = 2 ** 20;

/** `value`: bytes. */
export function amount(value: number, language: string): string {
  const [unit, name] = value >= GIB ? [GIB, "GiB"] : [MIB, "MiB"];
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: value % unit === 0 ? 0 : 1 });
  return `${number.format(value / unit)}\u00a0${name}`;
}
