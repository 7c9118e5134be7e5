/** Whether a server is there, in virtual time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../kernel/random.ts";
import { virtualClock } from "../../../kernel/virtual-clock.ts";
import {
  AWAY_AFTER_POLLS,
  POLL_AGAIN_MS,
  POLL_MAX_MS,
  POLL_MIN_MS,
  POLL_ROOM_MS,
  SLOW_AFTER_MS,
  ServerWatch,
} from "./storage-client-watch.ts";

function watchOf() {
  const clock = virtualClock();
  const seen = { polls: 0, missed: 0, aways: 0, isThere: true, afterMs: 0 };
  const poll = async () => {
    seen.polls += 1;
    if (seen.afterMs > 0) await new Promise<void>((resolve) => clock.after(seen.afterMs, resolve));
    if (!seen.isThere) throw new Error("nobody");
  };
  const [onMissed, onAway] = [() => (seen.missed += 1), () => (seen.aways += 1)];
  const watch = new ServerWatch({ clock, random: seededRandom(1), poll, onMissed, onAway });
  return { clock, seen, watch };
}

test("a server at rest is asked less and less", async () => {
  const { clock, seen, watch } = watchOf();
  assert.equal(watch.state(), "unknown");
  watch.start();
  await clock.advanceSettled(10);
  assert.deepEqual([watch.state(), seen.polls], ["up", 1]);
  await clock.advanceSettled(3_600_000, 1000);
  const first = seen.polls;
  assert.ok(first < 24, `${first} polls in the first hour`);
  await clock.advanceSettled(86_400_000, 10_000);
  const aDay = seen.polls - first;
  assert.ok(aDay <= 86_400_000 / (POLL_MAX_MS * 0.8) + 1, `${aDay} polls a day`);
  watch.stop();
  assert.equal(clock.waiting(), 0);
});

test("its own traffic is as good as a poll, but its room is asked for now and then", async () => {
  const { clock, seen, watch } = watchOf();
  watch.start();
  await clock.advanceSettled(10);
  for (let second = 0; second < 600; second += 1) {
    watch.began();
    watch.answered();
    watch.ended();
    await clock.advanceSettled(1000);
  }
  assert.ok(seen.polls > 5 && seen.polls <= 600_000 / POLL_ROOM_MS + 2, `${seen.polls} polls`);
});

test("what is used after a rest is looked at soon", async () => {
  const { clock, seen, watch } = watchOf();
  watch.start();
  await clock.advanceSettled(3_600_000, 1000);
  const before = seen.polls;
  watch.began();
  await clock.advanceSettled(POLL_MIN_MS + 10, 100);
  assert.equal(seen.polls, before + 1);
});

test("slow as soon as nothing moves, up again when it answers", async () => {
  const { clock, watch } = watchOf();
  watch.began();
  watch.answered();
  await clock.advanceSettled(SLOW_AFTER_MS);
  assert.equal(watch.state(), "up");
  await clock.advanceSettled(1);
  assert.equal(watch.state(), "slow");
  watch.moved();
  assert.equal(watch.state(), "up");
  await clock.advanceSettled(SLOW_AFTER_MS + 1);
  watch.began();
  assert.equal(watch.state(), "slow", "a second request does not make it quicker");
  watch.answered();
  watch.ended();
  watch.ended();
  await clock.advanceSettled(SLOW_AFTER_MS + 1);
  assert.equal(watch.state(), "up", "nobody waits for it");
});

test("away after polls that fail, asked less and less, and back at the first that does not", async () => {
  const { clock, seen, watch } = watchOf();
  watch.start();
  await clock.advanceSettled(10);
  seen.isThere = false;
  watch.failed();
  await clock.advanceSettled(1);
  assert.deepEqual([watch.state(), seen.polls], ["slow", AWAY_AFTER_POLLS]);
  await clock.advanceSettled(POLL_AGAIN_MS);
  assert.deepEqual([watch.state(), seen.aways], ["away", 1]);
  const before = seen.polls;
  await clock.advanceSettled(3_600_000, 1000);
  assert.ok(seen.polls - before < 24, `${seen.polls - before} polls`);
  assert.equal(seen.aways, 1);
  seen.isThere = true;
  await clock.advanceSettled(POLL_MAX_MS, 1000);
  assert.equal(watch.state(), "up");
});

test("a poll that comes late behind its own data says nothing", async () => {
  const { clock, seen, watch } = watchOf();
  watch.start();
  await clock.advanceSettled(10);
  Object.assign(seen, { isThere: false, afterMs: 5000 });
  watch.began();
  for (let second = 0; second < 300; second += 1) {
    watch.moved();
    await clock.advanceSettled(1000);
  }
  assert.ok(seen.polls >= 300_000 / POLL_ROOM_MS, `${seen.polls} polls`);
  assert.deepEqual([watch.state(), seen.missed, seen.aways], ["up", 0, 0]);
  await clock.advanceSettled(60_000, 100);
  assert.deepEqual([watch.state(), seen.aways], ["away", 1]);
  assert.ok(seen.missed >= AWAY_AFTER_POLLS);
});

test("who wants an absent server asks whether it is back, together with others and not again and again", async () => {
  const { clock, seen, watch } = watchOf();
  seen.isThere = false;
  watch.start();
  await clock.advanceSettled(10);
  await clock.advanceSettled(POLL_AGAIN_MS + 1);
  assert.equal(watch.state(), "away");
  const before = seen.polls;
  assert.deepEqual(await Promise.all([watch.look(), watch.look()]), [false, false]);
  assert.equal(seen.polls, before, "a moment ago it was not there");
  await clock.advanceSettled(POLL_AGAIN_MS + 1);
  seen.isThere = true;
  assert.deepEqual(await Promise.all([watch.look(), watch.look()]), [true, true]);
  assert.equal(seen.polls, before + 1);
  assert.equal(watch.state(), "up");
});
