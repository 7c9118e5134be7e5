/** Tests of coalescing: what waits and for how long, what of it is told, what passes at once, the limit. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Coalescer, Told } from "./coalescing.ts";
import { SERF_COALESCING, createCoalescer } from "./coalescing.ts";
import { COALESCED_MAX } from "./constants.ts";
import type { Effect, Member, MemberChange } from "./types.ts";

const member = (name: string, more: Partial<Member> = {}): Member => ({
  ...{ name, address: "10.0.0.1", port: 7, tags: {}, status: "alive", incarnation: 1, statusSinceMs: 0 },
  ...{ coordinate: undefined, coordinateAtMs: undefined, protocol: 4 },
  ...more,
});
const changed = (change: MemberChange, name: string, more: Partial<Member> = {}): Effect => ({
  type: "member",
  change,
  member: member(name, more),
});
const event = (name: string, ltime: number, payload: number, coalesce = true): Effect => {
  return { type: "user-event", name, ltime, payload: Uint8Array.of(payload), coalesce };
};
const lines = (told: Told[]): string[] =>
  told.map((one) => {
    if (one.type === "members") return `${one.change} ${one.members.map(({ name }) => name).join(" ")}`;
    if (one.type === "user-event") return `${one.name} ${one.ltime} ${one.payload[0]}`;
    return one.type;
  });
/** Lets everything out that waits. */
const rest = (coalescer: Coalescer) => lines(coalescer.tick(coalescer.nextMs() ?? 0));

test("news wait until it has been quiet for a second, at most three", () => {
  assert.deepEqual(SERF_COALESCING.members, { coalesceMs: 3000, quiescentMs: 1000 });
  assert.deepEqual(SERF_COALESCING.events, { coalesceMs: 3000, quiescentMs: 1000 });
  const quiet = createCoalescer();
  assert.equal(quiet.nextMs(), undefined);
  assert.deepEqual(quiet.take(0, changed("join", "a")), []);
  assert.deepEqual(quiet.take(900, changed("join", "b")), []);
  assert.equal(quiet.nextMs(), 1900);
  assert.deepEqual(quiet.tick(1899), []);
  assert.deepEqual(lines(quiet.tick(1900)), ["join a b"]);
  assert.equal(quiet.nextMs(), undefined);
  const busy = createCoalescer();
  for (let nowMs = 0; nowMs < 3000; nowMs += 500) assert.deepEqual(busy.take(nowMs, event("e", nowMs, 1)), []);
  assert.equal(busy.nextMs(), 3000);
  // One that comes after the end of the period sets free what waited, and waits itself.
  assert.deepEqual(lines(busy.take(3100, event("e", 9000, 2))), ["e 2500 1"]);
  assert.equal(busy.nextMs(), 4100);
});

test("of events with one name the newest Lamport time is told, all of it; the others pass at once", () => {
  const coalescer = createCoalescer();
  const at = (effect: Effect) => lines(coalescer.take(0, effect));
  assert.deepEqual(at(event("deploy", 5, 1)), []);
  assert.deepEqual(at(event("deploy", 7, 2)), []);
  assert.deepEqual(at(event("deploy", 6, 3)), []);
  assert.deepEqual(at(event("deploy", 7, 4)), []);
  assert.deepEqual(at(event("other", 1, 5)), []);
  assert.deepEqual(at(event("now", 8, 6, false)), ["now 8 6"]);
  assert.deepEqual(at({ type: "left" }), ["left"]);
  assert.deepEqual(rest(coalescer), ["deploy 7 2", "deploy 7 4", "other 1 5"]);
  assert.deepEqual(rest(coalescer), []);
});

test("a member is told once with what it came to, compared with what listeners know", () => {
  const coalescer = createCoalescer();
  const say = (...effects: Effect[]) => {
    for (const effect of effects) assert.deepEqual(coalescer.take(0, effect), []);
    return rest(coalescer);
  };
  // Serf would tell this as an update of somebody unknown.
  assert.deepEqual(say(changed("join", "a"), changed("update", "a", { tags: { x: "1" } })), ["join a"]);
  const tagged = { tags: { x: "1" } };
  assert.deepEqual(say(changed("failed", "a", tagged), changed("join", "a", tagged)), []);
  assert.deepEqual(say(changed("failed", "a", tagged), changed("join", "a", { tags: { x: "2" } })), ["update a"]);
  assert.deepEqual(say(changed("suspect", "a"), changed("update", "a")), ["update a"]);
  assert.deepEqual(say(changed("suspect", "a")), ["suspect a"]);
  assert.deepEqual(say(changed("suspect", "a"), changed("failed", "a"), changed("join", "b")), ["failed a", "join b"]);
  assert.deepEqual(say(changed("join", "a"), changed("failed", "a")), []);
  assert.deepEqual(say(changed("leave", "a"), changed("leave", "b")), ["leave a b"]);
  assert.deepEqual(say(changed("reap", "a")), ["reap a"]);
  assert.deepEqual(say(changed("join", "a")), ["join a"]);
});

test("either may be left out; COALESCED_MAX that wait are told at once", () => {
  const eventsOnly = createCoalescer({ events: { coalesceMs: 10, quiescentMs: 5 } });
  assert.deepEqual(eventsOnly.take(0, changed("join", "a")), [changed("join", "a")]);
  assert.deepEqual(eventsOnly.take(0, event("e", 1, 1)), []);
  assert.deepEqual(createCoalescer({}).take(0, event("e", 1, 1)), [event("e", 1, 1)]);
  const many = createCoalescer();
  for (let i = 1; i < COALESCED_MAX; i++) assert.deepEqual(many.take(0, changed("join", `m${i}`)), []);
  const told = many.take(0, changed("join", "last"));
  assert.ok(told[0]?.type === "members" && told[0].members.length === COALESCED_MAX);
  for (let i = 1; i < COALESCED_MAX; i++) assert.deepEqual(many.take(0, event("e", i, 1)), []);
  assert.deepEqual(lines(many.take(0, event("e", COALESCED_MAX, 1))), [`e ${COALESCED_MAX} 1`]);
});
