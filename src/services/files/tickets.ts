/**
 * Addresses by which a file can be read for some hours: for pictures, players and downloads, which cannot send the
 * header that the page's own calls carry. They are in memory only: a restart ends them, and the page asks anew.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import { encodeBase32 } from "../../protocols/grid/base32.ts";
import { TICKETS_MAX, TICKETS_PER_OWNER_MAX, TICKET_MS } from "./constants.ts";
import { filesErrors } from "./errors.ts";

const TICKET_BYTES = 20;

export interface Tickets<T> {
  /**
   * The address below /api/v1, for the same page. `owner`: the account, or the link of a stranger, of which too many
   * tickets push out its own and nobody else's.
   */
  make(
    target: T,
    name: string,
    owner: string,
    /** Whether who asked for it might still ask: the ticket ends with the session, and with the role. */
    holds?: () => boolean,
  ): { url: string; expiresMs: number };
  /** Throws `files-link-gone`. */
  find(ticket: string): T;
  /** Ends all of this owner. */
  end(owner: string): void;
}

export function createTickets<T>(clock: Clock, random: Random): Tickets<T> {
  /** Oldest first, both. */
  const made = new Map<string, { target: T; untilMs: number; owner: string; holds: () => boolean }>();
  const owned = new Map<string, Set<string>>();
  const drop = (ticket: string) => {
    const owner = made.get(ticket)?.owner;
    made.delete(ticket);
    const left = owner === undefined ? undefined : owned.get(owner);
    left?.delete(ticket);
    if (left?.size === 0) owned.delete(owner!);
  };
  return {
    make(target, name, owner, holds = () => true) {
      const ticket = encodeBase32(random.bytes(TICKET_BYTES));
      made.set(ticket, { target, untilMs: clock.monotonicMs() + TICKET_MS, owner, holds });
      const own = owned.get(owner) ?? new Set();
      owned.set(owner, own.add(ticket));
      if (own.size > TICKETS_PER_OWNER_MAX) drop(own.values().next().value!);
      if (made.size > TICKETS_MAX) drop(made.keys().next().value!);
      const url = `/api/v1/files/open/${ticket}/${encodeURIComponent(name)}`;
      return { url, expiresMs: clock.wallMs() + TICKET_MS };
    },
    find(ticket) {
      const found = made.get(ticket);
      if (found && clock.monotonicMs() < found.untilMs && found.holds()) return found.target;
      drop(ticket);
      throw filesErrors.fail("files-link-gone");
    },
    end(owner) {
      for (const ticket of owned.get(owner) ?? []) drop(ticket);
    },
  };
}
