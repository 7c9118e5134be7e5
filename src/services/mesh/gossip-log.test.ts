/** What becomes a line of the log, and what does not: members, tags, refutations, exclusions, keys, refusals. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import type { Member } from "../../protocols/membership/types.ts";
import type { EventParams, EventType } from "./event-log.ts";
import { FLAPS_PER_MINUTE_MAX } from "./flapping.ts";
import { createGossipLog } from "./gossip-log.ts";
import type { Session } from "./session.ts";

const SELF = "a".repeat(52);
const FORN = "b".repeat(52);
const HORT = "c".repeat(52);

function member(tags: Record<string, string> = {}, name = FORN): Member {
  const facts = { status: "alive", incarnation: 1, statusSinceMs: 0, protocol: 4 } as const;
  const none = { coordinate: undefined, coordinateAtMs: undefined };
  return { name, address: "10.0.0.2", port: 7946, tags: { n: "Forn", ...tags }, ...facts, ...none };
}

function scene() {
  const clock = virtualClock();
  const members = new Map<string, Member>();
  const lines: [EventType, string, EventParams][] = [];
  const refused = { "not-admitted": 0, "stale-ack": 0 };
  const counts = { refused, refutations: 0 };
  const world = { counts, unopened: 0, excluded: new Map<string, { by: string }>(), records: { known: 0, future: 0 } };
  const exclude = { body: { name: "Hort", reason: "noise\u0007" } };
  const session = {
    gossip: {
      core: { counts: () => structuredClone(counts), member: (id: string) => members.get(id) },
      unopened: () => world.unopened,
    },
    replica: {
      core: {
        get: (_author: string, kind: string) => (kind === "exclude" ? exclude : undefined),
        stats: () => ({ refused: { ...world.records } }),
      },
    },
    admission: { view: () => ({ excluded: world.excluded }) },
    isExcluded: (id: string) => world.excluded.has(id),
    isMember: () => true,
  } as unknown as Session;
  const log = {
    add: (type: EventType, about: string, params: EventParams = {}) => void lines.push([type, about, params]),
  };
  const of = createGossipLog({ clock, selfId: SELF, log: log as never, session: () => session });
  of.begin();
  const take = () => lines.splice(0).map(([type, about, params]) => ({ type, about, ...params }));
  return { of, take, world, clock, members };
}

test("a member comes, falters and refutes, fails, is forgotten", () => {
  const { of, take } = scene();
  for (const change of ["join", "suspect", "update", "suspect", "failed", "reap"] as const)
    of.onMember(change, member());
  assert.deepEqual(
    take().map(({ type }) => type),
    ["join", "suspect", "refuted", "suspect", "failed", "reap"],
  );
  of.onMember("join", member());
  assert.deepEqual(take()[0], { type: "join", about: FORN, name: "Forn", address: "10.0.0.2:7946" });
});

test("new tags are a line, but for load and key; what others say is made harmless", () => {
  const { of, take } = scene();
  of.onMember("join", member({ h: "o", l: "5", k: "1.x" }));
  take();
  of.onMember("update", member({ h: "o", l: "90", k: "2.y" }));
  assert.deepEqual(take(), []);
  of.onMember("update", member({ h: "w\u001b[2J", l: "90", k: "2.y" }));
  assert.deepEqual(take(), [
    { type: "update", about: FORN, name: "Forn", before: "n=Forn h=o", after: "n=Forn h=w [2J" },
  ]);
  of.onMember("update", member({ h: "w\u001b[2J", l: "95" }));
  assert.deepEqual(take(), [], "a leaving member, or the same again");
});

test("an exclusion with its reason, and a pardon, each once", () => {
  const { of, take, world } = scene();
  world.excluded = new Map([[HORT, { by: SELF }]]);
  of.onAdmission();
  of.onAdmission();
  assert.deepEqual(take(), [{ type: "exclusion", about: HORT, name: "Hort", by: "aaaaaaaa", reason: "noise " }]);
  world.excluded = new Map();
  of.onAdmission();
  assert.deepEqual(take(), [{ type: "pardon", about: HORT, name: "Hort" }]);
});

test("who was excluded before the session began is no news", () => {
  const { of, take, world } = scene();
  world.excluded = new Map([[HORT, { by: SELF }]]);
  of.begin();
  of.onAdmission();
  assert.deepEqual(take(), []);
});

test("a key that was announced, with why; one that was handed over at admission is no change", () => {
  const { of, take, world } = scene();
  world.excluded = new Map([[HORT, { by: SELF }]]);
  const key = { epoch: 2, key: new Uint8Array(32), check: "c", primary: false };
  of.onKey({ ...key, origin: undefined });
  of.onKey({ ...key, origin: { epoch: 2, check: "c", atMs: 1, author: FORN, excluded: HORT } });
  of.onKey({ ...key, origin: { epoch: 2, check: "c", atMs: 1, author: FORN } });
  const common = { type: "key", about: FORN, epoch: 2, by: "bbbbbbbb" };
  assert.deepEqual(take(), [
    { ...common, because: "Hort" },
    { ...common, because: "" },
  ]);
});

test("refusals in bulk, without late copies; own refutations once", () => {
  const { of, take, world } = scene();
  world.counts.refused["not-admitted"] = 7;
  world.counts.refused["stale-ack"] = 3;
  world.unopened = 2;
  world.records = { known: 9, future: 1 };
  world.counts.refutations = 4;
  of.onNews({ type: "key-request", key: "k", op: "list", from: "watch", deadlineMs: 1 } as never);
  of.countRefused();
  assert.deepEqual(take(), [
    { type: "refused", about: "", count: 11, reasons: "not-admitted 7, unopened 2, key-requests 1, record-future 1" },
    { type: "refuted", about: SELF, name: "aaaaaaaa" },
  ]);
  of.countRefused();
  assert.deepEqual(take(), []);
});

test("events, queries and conflicts", () => {
  const { of, take } = scene();
  const payload = Buffer.from("opens at nine");
  const rest = { filtered: false, deadlineMs: 1 };
  of.onNews({ type: "user-event", name: "market", payload, ltime: 1, coalesce: false });
  of.onNews({ type: "query", key: "k", name: "who", payload: Uint8Array.of(0xff), from: "watch", ...rest });
  of.onNews({ type: "query", key: "l", name: "who", payload, from: FORN, ...rest, filtered: true });
  of.onNews({ type: "name-conflict", name: FORN, other: { address: "10.0.0.9", port: 1 } });
  assert.deepEqual(take(), [
    { type: "event", about: "", name: "market", payload: "opens at nine" },
    { type: "query", about: "watch", name: "who", payload: "/w==", from: "watch", to: "" },
    { type: "query", about: FORN, name: "who", payload: "opens at nine", from: "bbbbbbbb", to: "some" },
    { type: "conflict", about: FORN, name: "bbbbbbbb", address: "10.0.0.9:1" },
  ]);
});

test("an own question to some stands in the log when this box is none of them", () => {
  const { of, take, members } = scene();
  members.set(SELF, member({ n: "Own" }, SELF));
  of.onAsked({ name: "comu-ping", payload: "" });
  of.onAsked({ name: "comu-ping", payload: "", tag: "n=Own" });
  of.onAsked({ name: "comu-ping", payload: "", tag: "none=" });
  assert.deepEqual(take(), [], "these come back as news");
  of.onAsked({ name: "comu-ping", payload: "a\u202eb", tag: "n=Hort" });
  const line = { type: "query", about: SELF, name: "comu-ping", payload: "a\ufffdb", from: "Own", to: "some" };
  assert.deepEqual(take(), [line]);
});

test("who is called gone and comes back again and again is one line a minute, with how it ends", () => {
  const { of, take, clock, members } = scene();
  const flap = (times: number) => {
    for (let n = 0; n < times; n += 1) for (const change of ["failed", "join"] as const) of.onMember(change, member());
  };
  members.set(FORN, member());
  flap(37);
  assert.equal(take().length, FLAPS_PER_MINUTE_MAX);
  clock.advance(60_000);
  assert.deepEqual(take(), [{ type: "flapping", about: FORN, name: "Forn", count: 37, gone: "" }]);
  assert.equal(of.flapping(), false, "one bad minute is no reason to worry");
  flap(9);
  members.set(FORN, { ...member(), status: "failed" });
  of.onMember("suspect", member());
  of.onMember("failed", member());
  take();
  clock.advance(60_000);
  assert.deepEqual(take(), [{ type: "flapping", about: FORN, name: "Forn", count: 9, gone: "yes" }]);
  assert.equal(of.flapping(), true);
  of.begin();
  assert.equal(of.flapping(), false);
});
