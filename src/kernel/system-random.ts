/** The operating system's generator: the randomness of the daemon, good enough for secrets. */
import { randomBytes } from "node:crypto";
import type { Random } from "./random.ts";

export function systemRandom(): Random {
  const float = () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48;
  return {
    float,
    below: (limit) => Math.floor(float() * limit),
    bytes: (length) => new Uint8Array(randomBytes(length)),
  };
}
