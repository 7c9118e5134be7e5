/** What is shown of boxes: one without all the others, and the load that each claims in its gossip tags. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../kernel/clock.ts";
import { listBoxes, loadOf, saidAt, viewOfBox } from "./boxes.ts";
import type { BoxesNeeds } from "./boxes.ts";
import type { Session } from "./session.ts";

const NOW_MS = Date.UTC(2026, 10, 1, 12, 0, 30);
const MINUTE_MS = 60_000;

test("a load has its time; a clock that is ahead says now; what does not fit is none", () => {
  const said = (agoMs: number, l = "150") => loadOf({ l, t: saidAt(NOW_MS - agoMs) }, NOW_MS);
  assert.deepEqual(said(0), { load: 1.5, loadAtMs: NOW_MS - 30_000 });
  assert.deepEqual(said(20 * MINUTE_MS), { load: 1.5, loadAtMs: NOW_MS - 20.5 * MINUTE_MS });
  assert.deepEqual(said(-600 * MINUTE_MS), { load: 1.5, loadAtMs: NOW_MS });
  for (const l of ["", "-5", "1.5", "1e3", "NaN", "Infinity", "9999999"]) assert.equal(said(0, l), undefined, l);
  for (const t of ["", "-1", "T0", "zzzzzzzz", "1 2"]) assert.equal(loadOf({ l: "5", t }, NOW_MS), undefined, t);
  assert.equal(loadOf({ l: "5" }, NOW_MS), undefined, "a load without its time");
  assert.equal(loadOf({ t: saidAt(NOW_MS) }, NOW_MS), undefined);
});

/** A community of this box, one that answers, one that is away, and one excluded. */
function community() {
  const asked = { self: 0, addresses: 0 };
  const clock = { ...systemClock(), wallMs: () => NOW_MS, monotonicMs: () => 1_000 };
  const body = { name: "Self", owner: "", zone: "", version: "", address: "", meshPort: 1, webPort: 1, startedMs: 0 };
  const needs = {
    ...{ clock, selfId: "self", selfHealth: () => "ok", selfLoad: () => 0 },
    self: () => (asked.self++, body),
    rows: { addresses: () => (asked.addresses++, [{ box: "away", seenMs: 5 }]) },
  } as unknown as BoxesNeeds;
  const there = { name: "there", status: "alive", statusSinceMs: 0, tags: { h: "w" }, address: undefined };
  const session = {
    admission: {
      view: () => ({
        members: new Map(["self", "there", "away"].map((id) => [id, {}])),
        ...{ joined: new Map(), stewards: new Set(["there"]), excluded: new Map([["out", { by: "there" }]]) },
      }),
    },
    isExcluded: () => false,
    replica: { core: { get: () => undefined, list: () => [] } },
    gossip: {
      core: {
        coordinate: () => undefined,
        members: () => [there],
        member: (name: string) => (name === "there" ? there : undefined),
      },
    },
  } as unknown as Session;
  return { needs, session, asked };
}

test("one box is shown as in the list of all, which need not be made for it", () => {
  const { needs, session, asked } = community();
  const all = listBoxes(needs, session);
  assert.deepEqual(new Set(all.map(({ id }) => id)), new Set(["self", "there", "away", "out"]));
  for (const box of all) assert.deepEqual(viewOfBox(needs, session, box.id), box);
  assert.equal(viewOfBox(needs, session, "stranger"), undefined);
  assert.equal(viewOfBox(needs, undefined, "self")?.self, true);
  Object.assign(asked, { self: 0, addresses: 0 });
  assert.deepEqual([viewOfBox(needs, session, "there")?.state, asked], ["up", { self: 0, addresses: 0 }]);
});
