/** What a sliver takes of its host, and the arithmetic of it: each dimension by itself, none makes up for another. */

export interface Resources {
  /** Whole cores, as the engine limits them. */
  cores: number;
  memoryBytes: number;
  diskBytes: number;
  /** What may leave it towards networks beyond its slice. */
  egressBytesPerS: number;
}

export const RESOURCE_NAMES = ["cores", "memoryBytes", "diskBytes", "egressBytesPerS"] as const;
export type ResourceName = (typeof RESOURCE_NAMES)[number];

export const NO_RESOURCES: Resources = { cores: 0, memoryBytes: 0, diskBytes: 0, egressBytesPerS: 0 };

export function sumOf(all: Iterable<Resources>): Resources {
  const sum = { ...NO_RESOURCES };
  for (const one of all) for (const name of RESOURCE_NAMES) sum[name] += one[name];
  return sum;
}

/** What is left, never below 0: a host may lend less today than it has given away. */
export function minus(whole: Resources, part: Resources): Resources {
  const left = { ...NO_RESOURCES };
  for (const name of RESOURCE_NAMES) left[name] = Math.max(0, whole[name] - part[name]);
  return left;
}

export function largerOf(a: Resources, b: Resources): Resources {
  const larger = { ...NO_RESOURCES };
  for (const name of RESOURCE_NAMES) larger[name] = Math.max(a[name], b[name]);
  return larger;
}

/** A fraction of each, whole cores and bytes, rounded down. */
export function partOf(whole: Resources, fraction: number): Resources {
  const part = { ...NO_RESOURCES };
  for (const name of RESOURCE_NAMES) part[name] = Math.floor(whole[name] * fraction);
  return part;
}

/** The first dimension in which `part` does not fit into `whole`; undefined when it fits. */
export function lacking(part: Resources, whole: Resources): ResourceName | undefined {
  return RESOURCE_NAMES.find((name) => part[name] > whole[name]);
}
