/** Names of images: two who publish at the same moment do not take each other's. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../kernel/errors.ts";
import { IMAGES_PER_BOX_MAX } from "./constants.ts";
import { createImages } from "./images.ts";

function community() {
  const told = new Map<string, unknown>();
  const mesh = {
    selfId: "here",
    records: () => [...told].map(([key, body]) => ({ author: "here", key, body })),
    publish: (_kind: string, key: string, body: unknown) => void told.set(key, body),
  };
  const files = { caps: async (account: string, path: string) => ({ read: `URI:CHK:${account}${path}` }) };
  const images = createImages({ mesh: mesh as never, files: files as never });
  const publish = (account: string, name: string) => {
    const known = { hash: "ab".repeat(32), bytes: 1, arch: "x86_64" };
    return images.publish({ account, name, path: "/x", known }, new AbortController().signal);
  };
  return { images, publish };
}

const outcomes = async (all: readonly Promise<unknown>[]) =>
  (await Promise.allSettled(all)).map((one) =>
    one.status === "fulfilled" ? "done" : isFailure(one.reason) ? one.reason.code : String(one.reason),
  );

test("of two with the same name at once one is refused, and the other one's stays", async () => {
  const { images, publish } = community();
  assert.deepEqual(await outcomes([publish("anna", "debian"), publish("biel", "debian")]), [
    "done",
    "compute-image-exists",
  ]);
  assert.deepEqual(
    images.list().map(({ name, account }) => [name, account]),
    [["debian", "anna"]],
  );
});

test("a box tells of so many, also when the last ones come at once", async () => {
  const { images, publish } = community();
  for (let at = 1; at < IMAGES_PER_BOX_MAX; at += 1) await publish("anna", `image-${at}`);
  assert.deepEqual(await outcomes([publish("anna", "last"), publish("anna", "one-more")]), [
    "done",
    "compute-too-many",
  ]);
  assert.equal(images.list().length, IMAGES_PER_BOX_MAX);
});
