/** Some servers in memory and what mutable files need besides, for tests of the grid. */
import { systemClock } from "../../src/kernel/clock.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { simdMixer } from "../../src/platform/erasure.ts";
import { gridCrypto } from "../../src/platform/grid-crypto.ts";
import { erasureKernel } from "../../src/protocols/grid/erasure-kernel.ts";
import { erasureCode } from "../../src/protocols/grid/erasure.ts";
import { TEST_KEY_BASE64 } from "../../src/protocols/grid/mutable-key.fixture.ts";
import type { Encoding } from "../../src/services/files/grid/grid.ts";
import { KeyPool } from "../../src/services/files/grid/key-pool.ts";
import type { MutableNeeds } from "../../src/services/files/grid/mutable-file.ts";
import { MutableMemory } from "../../src/services/files/grid/mutable-memory.ts";
import { ShelfServer } from "./shelf-server.ts";

export const ENCODING: Encoding = { needed: 3, total: 10, happy: 3, segmentMaxBytes: 1024 * 1024 };

export function shelves(count: number): ShelfServer[] {
  return Array.from({ length: count }, (_, index) => new ShelfServer(`shelf-${index}`));
}

const mixer = simdMixer(erasureKernel());
const crypto = gridCrypto();
let clients = 1;

/** A client of its own: its own randomness and memory. */
export function clientOf(servers: readonly ShelfServer[], encoding: Partial<Encoding> = {}): MutableNeeds {
  return {
    crypto,
    codeOf: (k, n) => erasureCode(k, n, mixer),
    clock: systemClock(),
    random: seededRandom(clients++),
    servers: () => servers,
    encoding: () => ({ ...ENCODING, ...encoding }),
    leaseSecret: new Uint8Array(32).fill(clients),
    memory: new MutableMemory(),
  };
}

/** The same key each time: good for one file in a grid. */
export function oneKey(): KeyPool {
  const key = new Uint8Array(Buffer.from(TEST_KEY_BASE64, "base64"));
  return new KeyPool({ clock: systemClock(), makeKey: () => Promise.resolve(key) });
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function textOf(content: Uint8Array): string {
  return new TextDecoder().decode(content);
}
