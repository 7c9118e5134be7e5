/** Read-test-write bodies, for raw requests. */
import { cbor } from "./storage-box.ts";

export interface Wish {
  test?: { offset: number; size: number; specimen: Uint8Array }[];
  write?: { offset: number; data: Uint8Array }[];
  length?: number | null;
}

/** A read-test-write body. */
export function writing(shares: Record<number, Wish>, reads: [number, number][] = []): Uint8Array {
  const vectors = Object.entries(shares).map(([number, { test: tests = [], write = [], length = null }]) => {
    return [Number(number), { test: tests, write, "new-length": length }] as const;
  });
  const readVector = reads.map(([offset, size]) => ({ offset, size }));
  return cbor({ "test-write-vectors": new Map(vectors), "read-vector": readVector });
}
