/** The finish of MurmurHash3: what the protocols' own short hashes end with. Not for secrets. */

/** A number whose every bit depends on every bit of `value`. Whole, from 0 to 2^32 - 1. */
export function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
