/**
 * The addresses of hosts that services name in words. Ordinary mDNS clients look for a name in ".local" only, so what
 * is announced needs an address. Looked up in the background and kept for a while.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Resolver } from "../../platform/resolve.ts";
import { isPublishable } from "./hearing.ts";

/** Names kept; as many as services can be announced. */
export const HOSTS_MAX = 200;
/** After this a name is looked up again; until the answer is there the old one holds. */
export const HOST_KEPT_MS = 600_000;

export interface Hosts {
  /** Undefined: not known yet, or nothing that others could reach. Asking starts the look-up. */
  addressOf(name: string): string | undefined;
}

interface Entry {
  address: string | undefined;
  askedMs: number;
}

export function createHosts(needs: { clock: Clock; resolver: Resolver; onChange: () => void }): Hosts {
  const known = new Map<string, Entry>();

  const look = async (name: string, entry: Entry) => {
    const found = await needs.resolver.resolve(name);
    // The next who asks tries again.
    if ("reason" in found && found.reason === "busy") entry.askedMs = -Infinity;
    const address = "address" in found && isPublishable(found.address) ? found.address : undefined;
    if (address === entry.address) return;
    entry.address = address;
    needs.onChange();
  };
  return {
    addressOf(name) {
      const nowMs = needs.clock.monotonicMs();
      let entry = known.get(name);
      if (entry && nowMs - entry.askedMs < HOST_KEPT_MS) return entry.address;
      if (!entry) {
        for (const [other, { askedMs }] of known) if (nowMs - askedMs > 2 * HOST_KEPT_MS) known.delete(other);
        if (known.size >= HOSTS_MAX) return undefined;
        known.set(name, (entry = { address: undefined, askedMs: nowMs }));
      }
      entry.askedMs = nowMs;
      void look(name, entry);
      return entry.address;
    },
  };
}
