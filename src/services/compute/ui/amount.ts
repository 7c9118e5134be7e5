/**
 * Memory and disk of slivers as people ask for them: 512 MiB shows as 512 MiB, not as 537 MB. What is used is shown
 * like any other number of bytes.
 */
const GIB = 2 ** 30;
const MIB = 2 ** 20;

/** `value`: bytes. */
export function amount(value: number, language: string): string {
  const [unit, name] = value >= GIB ? [GIB, "GiB"] : [MIB, "MiB"];
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: value % unit === 0 ? 0 : 1 });
  return `${number.format(value / unit)}\u00a0${name}`;
}
