/** Addresses for players: for some hours, not too many, and of no use afterwards. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../kernel/random.ts";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import { TICKETS_MAX, TICKET_MS } from "./constants.ts";
import { createTickets } from "./tickets.ts";

test("a ticket opens what it was made for, until its time is over", () => {
  const clock = virtualClock();
  const tickets = createTickets<string>(clock, seededRandom(1));
  const { url, expiresMs } = tickets.make("a film", "a film/ü.mp4");
  const [, ticket] = /^\/api\/v1\/files\/open\/([a-z2-7]{32})\/a%20film%2F%C3%BC\.mp4$/.exec(url)!;
  assert.equal(expiresMs, clock.wallMs() + TICKET_MS);
  clock.advance(TICKET_MS - 1);
  assert.equal(tickets.find(ticket!), "a film");
  clock.advance(1);
  assert.throws(() => tickets.find(ticket!), /files-link-gone/);
  assert.throws(() => tickets.find("__proto__"), /files-link-gone/);
});

test("the oldest goes when there are too many", () => {
  const tickets = createTickets<number>(virtualClock(), seededRandom(1));
  const made = Array.from({ length: TICKETS_MAX + 1 }, (_none, n) => tickets.make(n, "x").url.split("/").at(-2)!);
  assert.throws(() => tickets.find(made[0]!), /files-link-gone/);
  assert.equal(tickets.find(made[1]!), 1);
  assert.equal(tickets.find(made.at(-1)!), TICKETS_MAX);
});
