/** How many connections each address has open at a server: nobody may take all of its places. */
import type { Socket } from "node:net";
import { rateKeyOf } from "./addresses.ts";

export class ConnectionCounts {
  readonly #perAddressMax: number;
  readonly #open = new Map<string, number>();

  constructor(perAddressMax: number) {
    this.#perAddressMax = perAddressMax;
  }

  /** Counts a new connection until it closes, or ends it. */
  take(socket: Socket): void {
    const key = rateKeyOf(socket.remoteAddress ?? "");
    const open = (this.#open.get(key) ?? 0) + 1;
    if (open > this.#perAddressMax) return void socket.destroy();
    this.#open.set(key, open);
    socket.on("close", () => {
      const left = this.#open.get(key)! - 1;
      if (left > 0) this.#open.set(key, left);
      else this.#open.delete(key);
    });
  }
}
