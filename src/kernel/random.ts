/**
 * Randomness, handed in. The daemon uses the operating system's generator (system-random.ts); tests and the simulator
 * use a seeded one, so that a run can be repeated from its seed.
 */
export interface Random {
  /** A float in [0, 1). */
  float(): number;
  /** An integer in [0, limit). `limit` is at least 1. */
  below(limit: number): number;
  /** `length` random bytes. */
  bytes(length: number): Uint8Array;
}

/** A repeatable generator (xoshiro128**, Blackman and Vigna 2018), seeded through splitmix32. Not for secrets. */
export function seededRandom(seed: number): Random {
  let mix = seed >>> 0;
  const next32 = () => {
    mix = (mix + 0x9e3779b9) >>> 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  const state = new Uint32Array([next32(), next32(), next32(), next32()]);
  const draw = () => {
    const rotated = Math.imul(state[1]!, 5);
    const result = Math.imul((rotated << 7) | (rotated >>> 25), 9) >>> 0;
    const shifted = state[1]! << 9;
    state[2]! ^= state[0]!;
    state[3]! ^= state[1]!;
    state[1]! ^= state[2]!;
    state[0]! ^= state[3]!;
    state[2]! ^= shifted;
    state[3] = (state[3]! << 11) | (state[3]! >>> 21);
    return result;
  };
  const float = () => draw() / 2 ** 32;
  return {
    float,
    below: (limit) => Math.floor(float() * limit),
    bytes: (length) => Uint8Array.from({ length }, () => draw() & 0xff),
  };
}
