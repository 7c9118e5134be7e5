/** Who answers in time, who is late, and that nobody waits for the late. */
import assert from "node:assert/strict";
import test from "node:test";
import { virtualClock } from "../../../kernel/virtual-clock.ts";
import { ANSWER_MAX_MS, LATE_FACTOR, LATE_MIN_MS } from "./constants.ts";
import { piecesOf } from "./content.ts";
import { answersInTime } from "./in-time.ts";

const never = new AbortController().signal;

function scene() {
  const clock = virtualClock();
  const ended: string[] = [];
  const after = (ms: number, name: string) => (signal: AbortSignal) =>
    new Promise<string>((resolve) => {
      signal.addEventListener("abort", () => ended.push(name));
      clock.after(ms, () => resolve(name));
    });
  return { clock, ended, after };
}

test("when half have answered, the others get some times as long", async () => {
  const { clock, ended, after } = scene();
  const questions = [
    after(200, "a"),
    after(100, "b"),
    after(200 * LATE_FACTOR - 1, "c"),
    after(200 * LATE_FACTOR + 1, "d"),
  ];
  const answers = answersInTime(clock, questions, never);
  await clock.advanceSettled(200);
  await clock.advanceSettled(200 * LATE_FACTOR - 201);
  await clock.advanceSettled(1);
  assert.deepEqual(
    (await answers).map(({ state }) => state),
    ["answered", "answered", "answered", "late"],
  );
  assert.deepEqual(ended, ["d"]);
});

test("nobody is late at once, and nobody is waited for without end", async () => {
  const { clock, after } = scene();
  const quick = answersInTime(clock, [after(1, "a"), after(LATE_MIN_MS - 10, "b")], never);
  await clock.advanceSettled(LATE_MIN_MS);
  assert.deepEqual(
    (await quick).map(({ state }) => state),
    ["answered", "answered"],
  );
  const failing = () => Promise.reject(new Error("no"));
  const alone = answersInTime(clock, [after(ANSWER_MAX_MS * 2, "a"), failing], never);
  await clock.advanceSettled(ANSWER_MAX_MS);
  assert.deepEqual(
    (await alone).map(({ state }) => state),
    ["late", "failed"],
  );
  assert.deepEqual(await answersInTime(clock, [], never), []);
  const controller = new AbortController();
  const aborted = answersInTime(clock, [after(1000, "a")], controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(aborted, /enough/);
  assert.equal(clock.waiting(), 2, "only the answers that nobody waits for");
});

test("content comes in pieces of one size, whatever it comes in", async () => {
  const parts = [3, 1, 10, 0, 6].map((length) => new Uint8Array(length).fill(length));
  const whole = Buffer.concat(parts);
  const content = {
    bytes: whole.length,
    read: async function* () {
      yield* parts;
    },
  };
  for (const size of [1, 4, 7, 20, 100]) {
    const pieces = [];
    for await (const piece of piecesOf(content, size, never)) pieces.push(piece);
    assert.deepEqual(
      pieces.map(({ length }) => length).slice(0, -1),
      pieces.slice(1).map(() => size),
    );
    assert.ok(Buffer.concat(pieces).equals(whole));
  }
});
