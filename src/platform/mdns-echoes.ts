/** Own packets, to know them when multicast brings them back: each as often as it was sent, and once per copy. Pure. */
import { MDNS_ECHOES_MAX } from "./mdns-constants.ts";

export interface Echoes {
  /** So many copies will come back. */
  sent(packet: Uint8Array, copies: number): void;
  /** True when this is one of them; each counts once, since another box may say the very same. */
  isEcho(packet: Uint8Array): boolean;
}

export function createEchoes(): Echoes {
  const awaited = new Map<string, number>();
  const textOf = (packet: Uint8Array) => Buffer.from(packet).toString("latin1");
  return {
    sent(packet, copies) {
      const text = textOf(packet);
      const before = awaited.get(text) ?? 0;
      awaited.delete(text);
      awaited.set(text, before + copies);
      // The oldest never came: multicast may be off.
      if (awaited.size > MDNS_ECHOES_MAX) awaited.delete(awaited.keys().next().value!);
    },
    isEcho(packet) {
      const text = textOf(packet);
      const left = awaited.get(text) ?? 0;
      if (left > 1) awaited.set(text, left - 1);
      else awaited.delete(text);
      return left > 0;
    },
  };
}
