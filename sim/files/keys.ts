/** RSA keys for the mutable files of a simulated grid: always the same ones, each for one file of a world. */
import { readFileSync } from "node:fs";

const VECTORS = new URL("../../test/tahoe/vectors/mutable.jsonl", import.meta.url);

let known: Uint8Array[] | undefined;

/** Takes one after the other; throws when all are used up. */
export function keySource(): () => Promise<Uint8Array> {
  known ??= readFileSync(VECTORS, "utf8")
    .split("\n")
    .filter((line) => line.includes('"privkey"'))
    .map((line) => new Uint8Array(Buffer.from((JSON.parse(line) as { privkey: string }).privkey, "base64")));
  const keys = known.values();
  return async () => {
    const { value } = keys.next();
    if (!value) throw new Error("a world has no more keys");
    return value;
  };
}
