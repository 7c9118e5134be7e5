/** What a browser is let show, whole and in part. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { contentAnswer } from "./content-answer.ts";

async function* pieces(at: number, length: number) {
  for (let left = length; left > 0; left -= 2) yield new Uint8Array(Math.min(2, left)).fill(at);
}

function file(mediaType: string, name = "a") {
  return {
    entry: { name, bytes: 10, mediaType, etag: "e" },
    read: async (at: number, length: number) => pieces(at, length),
  };
}

test("what a browser could run is saved, not shown", async () => {
  const shown = ["image/png", "audio/ogg", "video/mp4", "text/plain", "application/pdf"];
  for (const type of shown) {
    const answer = await contentAnswer(file(type), undefined, false);
    assert.match(answer.headers!["content-disposition"]!, /^inline/, type);
    assert.ok(answer.type!.startsWith(type));
  }
  for (const type of ["text/html", "image/svg+xml", "application/xhtml+xml", "text/javascript", "text/plain; x=1"]) {
    const answer = await contentAnswer(file(type), undefined, false);
    assert.match(answer.headers!["content-disposition"]!, /^attachment/, type);
    assert.equal(answer.type, undefined);
  }
  assert.match((await contentAnswer(file("image/png"), undefined, true)).headers!["content-disposition"]!, /^attach/);
});

test("a name cannot leave its header", async () => {
  const answer = await contentAnswer(file("image/png", 'a"\r\nx: y (1)é\ud800'), undefined, false);
  assert.equal(
    answer.headers!["content-disposition"],
    "inline; filename*=UTF-8''a%22%0D%0Ax%3A%20y%20%281%29%C3%A9%EF%BF%BD",
  );
});

test("whole, part, and nothing of it", async () => {
  const whole = await contentAnswer(file("image/png"), undefined, false);
  assert.deepEqual([whole.status, whole.length], [undefined, 10]);
  const part = await contentAnswer(file("image/png"), "bytes=2-4", false);
  assert.deepEqual([part.status, part.length, part.headers!["content-range"]], [206, 3, "bytes 2-4/10"]);
  const none = await contentAnswer(file("image/png"), "bytes=10-", false);
  assert.deepEqual([none.status, none.headers!["content-range"]], [416, "bytes */10"]);
});

test("what fails before the first byte is an error, and a reader who goes ends the reading", async () => {
  const broken = async function* () {
    yield* pieces(0, await Promise.reject(new Error("too few shares")));
  };
  const failing = { ...file("image/png"), read: async () => broken() };
  await assert.rejects(contentAnswer(failing, undefined, false), /too few shares/);
  let hasEnded = false;
  const watched = async function* () {
    try {
      yield* pieces(0, 10);
    } finally {
      hasEnded = true;
    }
  };
  const answer = await contentAnswer({ ...file("image/png"), read: async () => watched() }, undefined, false);
  for await (const _piece of answer.body as AsyncIterable<Uint8Array>) break;
  assert.equal(hasEnded, true);
});
