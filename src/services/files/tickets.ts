/**
 * Addresses by which a file can be read for some hours: for pictures, players and downloads, which cannot send the
 * header that the page's own calls carry. They are in memory only: a restart ends them, and the page asks anew.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import { encodeBase32 } from "../../protocols/grid/base32.ts";
import { TICKETS_MAX, TICKET_MS } from "./constants.ts";
import { filesErrors } from "./errors.ts";

const TICKET_BYTES = 20;

export interface Tickets<T> {
  /** The address below /api/v1, for the same page. */
  make(target: T, name: string): { url: string; expiresMs: number };
  /** Throws `files-link-gone`. */
  find(ticket: string): T;
}

export function createTickets<T>(clock: Clock, random: Random): Tickets<T> {
  /** Oldest first. */
  const made = new Map<string, { target: T; untilMs: number }>();
  return {
    make(target, name) {
      const ticket = encodeBase32(random.bytes(TICKET_BYTES));
      made.set(ticket, { target, untilMs: clock.monotonicMs() + TICKET_MS });
      if (made.size > TICKETS_MAX) made.delete(made.keys().next().value!);
      const url = `/api/v1/files/open/${ticket}/${encodeURIComponent(name)}`;
      return { url, expiresMs: clock.wallMs() + TICKET_MS };
    },
    find(ticket) {
      const found = made.get(ticket);
      if (found && clock.monotonicMs() < found.untilMs) return found.target;
      made.delete(ticket);
      throw filesErrors.fail("files-link-gone");
    },
  };
}
