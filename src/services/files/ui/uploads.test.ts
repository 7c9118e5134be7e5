/** Tests of the queue of uploads: order, limits, pieces, breaks, a killed box, names that are there already. */
/// <reference types="node" />
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  LARGE_SENDING_MAX,
  PAUSE_MAX_MS,
  PIECE_MAX_BYTES,
  PIECE_MIN_BYTES,
  QUEUE_MAX,
  SENDING_MAX,
  TINY_MAX_BYTES,
  TINY_SENDING_MAX,
  TRIES_MAX,
  UNREACHABLE_TRIES_MAX,
} from "./limits.ts";
import { EMPTY_QUEUE, type Effect, type Event, type Item, type NewItem, type Told, pauseMs, step } from "./uploads.ts";

const LARGE = 20 * 1024 * 1024;
const large = (path: string, bytes = LARGE): NewItem => ({
  kind: "large",
  path,
  bytes,
  fingerprint: `${path} ${bytes}`,
});
const small = (path: string, bytes = TINY_MAX_BYTES + 1): NewItem => ({
  kind: "small",
  path,
  bytes,
  fingerprint: path,
});
const folder = (path: string): NewItem => ({ kind: "folder", path, bytes: 0, fingerprint: path });
const wrong = (code: string) => ({ code, message: code, advice: "" });

function machine() {
  let queue = EMPTY_QUEUE;
  let nowMs = 1_000;
  const put = (event: Event): Effect[] => {
    const stepped = step(queue, event, nowMs);
    queue = stepped.queue;
    return stepped.effects;
  };
  return {
    put,
    pass(ms: number): Effect[] {
      nowMs += ms;
      return put({ type: "tick" });
    },
    item(id: number): Item {
      const found = queue.items.find((one) => one.id === id);
      assert.ok(found, `no item ${id}`);
      return found;
    },
    items: () => queue.items,
  };
}

const told = (more: Partial<Told> = {}): Told => ({
  ...{ id: "u1", path: "/a", bytes: LARGE, receivedBytes: 0, state: "receiving", storedBytes: 0 },
  ...more,
});

test("a large file goes in pieces, which grow on a quick line, and is done when it is stored", () => {
  const { put, item } = machine();
  assert.deepEqual(put({ type: "add", items: [large("/a")] }), [{ do: "begin", id: 1 }]);
  assert.deepEqual(put({ type: "began", id: 1, told: told() }), [
    { do: "piece", id: 1, uploadId: "u1", offset: 0, length: PIECE_MIN_BYTES },
  ]);
  put({ type: "progress", id: 1, partBytes: 1000 });
  assert.equal(item(1).partBytes, 1000);
  const second = put({ type: "piece", id: 1, told: told({ receivedBytes: PIECE_MIN_BYTES }), tookMs: 500 });
  assert.deepEqual(second, [{ do: "piece", id: 1, uploadId: "u1", offset: PIECE_MIN_BYTES, length: PIECE_MAX_BYTES }]);
  const slow = put({ type: "piece", id: 1, told: told({ receivedBytes: 12 * 1024 * 1024 }), tookMs: 9_000 });
  assert.equal(slow[0]?.do === "piece" && slow[0].length, PIECE_MIN_BYTES);
  put({ type: "piece", id: 1, told: told({ receivedBytes: LARGE, state: "storing" }), tookMs: 100 });
  assert.equal(item(1).stage, "storing");
  const all = [told({ receivedBytes: LARGE, storedBytes: LARGE / 2, state: "storing" })];
  put({ type: "seen", all, wrongOf: wrong });
  assert.equal(item(1).storedBytes, LARGE / 2);
  put({ type: "seen", all: [told({ receivedBytes: LARGE, state: "done", path: "/a (2)" })], wrongOf: wrong });
  assert.equal(item(1).stage, "done");
  assert.equal(item(1).path, "/a (2)", "under the name that the box gave it");
});

test("what waits for boxes is told, and how far it is spread does not go back when it is tried again", () => {
  const { put, item } = machine();
  const seen = (more: Partial<Told>) =>
    put({ type: "seen", all: [told({ receivedBytes: LARGE, ...more })], wrongOf: wrong });
  put({ type: "add", items: [large("/a")] });
  put({ type: "began", id: 1, told: told({ receivedBytes: LARGE, state: "storing" }) });
  seen({ state: "storing", storedBytes: 900 });
  seen({ state: "storing", storedBytes: 0, waitingFor: "files-not-spread" });
  assert.deepEqual([item(1).waitingFor, item(1).storedBytes], ["files-not-spread", 900]);
  seen({ state: "storing", storedBytes: 1000 });
  assert.deepEqual([item(1).waitingFor, item(1).storedBytes], [null, 1000]);
  seen({ state: "failed", error: "files-not-spread" });
  put({ type: "retry", id: 1 });
  assert.deepEqual([item(1).stage, item(1).storedBytes], ["storing", 1000]);
  // Another upload in its place begins anew.
  put({ type: "looked", id: 1, told: told({ id: "u2", receivedBytes: LARGE, state: "storing", storedBytes: 10 }) });
  assert.equal(item(1).storedBytes, 10);
});

test("folders are made first, one after another; then so many files at a time and no more", () => {
  const { put, items } = machine();
  const files = Array.from({ length: 10 }, (_, index) => small(`/d/${index}`));
  const many = Array.from({ length: 5 }, (_, index) => large(`/d/l${index}`));
  assert.deepEqual(put({ type: "add", items: [...many, ...files, folder("/d"), folder("/d/e")] }), [
    { do: "folder", id: 16 },
  ]);
  assert.deepEqual(put({ type: "whole", id: 16 }), [{ do: "folder", id: 17 }]);
  // One that is there already is as good as made.
  const begun = put({ type: "refused", id: 17, wrong: wrong("files-exists") });
  assert.equal(begun.filter((one) => one.do === "begin").length, LARGE_SENDING_MAX);
  assert.equal(begun.length, SENDING_MAX);
  const next = put({ type: "whole", id: 6 });
  assert.deepEqual(next, [{ do: "small", id: 7 }]);
  assert.equal(items().filter(({ stage }) => stage === "sending").length, SENDING_MAX);
});

test("tiny files go more at one time, and do not keep a larger one from its turn for ever", () => {
  const { put, items } = machine();
  const tiny = Array.from({ length: 10 }, (_, index) => small(`/${index}`, TINY_MAX_BYTES));
  assert.equal(put({ type: "add", items: [...tiny, small("/m")] }).length, TINY_SENDING_MAX);
  for (const { id } of items().slice(0, 10)) put({ type: "whole", id });
  assert.equal(items()[10]?.stage, "sending");
});

test("a box that falls silent is tried again, ever less often, and asked where the upload stands", () => {
  const { put, pass, item } = machine();
  put({ type: "add", items: [large("/a")] });
  put({ type: "began", id: 1, told: told() });
  put({ type: "piece", id: 1, told: told({ receivedBytes: PIECE_MIN_BYTES }), tookMs: 9_000 });
  assert.deepEqual(put({ type: "refused", id: 1, wrong: wrong("unreachable") }), [{ do: "wake", afterMs: 1_000 }]);
  assert.equal(item(1).stage, "waiting");
  assert.deepEqual(pass(1_000), [{ do: "begin", id: 1 }]);
  assert.deepEqual(put({ type: "refused", id: 1, wrong: wrong("unreachable") }), [{ do: "wake", afterMs: 2_000 }]);
  assert.deepEqual(pass(2_000), [{ do: "begin", id: 1 }]);
  const offset = 2 * PIECE_MIN_BYTES;
  assert.deepEqual(put({ type: "began", id: 1, told: told({ receivedBytes: offset }) }), [
    { do: "piece", id: 1, uploadId: "u1", offset, length: PIECE_MIN_BYTES },
  ]);
  assert.equal(pauseMs(100), PAUSE_MAX_MS);
});

test("what the box refuses for the moment is tried so many times, what it refuses for good once", () => {
  for (const [code, tries] of [
    ["files-spool-full", TRIES_MAX],
    ["unreachable", UNREACHABLE_TRIES_MAX],
    ["files-no-room", 0],
  ] as const) {
    const { put, pass, item } = machine();
    put({ type: "add", items: [small("/a")] });
    for (let count = 0; count < tries; count += 1) {
      put({ type: "refused", id: 1, wrong: wrong(code) });
      assert.equal(item(1).stage, "waiting");
      assert.deepEqual(pass(PAUSE_MAX_MS), [{ do: "small", id: 1 }]);
    }
    put({ type: "refused", id: 1, wrong: wrong(code) });
    assert.equal(item(1).stage, "failed");
    assert.equal(item(1).wrong?.code, code);
    assert.deepEqual(put({ type: "retry", id: 1 }), [{ do: "small", id: 1 }]);
  }
});

test("beginning again and again without a piece that arrives comes to an end", () => {
  const { put, pass, item } = machine();
  put({ type: "add", items: [large("/a")] });
  for (let round = 0; round < TRIES_MAX; round += 1) {
    put({ type: "began", id: 1, told: told() });
    put({ type: "refused", id: 1, wrong: wrong("internal") });
    pass(PAUSE_MAX_MS);
  }
  put({ type: "began", id: 1, told: told() });
  put({ type: "refused", id: 1, wrong: wrong("internal") });
  assert.equal(item(1).stage, "failed");
});

test("a piece at the wrong place: the box is asked, and it goes on there; an upload it forgot begins anew", () => {
  const { put, pass, item } = machine();
  put({ type: "add", items: [large("/a")] });
  put({ type: "began", id: 1, told: told() });
  assert.deepEqual(put({ type: "refused", id: 1, wrong: wrong("files-upload-offset") }), [
    { do: "look", id: 1, uploadId: "u1" },
  ]);
  const went = put({ type: "looked", id: 1, told: told({ receivedBytes: 99 }) });
  assert.equal(went[0]?.do === "piece" && went[0].offset, 99);
  put({ type: "refused", id: 1, wrong: wrong("files-upload-unknown") });
  assert.equal(item(1).uploadId, null);
  assert.deepEqual(pass(PAUSE_MAX_MS), [{ do: "begin", id: 1 }]);
});

test("after a reload an upload waits for its file, and goes on when that is given again", () => {
  const { put, item, items } = machine();
  put({ type: "seen", all: [told({ path: "/film", receivedBytes: 5_000 })], wrongOf: wrong });
  assert.equal(item(1).stage, "unheld");
  assert.equal(item(1).sentBytes, 5_000);
  assert.deepEqual(put({ type: "add", items: [large("/film")] }), [{ do: "begin", id: 2 }]);
  assert.equal(items().length, 1);
  const went = put({ type: "began", id: 2, told: told({ receivedBytes: 5_000 }) });
  assert.equal(went[0]?.do === "piece" && went[0].offset, 5_000);
});

test("another file of that name and size takes the place of the unfinished one", () => {
  const { put } = machine();
  put({ type: "seen", all: [told({ id: "old" })], wrongOf: wrong });
  put({ type: "add", items: [large("/a")] });
  assert.deepEqual(put({ type: "began", id: 2, told: told({ id: "new" }) })[0], { do: "cancel", uploadId: "old" });
});

test("pause ends the request and keeps what was sent; resume begins again; cancel forgets", () => {
  const { put, item, items } = machine();
  put({ type: "add", items: [large("/a"), small("/b")] });
  put({ type: "began", id: 1, told: told() });
  assert.deepEqual(put({ type: "pause" }), [
    { do: "stop", id: 1 },
    { do: "stop", id: 2 },
  ]);
  assert.equal(item(1).stage, "paused");
  assert.deepEqual(put({ type: "resume", id: 2 }), [{ do: "small", id: 2 }]);
  assert.deepEqual(put({ type: "resume" }), [{ do: "begin", id: 1 }]);
  const ended = put({ type: "cancel", id: 1 });
  assert.deepEqual(ended.at(-1), { do: "cancel", uploadId: "u1" });
  assert.equal(items().length, 1);
});

test("a name that is there already is a question, and each answer is followed", () => {
  for (const mode of ["replace", "rename", "skip"] as const) {
    const { put, item, items } = machine();
    put({ type: "add", items: [small("/a")] });
    put({ type: "refused", id: 1, wrong: wrong("files-exists") });
    assert.equal(item(1).stage, "exists");
    const effects = put({ type: "decide", mode });
    if (mode === "skip") {
      assert.equal(items().length, 0);
      continue;
    }
    assert.deepEqual(effects, [{ do: mode === "rename" ? "begin" : "small", id: 1 }]);
    assert.equal(item(1).mode, mode);
  }
});

test("storing that failed is tried again by the box alone", () => {
  const { put, item } = machine();
  put({ type: "add", items: [large("/a")] });
  put({ type: "began", id: 1, told: told({ receivedBytes: LARGE, state: "storing" }) });
  const failed = told({ receivedBytes: LARGE, state: "failed", error: "files-not-spread" });
  put({ type: "seen", all: [failed], wrongOf: wrong });
  assert.equal(item(1).wrong?.code, "files-not-spread");
  assert.deepEqual(put({ type: "retry" }), [{ do: "again", id: 1, uploadId: "u1" }]);
  put({ type: "looked", id: 1, told: told({ receivedBytes: LARGE, state: "storing" }) });
  assert.equal(item(1).stage, "storing");
});

test("an upload that is no longer listed while it is stored is looked for once at a time", () => {
  const { put, item } = machine();
  put({ type: "add", items: [large("/a")] });
  put({ type: "began", id: 1, told: told({ receivedBytes: LARGE, state: "storing" }) });
  assert.deepEqual(put({ type: "seen", all: [], wrongOf: wrong }), [{ do: "look", id: 1, uploadId: "u1" }]);
  assert.deepEqual(put({ type: "seen", all: [], wrongOf: wrong }), []);
  put({ type: "refused", id: 1, wrong: wrong("files-upload-unknown") });
  assert.equal(item(1).stage, "failed");
});

test("the queue has an end", () => {
  const { put, items } = machine();
  const effects = put({ type: "add", items: Array.from({ length: QUEUE_MAX + 2 }, (_, index) => small(`/${index}`)) });
  assert.equal(items().length, QUEUE_MAX);
  assert.deepEqual(
    effects.filter((one) => one.do === "forget").map((one) => one.do === "forget" && one.id),
    [QUEUE_MAX + 1, QUEUE_MAX + 2],
  );
});
