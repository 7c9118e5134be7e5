/** The members of the gossip as a list: who is found by what, filters, names, and distances. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../kernel/errors.ts";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import type { Member } from "../../protocols/membership/types.ts";
import { originCoordinate } from "../../protocols/membership/vivaldi.ts";
import { durationMs, DURATION } from "../../kernel/duration.ts";
import { gossipEndpoints, QUERY_TIMEOUT_MS_MAX } from "./gossip-contract.ts";
import { estimateRtt, filterMembers, findMember, listMembers, nameOfMember } from "./members.ts";
import type { Session } from "./session.ts";

const SELF = "a".repeat(52);
const FORN = `forn${"b".repeat(48)}`;
const HORT = `hort${"c".repeat(48)}`;
const NEW = "d".repeat(52);

function member(name: string, more: Partial<Member> = {}): Member {
  const place = { address: "10.0.0.2", port: 7946 };
  const facts = { status: "alive", incarnation: 1, statusSinceMs: 0, protocol: 4 } as const;
  return { name, ...place, ...facts, tags: {}, coordinate: undefined, coordinateAtMs: undefined, ...more };
}

const far = { ...originCoordinate(), vec: [0.03, 0, 0, 0, 0, 0, 0, 0] };
const near = { ...originCoordinate(), vec: [0.01, 0, 0, 0, 0, 0, 0, 0] };

function scene() {
  const clock = virtualClock();
  clock.advance(10_000);
  const all = [
    member(SELF, { tags: { n: "Own" } }),
    member(FORN, { tags: { n: "Forn", role: "comu" }, coordinate: near, coordinateAtMs: 4_000 }),
    member(HORT, {
      tags: { n: "Hort" },
      status: "failed",
      statusSinceMs: 7_000,
      coordinate: far,
      coordinateAtMs: 1_000,
    }),
    member(NEW, { tags: { n: "Bad\u202ename" }, protocol: 0 }),
    member("watch", { tags: { role: "agent" } }),
  ];
  const core = {
    members: () => all,
    member: (id: string) => all.find(({ name }) => name === id),
    coordinate: originCoordinate,
  };
  const records = { get: (author: string) => (author === HORT ? { body: { ...BODY, name: "L'Hort" } } : undefined) };
  const session = {
    gossip: { core },
    replica: { core: records },
    isMember: (id: string) => id !== NEW,
    isExcluded: () => false,
  } as unknown as Session;
  const needs = { clock, selfId: SELF };
  return { clock, session, needs, list: listMembers(needs, session) };
}

const BODY = { owner: "", zone: "", version: "", address: "", meshPort: 1, webPort: 1, startedMs: 0 };
const failsWith = (code: string) => (error: unknown) => isFailure(error, code);

test("this box first, then by name: record, tag, short id, or what an agent calls itself", () => {
  const { list, clock } = scene();
  assert.deepEqual(
    list.map(({ name, kind }) => `${name} ${kind}`),
    ["Own box", "dddddddd newcomer", "Forn box", "L'Hort box", "watch agent"],
  );
  const [own, , forn, hort] = list as [(typeof list)[0], unknown, (typeof list)[0], (typeof list)[0]];
  assert.deepEqual([own.self, own.rttMs, own.rttAgeMs], [true, 0, 0]);
  assert.deepEqual([Math.round(forn.rttMs!), forn.rttAgeMs], [10, 6_000]);
  assert.deepEqual([hort.status, hort.sinceMs], ["failed", clock.wallMs() - 3_000]);
  assert.equal(list.at(-1)!.rttMs, null);
  assert.equal(
    nameOfMember(undefined, member("watch", { tags: { n: "Forn" } })),
    "watch",
    "an agent takes no box's name",
  );
});

test("filters: status, a whole tag, a part of name or id, an expression", () => {
  const { list } = scene();
  const names = (wanted: Parameters<typeof filterMembers>[1]) => filterMembers(list, wanted).map(({ name }) => name);
  assert.deepEqual(names({ status: "failed" }), ["L'Hort"]);
  assert.deepEqual(names({ tag: "role=comu" }), ["Forn"]);
  assert.deepEqual(names({ tag: "role=com" }), []);
  assert.deepEqual(names({ tag: "nothing=" }), []);
  assert.deepEqual(names({ name: "HOR" }), ["L'Hort"]);
  assert.deepEqual(names({ name: "^forn|^wat" }), ["Forn", "watch"]);
  assert.deepEqual(names({ name: "fornbb" }), ["Forn"], "by its id");
  assert.throws(() => names({ name: "(" }), failsWith("bad-input"), "no expression, and no part of a name");
  assert.deepEqual(names({ name: "^nobody$" }), []);
  list.push({ ...list[0]!, id: "e".repeat(52), name: "Hort (nou)" });
  assert.deepEqual(names({ name: "(n" }), ["Hort (nou)"], "no expression, but a part of a name");
  list.pop();
  assert.equal(names({}).length, 5);
});

test("one member by id, by the beginning of one, by name in any case", () => {
  const { list } = scene();
  for (const ref of [FORN, "fornb", "FORN"]) assert.equal(findMember(list, ref).id, FORN, ref);
  assert.equal(findMember(list, "watch").kind, "agent");
  for (const ref of ["for", "nobody", ""]) assert.throws(() => findMember(list, ref), failsWith("member-unknown"), ref);
  const twins = [...list, { ...list.at(-1)!, id: "other", name: "Watch" }];
  assert.equal(findMember(twins, "watch").id, "watch", "the exact name in gossip wins");
  assert.throws(() => findMember(twins, "WATCH"), failsWith("box-ambiguous"));
});

test("the estimate between two, and the age of the older coordinate; none without one", () => {
  const { session, needs, list } = scene();
  const [own, newcomer, forn, hort] = list as [(typeof list)[0], (typeof list)[0], (typeof list)[0], (typeof list)[0]];
  const rtt = (a: (typeof list)[0], b: (typeof list)[0]) => {
    const { rttMs, ageMs } = estimateRtt(needs, session, a, b);
    return [Math.round(rttMs), ageMs];
  };
  assert.deepEqual(rtt(own, forn), [10, 6_000]);
  assert.deepEqual(rtt(forn, hort), [20, 9_000]);
  assert.deepEqual(rtt(own, own), [0, 0]);
  assert.throws(() => rtt(own, newcomer), failsWith("coordinate-unknown"));
});

test("times as people write them", () => {
  assert.deepEqual(["500ms", "30s", "10m", "2h", "1d"].map(durationMs), [500, 30_000, 600_000, 7_200_000, 86_400_000]);
  for (const text of ["", "10", "m", "-1s", "1.5h", "1w", "9999999s"]) assert.equal(DURATION.test(text), false, text);
});

test("a query waits QUERY_TIMEOUT_MS_MAX at most; what is no time is refused with its form", () => {
  const why = (name: "query" | "events", input: object) =>
    gossipEndpoints[name].input.safeParse(input).error?.issues[0]?.message;
  const longest = QUERY_TIMEOUT_MS_MAX / 1000;
  assert.equal(why("query", { name: "x", timeout: `${longest}s` }), undefined);
  assert.equal(why("query", { name: "x", timeout: `${longest + 1}s` }), "60s at most");
  assert.equal(why("query", { name: "x", timeout: "1h" }), "60s at most");
  assert.match(why("query", { name: "x", timeout: "soon" })!, /500ms or 30s/);
  assert.match(why("events", { since: "yesterday" })!, /10m, 2h, 1d.*2026-01-31T18:00:00Z/);
  assert.equal(why("events", { since: "2h" }), undefined);
  assert.equal(why("events", { since: "2026-01-31T18:00:00Z" }), undefined);
});
