/**
 * The home box's part in the network of a slice: it tells each of its hosts who the others are, when that has changed
 * and from time to time, since a host may have lost it.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../../kernel/clock.ts";
import type { Log } from "../../../kernel/log.ts";
import { NETWORK_AGAIN_MS } from "../constants.ts";
import { NETWORK_PATH, networkAnswer } from "../messages-network.ts";
import type { Hosts } from "./hosts.ts";
import type { Slice, Sliver } from "./slice-store.ts";

export interface TellingNeeds {
  clock: Clock;
  log: Log;
  hosts: Pick<Hosts, "ask">;
}

export type Tell = (slice: Slice, slivers: readonly Sliver[], signal: AbortSignal) => Promise<void>;

export function networkTelling({ clock, log, hosts }: TellingNeeds): Tell {
  /** By slice, what each of its hosts has taken, and when. */
  const told = new Map<string, Map<string, { mark: string; atMs: number }>>();
  return async (slice, slivers, signal) => {
    const living = slivers.filter(({ wanted }) => wanted !== "gone");
    if (living.length === 0) return void told.delete(slice.id);
    const members = living.map(({ id, host, index }) => ({ sliver: id, host, name: `${slice.name}-${index}` }));
    const mark = createHash("sha256").update(JSON.stringify(members)).digest("hex");
    const before = told.get(slice.id) ?? new Map<string, { mark: string; atMs: number }>();
    const after: typeof before = new Map();
    told.set(slice.id, after);
    const asked = [...new Set(living.map(({ host }) => host))].map(async (host) => {
      const last = before.get(host);
      if (last?.mark === mark && clock.monotonicMs() - last.atMs < NETWORK_AGAIN_MS) return void after.set(host, last);
      try {
        const { known } = await hosts.ask(host, NETWORK_PATH, networkAnswer, { slice: slice.id, members }, signal);
        if (known) after.set(host, { mark, atMs: clock.monotonicMs() });
      } catch (error) {
        signal.throwIfAborted();
        // It is told at the next look.
        log.debug("a host could not be told who is in the slice", { host, slice: slice.id, error });
      }
    });
    await Promise.all(asked);
  };
}
