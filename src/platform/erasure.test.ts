/** The SIMD code gives the bytes of the plain one, whatever the sizes; where there is none the plain one is used. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { seededRandom } from "../kernel/random.ts";
import { erasureCode, plainErasureCode } from "../protocols/grid/erasure.ts";
import { erasureKernel } from "../protocols/grid/erasure-kernel.ts";
import { ERASURE_STRIDE_BYTES } from "./constants.ts";
import { simdMixer } from "./erasure.ts";

const kernel = erasureKernel();
const mixer = simdMixer(kernel);
const count = (length: number) => Array.from({ length }, (_, index) => index);

test("this machine has SIMD, so that the other tests compare two codes", () => {
  assert.ok(mixer);
});

/** `deepEqual` takes minutes to say how large blocks differ. */
function assertSame(found: readonly Uint8Array[], expected: readonly Uint8Array[], what: string): void {
  assert.equal(found.length, expected.length, what);
  const wrong = found.findIndex((block, index) => Buffer.compare(block, expected[index]!) !== 0);
  assert.equal(wrong, -1, `${what}: block ${wrong}`);
}

/** Both codes encode and decode the same. */
function compare(k: number, n: number, length: number, seed: number): void {
  const random = seededRandom(seed);
  const blocks = count(k).map(() => random.bytes(length));
  const order = count(n)
    .map((number) => ({ number, key: random.float() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ number }) => number);
  const [plain, fast] = [plainErasureCode(k, n), erasureCode(k, n, mixer)];
  const wanted = order.slice(0, Math.max(k, Math.min(n, 12)));
  const shares = plain.encode(blocks, wanted);
  assertSame(fast.encode(blocks, wanted), shares, `${k} of ${n} encoded, ${length} bytes`);
  const kept = order.slice(0, k).map((number, index) => ({ number, bytes: shares[index]! }));
  assertSame(fast.decode(kept), blocks, `${k} of ${n} decoded, ${length} bytes`);
  assertSame(plain.decode(kept), blocks, `${k} of ${n} decoded plainly, ${length} bytes`);
}

const small = fc.constantFrom(0, 1, 15, 16, 17, 31, 33, 100);
const strides = fc.constantFrom(...[-1, 0, 1].map((more) => ERASURE_STRIDE_BYTES + more), 2 * ERASURE_STRIDE_BYTES + 5);

test("the bytes are those of the plain code: any code, any shares, small blocks", () => {
  const whole = fc.integer({ min: 1, max: 256 });
  fc.assert(
    fc.property(whole, whole, small, fc.integer(), (a, b, length, seed) =>
      compare(Math.min(a, b), Math.max(a, b), length, seed),
    ),
    { numRuns: 60 },
  );
});

test("the bytes are those of the plain code: blocks around the size of a stride", () => {
  const few = fc.integer({ min: 1, max: 12 });
  fc.assert(
    fc.property(few, few, strides, fc.integer(), (a, b, length, seed) =>
      compare(Math.min(a, b), Math.max(a, b), length, seed),
    ),
    { numRuns: 30 },
  );
});

test("the most sources share the module's memory: strides get shorter, and it does not grow", () => {
  for (const length of [1231, 1232, 1233, 5000]) compare(255, 256, length, length);
});

test("blocks may begin anywhere in their memory, and the results too", () => {
  const random = seededRandom(5);
  const [memory, room] = [random.bytes(400), [new Uint8Array(130).subarray(7, 107)]];
  const blocks = [memory.subarray(1, 101), memory.subarray(103, 203), memory.subarray(206, 306)];
  const before = Uint8Array.from(memory);
  const shares = erasureCode(3, 10, mixer).encode(blocks, [9], room);
  assert.equal(shares[0], room[0]);
  assert.deepEqual(shares, plainErasureCode(3, 10).encode(blocks, [9]));
  assert.deepEqual(memory, before);
  const around = new Uint8Array(room[0]!.buffer);
  assert.ok([...around.subarray(0, 7), ...around.subarray(107)].every((byte) => byte === 0));
});

test("a module that this machine does not know is not used", () => {
  const unknown = Uint8Array.from(kernel.module);
  const swizzle = unknown.findLastIndex((byte, index) => byte === 0xfd && unknown[index + 1] === 0x0e);
  unknown[swizzle + 1] = 0x9a; // reserved
  assert.equal(simdMixer({ ...kernel, module: unknown }), undefined);
  assert.equal(simdMixer({ ...kernel, module: new Uint8Array(0) }), undefined);
});

test("without WebAssembly there is no mixer", () => {
  const scope = globalThis as { WebAssembly?: unknown };
  const before = scope.WebAssembly;
  delete scope.WebAssembly;
  try {
    assert.equal(simdMixer(kernel), undefined);
  } finally {
    scope.WebAssembly = before;
  }
  assert.ok(simdMixer(kernel));
});

test("a processor without SIMD gets the plain code", () => {
  const program = `
    import { simdMixer } from "./erasure.ts";
    import { erasureCode } from "../protocols/grid/erasure.ts";
    import { erasureKernel } from "../protocols/grid/erasure-kernel.ts";
    const mixer = simdMixer(erasureKernel());
    const shares = erasureCode(2, 3, mixer).encode([Uint8Array.of(1, 2), Uint8Array.of(3, 4)]);
    process.stdout.write(JSON.stringify([typeof mixer, ...shares.map((share) => [...share])]));
  `;
  const node = ["--no-enable-ssse3", "--no-enable-sse4-1", "--input-type=module", "--eval", program];
  const said = execFileSync(process.execPath, node, { cwd: import.meta.dirname, encoding: "utf8" });
  const expected = plainErasureCode(2, 3).encode([Uint8Array.of(1, 2), Uint8Array.of(3, 4)]);
  // Other processors than those of the x64 kind cannot be made to forget theirs: they must give the same bytes with it.
  const found = process.arch === "x64" ? "undefined" : "function";
  assert.deepEqual(JSON.parse(said), [found, ...expected.map((share) => [...share])]);
});
