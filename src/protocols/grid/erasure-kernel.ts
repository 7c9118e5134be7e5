/**
 * Writes the WebAssembly module that multiplies and adds sixteen bytes at once, from here rather than with a compiler,
 * so that a box runs what stands in this repository. (WebAssembly core specification, part 5, and its SIMD opcodes.)
 *
 * A product in GF(256) is the sum of the products of the two halves of a byte, and each half has 16 values: two tables
 * of 16 bytes per factor, two swizzles per 16 bytes. The module exports `memory`, whose start holds those tables for
 * all factors (`tables`), and for 1 to SOURCES_PER_CALL sources two functions that go over a stride:
 *   set1(factor, source, target, bytes)       target = factor × source
 *   add2(factor, factor, source, source, target, bytes)       target = target + factor × source + factor × source
 * A factor is given as the address of its tables, `bytes` is a multiple of 16 and above 0, sources and target do not
 * overlap.
 */
import { multiply } from "./gf256.ts";

/** More would not fit into the sixteen registers of a common processor: two of them per source hold tables. */
const SOURCES_PER_CALL = 4;
/** Bytes in a vector: strides are multiples of it. */
const VECTOR_BYTES = 16;
/** Bytes of the tables of one factor: the products of the low half, then of the high half. */
const FACTOR_TABLE_BYTES = 2 * VECTOR_BYTES;
const PAGE_BYTES = 65_536;
/** Tables and strides of one call, however large the blocks: stays in a processor's second cache. */
const MEMORY_PAGES = 5;

/** Fits `MixingKernel` of `platform/erasure.ts`, which says what each part is. */
export function erasureKernel() {
  return {
    module: writeModule(),
    tables: nibbleTables(),
    factorTableBytes: FACTOR_TABLE_BYTES,
    vectorBytes: VECTOR_BYTES,
    sourcesPerCall: SOURCES_PER_CALL,
    memoryBytes: MEMORY_PAGES * PAGE_BYTES,
  };
}

function nibbleTables(): Uint8Array {
  return Uint8Array.from({ length: 256 * FACTOR_TABLE_BYTES }, (_, at) => {
    const nibble = at % VECTOR_BYTES;
    const isLow = at % FACTOR_TABLE_BYTES < VECTOR_BYTES;
    return multiply(Math.floor(at / FACTOR_TABLE_BYTES), isLow ? nibble : nibble << 4);
  });
}

const TYPE = { i32: 0x7f, v128: 0x7b, function: 0x60 };
const SECTION = { types: 1, functions: 3, memory: 5, exports: 7, code: 10 };
const EXPORTED = { function: 0, memory: 2 };
const NO_RESULT = 0x40;

/** Instructions: opcodes and their fixed arguments; of two bytes and more are the vector ones. */
const OP = {
  loop: [0x03, NO_RESULT],
  end: [0x0b],
  /** To the start of the innermost loop. */
  repeatIf: [0x0d, 0],
  i32add: [0x6a],
  i32sub: [0x6b],
  /** With alignment 2^0 (a stride may begin anywhere) and offset 0. */
  v128load: [0xfd, 0x00, 0, 0],
  v128store: [0xfd, 0x0b, 0, 0],
  swizzle: [0xfd, 0x0e],
  v128and: [0xfd, 0x4e],
  v128xor: [0xfd, 0x51],
  i8x16shiftRight: [0xfd, 0x6d],
};

/** LEB128, for unsigned numbers. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

/** LEB128, for small positive numbers where signed ones are expected. */
function positive(value: number): number[] {
  return value < 0x40 ? [value] : [(value & 0x7f) | 0x80, ...positive(value >>> 7)];
}

const get = (local: number) => [0x20, ...unsigned(local)];
const set = (local: number) => [0x21, ...unsigned(local)];
const i32const = (value: number) => [0x41, ...positive(value)];
const i8x16const = (value: number) => [0xfd, 0x0c, ...new Array<number>(VECTOR_BYTES).fill(value)];
const vector = (items: readonly (readonly number[])[]) => [...unsigned(items.length), ...items.flat()];
const sized = (bytes: readonly number[]) => [...unsigned(bytes.length), ...bytes];
const section = (id: number, items: readonly (readonly number[])[]) => [id, ...sized(vector(items))];
const name = (text: string) => sized([...text].map((character) => character.charCodeAt(0)));

function writeModule(): Uint8Array<ArrayBuffer> {
  const counts = Array.from({ length: SOURCES_PER_CALL }, (_, index) => index + 1);
  const functions = counts.flatMap((sources) => [
    { name: `set${sources}`, type: sources - 1, code: mixing(sources, false) },
    { name: `add${sources}`, type: sources - 1, code: mixing(sources, true) },
  ]);
  const types = counts.map((sources) => [
    TYPE.function,
    ...vector(new Array<number[]>(parametersFor(sources)).fill([TYPE.i32])),
    ...vector([]),
  ]);
  const fixedSize = [1, ...unsigned(MEMORY_PAGES), ...unsigned(MEMORY_PAGES)];
  const exports = functions.map((one, index) => [...name(one.name), EXPORTED.function, ...unsigned(index)]);
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d], // "\0asm"
    ...[1, 0, 0, 0], // version
    ...section(SECTION.types, types),
    ...section(
      SECTION.functions,
      functions.map((one) => unsigned(one.type)),
    ),
    ...section(SECTION.memory, [fixedSize]),
    ...section(SECTION.exports, [[...name("memory"), EXPORTED.memory, 0], ...exports]),
    ...section(
      SECTION.code,
      functions.map((one) => sized(one.code)),
    ),
  ]);
}

/** Factors, sources, target, bytes. */
const parametersFor = (sources: number) => 2 * sources + 2;

/** The body of a function: local variables, then instructions. */
function mixing(sources: number, adds: boolean): number[] {
  const target = 2 * sources;
  const bytes = target + 1;
  const low = (source: number) => parametersFor(sources) + 2 * source;
  const high = (source: number) => low(source) + 1;
  const value = low(sources);
  const all = Array.from({ length: sources }, (_, source) => source);
  const advance = (pointer: number) => [...get(pointer), ...i32const(VECTOR_BYTES), ...OP.i32add, ...set(pointer)];
  const product = (source: number) => [
    ...[...get(sources + source), ...OP.v128load, ...set(value)],
    ...[...get(low(source)), ...get(value), ...i8x16const(0x0f), ...OP.v128and, ...OP.swizzle],
    ...[...get(high(source)), ...get(value), ...i32const(4), ...OP.i8x16shiftRight, ...OP.swizzle],
    ...OP.v128xor,
  ];
  const loadTable = (source: number, half: number, into: number) =>
    half === 0
      ? [...get(source), ...OP.v128load, ...set(into)]
      : [...get(source), ...i32const(half), ...OP.i32add, ...OP.v128load, ...set(into)];
  const sum = all.flatMap((source) => [...product(source), ...(source === 0 && !adds ? [] : OP.v128xor)]);
  return [
    ...vector([[...unsigned(2 * sources + 1), TYPE.v128]]),
    ...all.flatMap((source) => [
      ...loadTable(source, 0, low(source)),
      ...loadTable(source, VECTOR_BYTES, high(source)),
    ]),
    ...OP.loop,
    ...get(target), // where the sum will go
    ...(adds ? [...get(target), ...OP.v128load] : []),
    ...sum,
    ...OP.v128store,
    ...[...all.map((source) => sources + source), target].flatMap(advance),
    ...[...get(bytes), ...i32const(VECTOR_BYTES), ...OP.i32sub, 0x22, ...unsigned(bytes), ...OP.repeatIf],
    ...OP.end,
    ...OP.end,
  ];
}
