/** The golden data in `test/tahoe/vectors`: what the released Tahoe-LAFS made, as lines; its header lines left out. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export type GoldenName = "caps" | "mutable" | "shares" | "folders" | "answers";

/** Throws when there are fewer lines than `least`, so that a lost file cannot pass. */
export function golden<T extends { kind: string }>(name: GoldenName, least: number): T[] {
  const text = readFileSync(join(import.meta.dirname, `../tahoe/vectors/${name}.jsonl`), "utf8");
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as T);
  const found = lines.filter((line) => line.kind !== "header");
  if (found.length < least) throw new Error(`${found.length} lines of ${name}, not ${least}`);
  return found;
}

/** A Uint8Array that is no Buffer, as the core gives them. */
export function bytesOf(text: string, spelling: "hex" | "base64"): Uint8Array {
  return new Uint8Array(Buffer.from(text, spelling));
}

/** The same with one bit of byte `at` turned. */
export function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at]! ^= 1;
  return copy;
}

/** What a server keeps around a share on its disk, taken off. */
export function shareInside(container: Uint8Array): Uint8Array {
  const view = new DataView(container.buffer, container.byteOffset, container.length);
  const isMutable = Buffer.from(container.subarray(0, 5)).toString() === "Tahoe";
  if (isMutable) return container.subarray(468, 468 + Number(view.getBigUint64(84)));
  return container.subarray(12, container.length - 72 * view.getUint32(8));
}
