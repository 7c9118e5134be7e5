/** Flapping: what is told one by one, the line at the end of a minute, when it is a worry and when it is over. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import {
  createFlapping,
  FLAPPING_MEMBERS_MAX,
  FLAPPING_MINUTES_MIN,
  FLAPPING_OVER_MS,
  FLAPS_PER_MINUTE_MAX,
} from "./flapping.ts";

const MINUTE_MS = 60_000;

function scene() {
  const clock = virtualClock();
  const told: string[] = [];
  const flapping = createFlapping({ clock, tell: ({ member, count }) => void told.push(`${member} ${count}`) });
  /** How many of the changes are to be told by themselves. */
  const flap = (member: string, changes = 2 * FLAPS_PER_MINUTE_MAX) =>
    Array.from({ length: changes }, (_, n) => flapping.note(member, n % 2 === 1)).filter(Boolean).length;
  return { clock, told, flapping, flap };
}

test("FLAPS_PER_MINUTE_MAX changes one by one, then one line; the next minute begins anew", () => {
  const { clock, told, flap } = scene();
  assert.equal(flap("calm", FLAPS_PER_MINUTE_MAX), FLAPS_PER_MINUTE_MAX);
  assert.equal(flap("forn"), FLAPS_PER_MINUTE_MAX);
  assert.deepEqual(told, []);
  clock.advance(MINUTE_MS);
  assert.deepEqual(told, [`forn ${FLAPS_PER_MINUTE_MAX}`]);
  assert.equal(flap("forn"), FLAPS_PER_MINUTE_MAX);
});

test("a worry after FLAPPING_MINUTES_MIN minutes, however many flap in one; over after FLAPPING_OVER_MS", () => {
  const { clock, flap, flapping } = scene();
  for (let minute = 0; minute < FLAPPING_MINUTES_MIN; minute += 1) {
    assert.equal(flapping.goesOn(), false);
    flap("a");
    clock.advance(MINUTE_MS / 2);
    flap("b");
    clock.advance(MINUTE_MS / 2);
  }
  assert.equal(flapping.goesOn(), true);
  clock.advance(FLAPPING_OVER_MS + MINUTE_MS);
  assert.equal(flapping.goesOn(), false);
  flap("a");
  clock.advance(MINUTE_MS);
  assert.equal(flapping.goesOn(), false, "it begins from the beginning");
});

test("FLAPPING_MEMBERS_MAX are counted; of further ones every change is told", () => {
  const { clock, flap } = scene();
  for (let n = 0; n < FLAPPING_MEMBERS_MAX; n += 1) flap(`m${n}`, 1);
  assert.equal(flap("further", 20), 20);
  clock.advance(MINUTE_MS);
  assert.equal(flap("further", 20), FLAPS_PER_MINUTE_MAX);
});
