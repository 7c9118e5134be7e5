/** Addresses for players: for some hours, not too many, and of no use afterwards. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../kernel/random.ts";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import { TICKETS_MAX, TICKETS_PER_OWNER_MAX, TICKET_MS } from "./constants.ts";
import { createTickets } from "./tickets.ts";

test("a ticket opens what it was made for, until its time is over", () => {
  const clock = virtualClock();
  const tickets = createTickets<string>(clock, seededRandom(1));
  const { url, expiresMs } = tickets.make("a film", "a film/ü.mp4", "anna");
  const [, ticket] = /^\/api\/v1\/files\/open\/([a-z2-7]{32})\/a%20film%2F%C3%BC\.mp4$/.exec(url)!;
  assert.equal(expiresMs, clock.wallMs() + TICKET_MS);
  clock.advance(TICKET_MS - 1);
  assert.equal(tickets.find(ticket!), "a film");
  clock.advance(1);
  assert.throws(() => tickets.find(ticket!), /files-link-gone/);
  assert.throws(() => tickets.find("__proto__"), /files-link-gone/);
});

const ticketOf = (url: string) => url.split("/").at(-2)!;

test("the oldest goes when there are too many: of one owner its own, of all together anybody's", () => {
  const tickets = createTickets<number>(virtualClock(), seededRandom(1));
  const make = (n: number, owner: string) => ticketOf(tickets.make(n, "x", owner).url);
  const annas = make(-1, "anna");
  const made = Array.from({ length: TICKETS_PER_OWNER_MAX + 1 }, (_none, n) => make(n, "link"));
  assert.throws(() => tickets.find(made[0]!), /files-link-gone/);
  assert.equal(tickets.find(made[1]!), 1);
  assert.equal(tickets.find(made.at(-1)!), TICKETS_PER_OWNER_MAX);
  assert.equal(tickets.find(annas), -1, "a stranger with a link takes nobody else's");
  for (let n = 0; n < TICKETS_MAX; n += 1) make(n, `owner ${n % 100}`);
  assert.throws(() => tickets.find(annas), /files-link-gone/);
});

test("all tickets of an owner end at once", () => {
  const tickets = createTickets<number>(virtualClock(), seededRandom(1));
  const [one, two, other] = [1, 2, 3].map((n) => ticketOf(tickets.make(n, "x", n < 3 ? "pau" : "anna").url));
  tickets.end("pau");
  for (const ticket of [one!, two!]) assert.throws(() => tickets.find(ticket), /files-link-gone/);
  assert.equal(tickets.find(other!), 3);
  tickets.end("pau");
});

test("a ticket ends when who asked for it may no longer ask, and stays ended", () => {
  const tickets = createTickets<string>(virtualClock(), seededRandom(1));
  let isSignedIn = true;
  const ticket = tickets
    .make("a film", "x", "anna", () => isSignedIn)
    .url.split("/")
    .at(-2)!;
  assert.equal(tickets.find(ticket), "a film");
  isSignedIn = false;
  assert.throws(() => tickets.find(ticket), /files-link-gone/);
  isSignedIn = true;
  assert.throws(() => tickets.find(ticket), /files-link-gone/);
});
