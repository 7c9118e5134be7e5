/** How many connections each address has open at a server: nobody may take all of its places. */
import type { Socket } from "node:net";
import { rateKeyOf } from "./addresses.ts";

export class ConnectionCounts {
  readonly #perAddressMax: number;
  readonly #open = new Map<string, Set<Socket>>();

  constructor(perAddressMax: number) {
    this.#perAddressMax = perAddressMax;
  }

  /** Counts a new connection until it closes, or ends it. */
  take(socket: Socket): void {
    const key = rateKeyOf(socket.remoteAddress ?? "");
    const open = this.#open.get(key) ?? new Set();
    if (open.size >= this.#perAddressMax) return void socket.destroy();
    this.#open.set(key, open.add(socket));
    socket.on("close", () => {
      open.delete(socket);
      if (open.size === 0) this.#open.delete(key);
    });
  }

  /** Cuts all, also those that Node's server does not know yet: whoever drags out a handshake holds up no stop. */
  end(): void {
    for (const open of [...this.#open.values()]) for (const socket of [...open]) socket.destroy();
  }
}
