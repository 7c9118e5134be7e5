/**
 * Runs the module that `protocols/grid/erasure-kernel.ts` writes, so that the erasure code works on sixteen bytes at
 * once. In a room of its own because a protocol core knows no WebAssembly; it is put together where it is used:
 * `erasureCode(k, n, simdMixer(erasureKernel()))`. Machines without SIMD get the plain code that way, with the same
 * bytes.
 *
 * The module's memory has one small size. Blocks go through it in strides, which stay in the processor's caches.
 */
import { ERASURE_STRIDE_BYTES } from "./constants.ts";

/** A module and what it expects, as `erasureKernel()` of `protocols/grid/erasure-kernel.ts` gives it. */
export interface MixingKernel {
  module: Uint8Array<ArrayBuffer>;
  /** To be written to the start of its memory: the tables of factor f are at f × factorTableBytes. */
  tables: Uint8Array;
  factorTableBytes: number;
  vectorBytes: number;
  sourcesPerCall: number;
  /** Size of its memory, from the beginning and for ever. */
  memoryBytes: number;
}

type Mix = (rows: readonly Uint8Array[], blocks: readonly Uint8Array[], results: readonly Uint8Array[]) => void;
type Step = (...addresses: number[]) => void;

/** The part of WebAssembly's JavaScript API that is used: neither TypeScript's library nor Node's types have it. */
interface WebAssemblyApi {
  validate(bytes: Uint8Array): boolean;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: Record<string, unknown> };
}

/**
 * A function that multiplies and adds blocks (`MixBlocks` of `protocols/grid/erasure.ts`), or undefined when this
 * machine has no WebAssembly or none with SIMD. Keeps `memoryBytes`; may be used by any number of codes.
 */
export function simdMixer(kernel: MixingKernel): Mix | undefined {
  const api = (globalThis as { WebAssembly?: WebAssemblyApi }).WebAssembly;
  if (!api?.validate(kernel.module)) return undefined;
  const { exports } = new api.Instance(new api.Module(kernel.module));
  const mixer = new Mixer(kernel, exports);
  return (rows, blocks, results) => mixer.mix(rows, blocks, results);
}

class Mixer {
  private readonly kernel: MixingKernel;
  private readonly memory: Uint8Array;
  /** At index s: for s sources. */
  private readonly setSteps: readonly (Step | undefined)[];
  private readonly addSteps: readonly (Step | undefined)[];

  constructor(kernel: MixingKernel, exports: Record<string, unknown>) {
    this.kernel = kernel;
    this.memory = new Uint8Array((exports["memory"] as { buffer: ArrayBuffer }).buffer);
    this.memory.set(kernel.tables);
    const counts = Array.from({ length: kernel.sourcesPerCall + 1 }, (_, sources) => sources);
    this.setSteps = counts.map((sources) => exports[`set${sources}`] as Step | undefined);
    this.addSteps = counts.map((sources) => exports[`add${sources}`] as Step | undefined);
  }

  mix(rows: readonly Uint8Array[], blocks: readonly Uint8Array[], results: readonly Uint8Array[]): void {
    const length = blocks[0]!.length;
    const stride = this.strideFor(blocks.length);
    const sourceAt = (block: number) => this.kernel.tables.length + block * stride;
    const target = sourceAt(blocks.length);
    for (let at = 0; at < length; at += stride) {
      const end = Math.min(at + stride, length);
      blocks.forEach((block, index) => this.memory.set(block.subarray(at, end), sourceAt(index)));
      rows.forEach((row, index) => {
        this.mixStride(row, sourceAt, target, end - at);
        results[index]!.set(this.memory.subarray(target, target + end - at), at);
      });
    }
  }

  /** Room for all sources and one target. */
  private strideFor(blocks: number): number {
    const { memoryBytes, tables, vectorBytes } = this.kernel;
    const room = Math.min(ERASURE_STRIDE_BYTES, (memoryBytes - tables.length) / (blocks + 1));
    return Math.floor(room / vectorBytes) * vectorBytes;
  }

  /** What is beyond `bytes` up to a whole vector is calculated from what was there before, and not read. */
  private mixStride(row: Uint8Array, sourceAt: (block: number) => number, target: number, bytes: number): void {
    const { factorTableBytes, sourcesPerCall, vectorBytes } = this.kernel;
    const wholeVectors = Math.ceil(bytes / vectorBytes) * vectorBytes;
    for (let first = 0; first < row.length; first += sourcesPerCall) {
      const sources = Math.min(sourcesPerCall, row.length - first);
      const factors = [];
      const addresses = [];
      for (let index = first; index < first + sources; index += 1) {
        factors.push(row[index]! * factorTableBytes);
        addresses.push(sourceAt(index));
      }
      const step = (first === 0 ? this.setSteps : this.addSteps)[sources]!;
      step(...factors, ...addresses, target, wholeVectors);
    }
  }
}
