/** Files of several pieces: what came of one that nobody goes on with is taken away, also after a restart. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../../kernel/errors.ts";
import { createLog } from "../../../kernel/log.ts";
import { virtualClock } from "../../../kernel/virtual-clock.ts";
import { openStore } from "../../../platform/store.ts";
import { UPLOADS_LOOK_MS, UPLOADS_PER_SLIVER_MAX, UPLOAD_IDLE_MS } from "../constants.ts";
import { computeErrors } from "../errors.ts";
import type { Sliver } from "./slice-store.ts";
import { Uploads } from "./uploads.ts";

const SLIVER = "abcdefgh1";
const one = { sliver: SLIVER, path: "/srv/x", upload: "abcdefgh" };
const FIRST = { isFirst: true, isLast: false };
const MORE = { isFirst: false, isLast: false };
const LAST = { isFirst: false, isLast: true };
const never = new AbortController().signal;
const STEP_MS = 60_000;
const sent = async () => {};

function home() {
  const clock = virtualClock();
  const log = createLog({ clock, level: "error", write: (line) => assert.fail(line) });
  const store = openStore(":memory:");
  const asked: string[] = [];
  const state: { sliver: Pick<Sliver, "wanted"> | undefined; answer: () => Promise<unknown> } = {
    sliver: { wanted: "running" },
    answer: async () => ({ done: {}, end: () => {} }),
  };
  const inside = {
    ask(_sliver: unknown, _shape: unknown, question: { do: string; path: string; upload: string }) {
      asked.push(`${question.do} ${question.path} ${question.upload}`);
      return state.answer();
    },
  };
  const open = () => {
    const rows = { sliver: () => state.sliver };
    const uploads = new Uploads({ clock, log, store, inside: inside as never, rows: rows as never });
    uploads.start();
    return uploads;
  };
  return { clock, asked, state, open };
}

const TAKEN_AWAY = "cancel /srv/x abcdefgh";

test("one that goes on is left alone, however long it takes; one that does not is taken away once", async () => {
  const { clock, asked, open } = home();
  const uploads = open();
  await uploads.piece(one, FIRST, sent);
  for (let piece = 0; piece < 3; piece += 1) {
    await clock.advanceSettled(UPLOAD_IDLE_MS - UPLOADS_LOOK_MS, STEP_MS);
    await uploads.piece(one, MORE, sent);
  }
  assert.deepEqual(asked, []);
  await clock.advanceSettled(UPLOAD_IDLE_MS + UPLOADS_LOOK_MS, STEP_MS);
  assert.deepEqual(asked, [TAKEN_AWAY]);
  await clock.advanceSettled(2 * UPLOAD_IDLE_MS, STEP_MS);
  assert.deepEqual(asked, [TAKEN_AWAY]);
  uploads.stop();
});

test("one that is whole, or of which its host left nothing, needs nobody to take it away", async () => {
  const { clock, asked, open } = home();
  const uploads = open();
  await uploads.piece(one, { isFirst: true, isLast: true }, sent);
  await uploads.piece({ ...one, upload: "two" }, FIRST, sent);
  await uploads.piece({ ...one, upload: "two" }, LAST, sent);
  const refused = async () => Promise.reject(computeErrors.fail("compute-sliver-full"));
  await assert.rejects(uploads.piece({ ...one, upload: "three" }, FIRST, refused));
  await clock.advanceSettled(3 * UPLOAD_IDLE_MS, STEP_MS);
  assert.deepEqual(asked, []);
  uploads.stop();
});

test("a box that was off meanwhile takes it away; a host that is away is asked again until it answers", async () => {
  const { clock, asked, state, open } = home();
  const before = open();
  const broken = async () => Promise.reject(computeErrors.fail("compute-host-away", { params: { box: "Molí" } }));
  await assert.rejects(before.piece(one, FIRST, broken));
  before.stop();
  const uploads = open();
  state.answer = broken;
  await clock.advanceSettled(UPLOAD_IDLE_MS + 2 * UPLOADS_LOOK_MS, STEP_MS);
  assert.ok(asked.length >= 2, `${asked.length} questions`);
  state.answer = async () => Promise.reject(computeErrors.fail("compute-file-unknown"));
  await clock.advanceSettled(UPLOADS_LOOK_MS, STEP_MS);
  const { length } = asked;
  await clock.advanceSettled(2 * UPLOAD_IDLE_MS, STEP_MS);
  assert.equal(asked.length, length);
  uploads.stop();
});

test("of a sliver that is gone nobody is asked", async () => {
  const { clock, asked, state, open } = home();
  const uploads = open();
  await uploads.piece(one, FIRST, sent);
  state.sliver = undefined;
  await clock.advanceSettled(2 * UPLOAD_IDLE_MS, STEP_MS);
  assert.deepEqual(asked, []);
  uploads.stop();
});

test("giving up waits for the piece that is on its way, so that nothing comes after it", async () => {
  const { asked, open } = home();
  const uploads = open();
  const order: string[] = [];
  const arrived = Promise.withResolvers<void>();
  const piece = uploads.piece(one, FIRST, () => arrived.promise).then(() => order.push("piece"));
  const givenUp = uploads.giveUp(one, never).then(() => order.push("given up"));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(asked, []);
  arrived.resolve();
  await Promise.all([piece, givenUp]);
  assert.deepEqual([order, asked], [["piece", "given up"], [TAKEN_AWAY]]);
  uploads.stop();
});

test("a sliver has so many of them; one that ends makes room", async () => {
  const { open } = home();
  const uploads = open();
  const of = (at: number) => ({ ...one, upload: `upload${at}` });
  for (let at = 0; at < UPLOADS_PER_SLIVER_MAX; at += 1) await uploads.piece(of(at), FIRST, sent);
  const tooMany = uploads.piece(of(UPLOADS_PER_SLIVER_MAX), FIRST, sent);
  await assert.rejects(tooMany, (error) => isFailure(error, "compute-busy"));
  await uploads.piece({ ...of(99), sliver: "another01" }, FIRST, sent);
  await uploads.piece(of(0), LAST, sent);
  await uploads.piece(of(UPLOADS_PER_SLIVER_MAX), FIRST, sent);
  uploads.stop();
});
