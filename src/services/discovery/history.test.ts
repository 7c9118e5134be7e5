/** The history of one service: hours and recent measurements, their bounds, what a clock that jumps does, and text. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { History, Sample } from "./history.ts";
import {
  decodeHistory,
  emptyHistory,
  encodeHistory,
  HISTORY_BYTES_MAX,
  HOUR_MS,
  HOURS_MAX,
  hoursOfWeek,
  RECENT_MAX,
  summaryOf,
  WEEK_MS,
  withSample,
} from "./history.ts";

const T0 = 494_000 * HOUR_MS;
const answer = (atMs: number, rttMs = 10, firstByteMs: number | null = 20): Sample => ({
  atMs,
  ok: true,
  lost: false,
  rttMs,
  firstByteMs,
});
const silence = (atMs: number): Sample => ({ atMs, ok: false, lost: true, rttMs: null, firstByteMs: null });
const of = (...samples: Sample[]): History => samples.reduce(withSample, emptyHistory());

test("an hour: counts, medians, the slowest; the next hour is another line", () => {
  const history = of(
    answer(T0, 10, 30),
    answer(T0 + 1, 12, 20),
    answer(T0 + 2, 50, 400),
    silence(T0 + 3),
    answer(T0 + HOUR_MS, 1, null),
  );
  const hour = T0 / HOUR_MS;
  assert.deepEqual(history.hours, [
    { hour, samples: 4, answered: 3, lost: 1, rttMs: 12, firstByteMs: 30, firstByteP95Ms: 400 },
    { hour: hour + 1, samples: 1, answered: 1, lost: 0, rttMs: 1, firstByteMs: null, firstByteP95Ms: null },
  ]);
  assert.equal(history.recent.length, 5);
});

test("the summary: recent ones of a day, answers of a week, as of the last measurement", () => {
  assert.equal(summaryOf(emptyHistory()), undefined);
  const old = Array.from({ length: 10 }, (_, index) => answer(T0 + index * HOUR_MS, 500, 500));
  const late = T0 + 30 * HOUR_MS;
  const summary = summaryOf(of(...old, answer(late, 10, 20), silence(late + 1), answer(late + 2, 30, 40)))!;
  assert.deepEqual(
    [summary.recent, summary.loss, summary.rttMs, summary.firstByteMs, summary.samples, summary.answered],
    // Of the old ones, those from the seventh hour on are less than a day ago.
    [6, 1 / 6, 500, 500, 13, 12],
  );
  const alone = summaryOf(of(...old, answer(T0 + WEEK_MS + 20 * HOUR_MS)))!;
  assert.deepEqual([alone.recent, alone.samples], [1, 1]);
});

test("a connection whose packets were lost on the way says nothing about the round trip", () => {
  const slow: Sample = { atMs: T0, ok: true, lost: true, rttMs: 1040, firstByteMs: 60 };
  const summary = summaryOf(of(slow, answer(T0 + 1, 40, 50)))!;
  assert.deepEqual([summary.rttMs, summary.firstByteMs, summary.loss, summary.answered], [40, 50, 0.5, 2]);
  assert.equal(summaryOf(of(slow))!.rttMs, null);
});

test("bounded: so many recent ones, so many hours, so many bytes, whatever comes", () => {
  let history = emptyHistory();
  for (let index = 0; index < HOURS_MAX + 40; index += 1) {
    for (let turn = 0; turn < 3; turn += 1)
      history = withSample(history, answer(T0 + index * HOUR_MS + turn, 99_999.94, 99_999.94));
  }
  for (let turn = 0; turn < 30; turn += 1) history = withSample(history, answer(T0 + 250 * HOUR_MS, 1e9, 1e9));
  for (const hour of history.hours) Object.assign(hour, { samples: 99_999, answered: 99_999, lost: 99_999 });
  assert.deepEqual([history.hours.length, history.recent.length], [HOURS_MAX, RECENT_MAX]);
  const bytes = Buffer.byteLength(encodeHistory(history));
  assert.ok(bytes <= HISTORY_BYTES_MAX && bytes > 0.9 * HISTORY_BYTES_MAX, `${bytes} bytes`);
  assert.ok(hoursOfWeek(history, T0 + 250 * HOUR_MS).length <= HOURS_MAX);
});

test("a count stays within its bound", () => {
  let history = of(answer(T0));
  history.hours[0]!.samples = 99_999;
  history.hours[0]!.answered = 99_999;
  history = withSample(history, answer(T0 + 1));
  assert.deepEqual([history.hours[0]!.samples, history.hours[0]!.answered], [99_999, 99_999]);
});

test("a clock that jumps ahead and comes back destroys nothing, and hours stay in order", () => {
  const before = of(answer(T0), answer(T0 + HOUR_MS));
  const jumped = withSample(before, answer(T0 + 400 * HOUR_MS));
  const back = withSample(jumped, answer(T0 + 2 * HOUR_MS));
  assert.deepEqual(
    back.hours.map((one) => one.hour - T0 / HOUR_MS),
    [0, 1, 2, 400],
  );
  assert.equal(summaryOf(back)!.samples, 4);
});

test("text and back, for every history; what cannot be read is none", () => {
  const time = fc.option(
    fc.integer({ min: 0, max: 50_000 }).map((tenths) => tenths / 10),
    { nil: null },
  );
  const sample = fc
    .record({
      hours: fc.integer({ min: 0, max: 300 }),
      ok: fc.boolean(),
      lost: fc.boolean(),
      rttMs: time,
      firstByteMs: time,
    })
    .map(({ hours, ok, lost, rttMs, firstByteMs }): Sample => {
      const times = ok ? { rttMs, firstByteMs } : { rttMs: null, firstByteMs: null };
      return { atMs: T0 + hours * HOUR_MS, ok, lost, ...times };
    });
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 60 }), (samples) => {
      const history = of(...samples);
      assert.deepEqual(decodeHistory(encodeHistory(history)), history);
    }),
  );
  for (const text of [
    "",
    "{}",
    "null",
    '{"recent":1,"hours":[]}',
    '{"recent":[["x",0]],"hours":[]}',
    '{"recent":[],"hours":[[1]]}',
  ])
    assert.deepEqual(decodeHistory(text), emptyHistory(), text);
});
