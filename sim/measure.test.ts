/** The bench's own arithmetic: what spreads, what is a false alarm, and that a measurement can be repeated. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Alarms } from "./alarms.ts";
import { measure } from "./measure.ts";
import { Spread } from "./spread.ts";

test("a spread counts those that were there and stayed", () => {
  let nowMs = 1000;
  const isIt = { member: () => true };
  const spread = new Spread("tags", 10, isIt, () => nowMs);
  for (let box = 0; box < 4; box++) spread.await(box);
  const see = (box: number, atMs: number) => {
    nowMs = atMs;
    spread.member(box, {} as never);
  };
  see(0, 1100);
  see(0, 1150);
  see(9, 1160);
  see(1, 1200);
  assert.deepEqual(spread.times(), [200, null, null, null]);
  spread.leave(2);
  spread.leave(0);
  see(3, 1300);
  assert.deepEqual(spread.times(), [200, 300, 300, 300]);
  assert.equal(spread.audience, 3);
});

test("an alarm is raised once however many note it, and again when it was refuted or the box began anew", () => {
  const alarms = new Alarms(2);
  for (const incarnation of [1, 1, 1, 2, 1]) alarms.note(0, incarnation);
  assert.deepEqual([alarms.raised, alarms.noted], [2, 5]);
  alarms.note(1, 1);
  alarms.begin(0);
  alarms.note(0, 1);
  assert.deepEqual([alarms.raised, alarms.noted], [4, 7]);
});

test("a measurement is the same again from the same seed, and sees all that happened", () => {
  const run = (seed: number) => {
    const lines: string[] = [];
    const options = { boxes: 25, minutes: 1, loss: 0.05, slow: 0.1, lifeguard: true, authors: 3, monthSeconds: 0 };
    const say = (line: string) => lines.push(line);
    const measured = measure({ ...options, seed, profile: "lan", graph: "graz" }, say, () => 0);
    assert.equal(lines.length, 2);
    return measured;
  };
  const first = run(7);
  assert.equal(run(7).world.trace, first.world.trace);
  assert.notEqual(run(8).world.trace, first.world.trace);
  for (const times of [first.tagsMs, first.failureMs, first.joinMs, first.recordsMs]) {
    assert.deepEqual(Object.keys(times), ["50 %", "90 %", "99 %", "100 %"]);
    assert.ok(times["50 %"]! > 0 && times["100 %"]! >= times["50 %"]!, JSON.stringify(times));
  }
});
