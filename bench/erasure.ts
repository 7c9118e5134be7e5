/**
 * How fast the erasure code is on this machine: MB of input per second of processor time, plain and with SIMD, encoding
 * a segment into the same memory each time, and decoding it without its first blocks into new memory. Processor time,
 * since what else runs takes turns; it still takes the caches.
 */
import { seededRandom } from "../src/kernel/random.ts";
import { simdMixer } from "../src/platform/erasure.ts";
import { erasureCode, plainErasureCode } from "../src/protocols/grid/erasure.ts";
import type { ErasureCode } from "../src/protocols/grid/erasure.ts";
import { erasureKernel } from "../src/protocols/grid/erasure-kernel.ts";
import { median } from "./discovery-sums.ts";
import { parseCounts } from "./kv-sums.ts";
import { asked, programOptions } from "./options.ts";

const CODES = [
  [2, 4],
  [3, 10],
  [10, 16],
  [71, 255],
  [128, 256],
] as const;
const SEGMENT_BYTES = 1_048_576;
/** One run works at least this long. */
const RUN_MS = 300;

const ABOUT = "How fast the erasure code is here: MB of input for each second of processor time, plain and with SIMD.";

const flags = programOptions("node bench/erasure.ts", ABOUT, {
  runs: { value: "n", text: "the median of so many", default: "5" },
});
const [runs = 1] = asked(() => parseCounts(flags.runs));
const random = seededRandom(1);
const simd = simdMixer(erasureKernel());
if (!simd) throw new Error("this machine has no SIMD in WebAssembly");

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** MB of input per second: the median of the runs. The first run only warms up. */
function speed(work: () => unknown): number {
  const found: number[] = [];
  for (let run = 0; run <= runs; run += 1) {
    let segments = 0;
    const startMs = processorMs();
    let elapsedMs = 0;
    while (elapsedMs < RUN_MS) {
      work();
      segments += 1;
      elapsedMs = processorMs() - startMs;
    }
    if (run > 0) found.push((segments * SEGMENT_BYTES) / 1000 / elapsedMs);
  }
  return median(found);
}

function measure(code: ErasureCode) {
  const blockBytes = Math.ceil(SEGMENT_BYTES / code.k);
  const blocks = Array.from({ length: code.k }, () => random.bytes(blockBytes));
  const room = Array.from({ length: code.n - code.k }, () => new Uint8Array(blockBytes));
  const missing = Math.min(code.k, code.n - code.k);
  const shares = code.encode(blocks).map((bytes, number) => ({ number, bytes }));
  const kept = shares.slice(missing, missing + code.k);
  return { encode: speed(() => code.encode(blocks, undefined, room)), decode: speed(() => code.decode(kept)) };
}

const ratios: Record<string, number> = {};
const medians: Record<string, object> = {};
for (const [k, n] of CODES) {
  const startMs = performance.now();
  erasureCode(k, n, simd).encode(Array.from({ length: k }, () => new Uint8Array(0)));
  const setUpMs = performance.now() - startMs;
  const plain = measure(plainErasureCode(k, n));
  const fast = measure(erasureCode(k, n, simd));
  console.log(
    `${k}/${n}: set up in ${setUpMs.toFixed(2)} ms; encoding ${fast.encode.toFixed(0)} MB/s ` +
      `(plain ${plain.encode.toFixed(0)}), decoding ${fast.decode.toFixed(0)} MB/s (plain ${plain.decode.toFixed(0)})`,
  );
  for (const work of ["encode", "decode"] as const) {
    ratios[`throughput_${work}_${k}_of_${n}`] = Number((fast[work] / plain[work]).toFixed(2));
    medians[`${work}_${k}_of_${n}`] = { ours: fast[work], peer: plain[work], unit: "MB/s of input" };
  }
}
console.log(JSON.stringify({ bench: "erasure", ratios, medians, runs }));
