/**
 * Looks up the addresses of names that strangers wrote. Some at a time and no more: a look-up cannot be cancelled,
 * and names whose servers never answer must not take the threads that the rest of the daemon needs.
 */
import { lookup as systemLookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Clock } from "../kernel/clock.ts";
import { RESOLVE_AT_ONCE_MAX, RESOLVE_TIMEOUT_MS } from "./constants.ts";

/** "busy": others are being looked up; ask again later. */
export type Resolved = { address: string } | { reason: "no-such-host" | "timeout" | "busy" };

export interface ResolverNeeds {
  clock: Clock;
  lookup?: (host: string) => Promise<readonly { address: string }[]>;
}

export interface Resolver {
  /** One address of the host, IPv4 before IPv6; what is an address already stays as it is. Never rejects. */
  resolve(host: string): Promise<Resolved>;
}

export function createResolver({ clock, lookup = lookUpAll }: ResolverNeeds): Resolver {
  let running = 0;
  return {
    async resolve(host) {
      if (isIP(host) !== 0) return { address: host };
      if (running >= RESOLVE_AT_ONCE_MAX) return { reason: "busy" };
      running += 1;
      // The place is free when the look-up has really ended, not when somebody stopped waiting.
      const ended = lookup(host).then(firstOf, () => undefined);
      void ended.then(() => (running -= 1));
      let cancel = () => {};
      const late = new Promise<Resolved>((resolve) => {
        cancel = clock.after(RESOLVE_TIMEOUT_MS, () => resolve({ reason: "timeout" }));
      });
      const found = ended.then((address): Resolved => (address ? { address } : { reason: "no-such-host" }));
      return Promise.race([found, late]).finally(cancel);
    },
  };
}

function lookUpAll(host: string): Promise<{ address: string }[]> {
  return systemLookup(host, { all: true });
}

function firstOf(found: readonly { address: string }[]): string | undefined {
  return (found.find(({ address }) => isIP(address) === 4) ?? found[0])?.address;
}
