/** Who is measured when: the interval of each service, what a host hears of 20,000 boxes, what comes first. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../kernel/random.ts";
import type { Candidate } from "./schedule.ts";
import {
  createSchedule,
  HOST_MEASURES_PER_MINUTE_MAX,
  hostIntervalMs,
  INTEREST_MS,
  INTERESTS_MAX,
  MEASURES_PER_MINUTE_MAX,
  PLAN_MS,
} from "./schedule.ts";

const MINUTE_MS = 60_000;
const SETTING_MS = 15 * MINUTE_MS;
const PER_PLAN = (MEASURES_PER_MINUTE_MAX * PLAN_MS) / MINUTE_MS;

const candidate = (id: string, more: Partial<Candidate> = {}): Candidate => ({
  id,
  host: `host of ${id}`,
  boxId: `box of ${id}`,
  near: false,
  open: false,
  ...more,
});
const schedule = (seed: number, agoMs: (id: string) => number | undefined = () => undefined) =>
  createSchedule({ random: seededRandom(seed), intervalMs: () => SETTING_MS, agoMs });

test("the interval grows with boxes and services, by the formula", () => {
  assert.equal(hostIntervalMs(20_000, 1), 20_000_000);
  assert.equal(hostIntervalMs(300, 5), 25 * MINUTE_MS);
  const small = schedule(1);
  small.plan([candidate("a")], 50, 0, 10);
  assert.equal(small.intervalMs("a"), SETTING_MS, "in a small community the setting holds");
  const sameHost = Array.from({ length: 10 }, (_, index) => candidate(`s${index}`, { host: "h" }));
  const large = schedule(1);
  large.plan(sameHost, 1000, 0, 10);
  assert.equal(large.intervalMs("s3"), hostIntervalMs(1000, 10));
  const sameBox = sameHost.map((one, index) => ({ ...one, host: `name${index}.example`, boxId: "b" }));
  const names = schedule(1);
  names.plan(sameBox, 1000, 0, 10);
  assert.equal(names.intervalMs("s3"), hostIntervalMs(1000, 10), "other names for its doors gain a box nothing");
});

test("20,000 boxes learn of a host with five services in the same second: what it hears, then and later", () => {
  const [boxes, services, stepMinutes, steps] = [20_000, 5, 40, 125];
  const heard = new Uint32Array(steps);
  const five = Array.from({ length: services }, (_, index) => candidate(`s${index}`, { host: "h" }));
  // A box plans every ten seconds; here every forty minutes, which is often enough where it waits for a day.
  for (let seed = 0; seed < boxes; seed += 1) {
    const one = schedule(seed);
    for (let step = 0; step < steps; step += 1) {
      const nowMs = step * stepMinutes * MINUTE_MS;
      for (const { id } of one.plan(five, boxes, nowMs, PER_PLAN)) {
        one.measured(id, nowMs);
        heard[step]! += 1;
      }
    }
  }
  const perMinute = [...heard.slice(1)].map((count) => count / stepMinutes);
  const mean = perMinute.reduce((sum, one) => sum + one, 0) / perMinute.length;
  const most = Math.max(...perMinute);
  console.log(`a host of five services, 20,000 boxes: ${mean.toFixed(1)} a minute, at most ${most.toFixed(1)}`);
  assert.ok(mean > 0.9 * HOST_MEASURES_PER_MINUTE_MAX && mean <= 1.01 * HOST_MEASURES_PER_MINUTE_MAX, `mean ${mean}`);
  assert.ok(most <= 1.15 * HOST_MEASURES_PER_MINUTE_MAX, `most ${most}`);
});

test("5,000 services: never more than the budget, all measured within the time that it allows", () => {
  const [boxes, services] = [100, 5000];
  const one = schedule(7);
  const all = Array.from({ length: services }, (_, index) => candidate(`s${index}`, { host: `h${index % 100}` }));
  const seen = new Set<string>();
  let plans = 0;
  for (let nowMs = 0; seen.size < services; nowMs += PLAN_MS, plans += 1) {
    const chosen = one.plan(all, boxes, nowMs, PER_PLAN);
    assert.ok(chosen.length <= PER_PLAN);
    assert.equal(new Set(chosen.map(({ host }) => host)).size, chosen.length, "of each host one");
    for (const { id } of chosen) {
      one.measured(id, nowMs);
      seen.add(id);
    }
    assert.ok(plans < 2 * (services / PER_PLAN), `${seen.size} of ${services} after ${plans} plans`);
  }
  console.log(`5,000 services seen after ${(plans / 6).toFixed(0)} minutes`);
});

test("the budget is too small: what people looked at comes oftener, nothing starves", () => {
  const one = createSchedule({ random: seededRandom(3), intervalMs: () => MINUTE_MS, agoMs: () => undefined });
  const all = Array.from({ length: 600 }, (_, index) =>
    candidate(`s${index}`, { near: index === 1, open: index === 2 }),
  );
  one.looked("s0", 0);
  const counts = new Map<string, number>();
  for (let nowMs = 0; nowMs < 5 * 3_600_000; nowMs += PLAN_MS) {
    for (const { id } of one.plan(all, 2, nowMs, PER_PLAN)) {
      one.measured(id, nowMs);
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
  }
  const usual = all.slice(3).map(({ id }) => counts.get(id) ?? 0);
  const most = Math.max(...usual);
  assert.ok(Math.min(...usual) >= most - 2, "each gets its turn");
  assert.ok(counts.get("s0")! > 2.5 * most, `${counts.get("s0")} against ${most}`);
  for (const id of ["s1", "s2"]) assert.ok(counts.get(id)! > 1.5 * most, `${counts.get(id)} against ${most}`);
});

test("interest ends after a day, and only so many interests are kept", () => {
  const one = schedule(1, () => 10 * SETTING_MS);
  const two = [candidate("plain", { near: true }), candidate("looked")];
  const first = (nowMs: number) => one.plan(two, 1, nowMs, 1)[0]!.id;
  one.plan(two, 1, 0, 1);
  one.looked("looked", 0);
  assert.equal(first(MINUTE_MS), "looked");
  assert.equal(first(INTEREST_MS + 1), "plain");
  one.looked("looked", INTEREST_MS);
  for (let index = 0; index < INTERESTS_MAX; index += 1) one.looked(`other${index}`, INTEREST_MS);
  assert.equal(first(INTEREST_MS + 2), "plain");
});

test("after a restart it goes on where it was; a clock that went back makes it due", () => {
  const agos = new Map([
    ["fresh", MINUTE_MS],
    ["old", 2 * SETTING_MS],
    ["future", -MINUTE_MS],
  ]);
  const one = schedule(1, (id) => agos.get(id));
  const ids = (nowMs: number) =>
    one
      .plan(
        [...agos.keys()].map((id) => candidate(id)),
        2,
        nowMs,
        10,
      )
      .map(({ id }) => id)
      .toSorted();
  ids(0);
  assert.deepEqual(ids(hostIntervalMs(2, 1)), ["future", "old"]);
  for (const id of ["old", "future"]) one.measured(id, 0);
  assert.deepEqual(ids(1.25 * SETTING_MS), ["fresh", "future", "old"]);
  one.reset();
  assert.equal(one.intervalMs("old"), undefined);
});
