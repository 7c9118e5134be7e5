/** How much memory JavaScript objects take, after those that nobody holds any more were thrown away. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

export function collectGarbage(): void {
  collect();
}

export function heapMiB(): number {
  return process.memoryUsage().heapUsed / 2 ** 20;
}
