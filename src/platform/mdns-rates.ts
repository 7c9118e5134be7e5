/** Counts what each address sends or is sent within a second, and all of them together. Pure. */
import { MDNS_SOURCES_MAX } from "./mdns-constants.ts";

export interface Rates {
  /** Counts one more. False when that address, or all together, had their share of this second. */
  allow(source: string, nowMs: number): boolean;
}

export function createRates(perSourceMax: number, totalMax: number): Rates {
  const counts = new Map<string, number>();
  let startMs = 0;
  let total = 0;
  return {
    allow(source, nowMs) {
      if (nowMs - startMs >= 1000) {
        startMs = nowMs;
        total = 0;
        counts.clear();
      }
      // Who comes when the table is full shares a place with the others that did.
      const key = counts.has(source) || counts.size < MDNS_SOURCES_MAX ? source : "";
      const count = counts.get(key) ?? 0;
      if (count >= perSourceMax || total >= totalMax) return false;
      counts.set(key, count + 1);
      total++;
      return true;
    },
  };
}
