/** An image is known by its hash, and anybody may say where it is: one wrong word must not keep it from everybody. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../kernel/errors.ts";
import { createImages } from "./images.ts";

const HASH = "ab".repeat(32);
const [GOOD, BAD] = ["URI:LIT:nbswy3dp", "URI:LIT:mzxw6"];

test("of several files for one hash each is given in its turn, the same one once", () => {
  const record = (author: string, cap: string) => ({
    ...{ author, key: "debian", body: { hash: HASH, bytes: 5, arch: "x86_64", cap, account: "anna" } },
  });
  const mesh = { selfId: "here", records: () => [record("a", BAD), record("b", GOOD), record("c", GOOD)] };
  const files = { grid: () => ({ download: async function* () {} }) };
  const images = createImages({ mesh: mesh as never, files: files as never });
  const { signal } = new AbortController();
  const given = Array.from({ length: 3 }, () => images.open(HASH, signal).cap);
  assert.deepEqual(given, [BAD, GOOD, BAD]);
  assert.throws(
    () => images.open("cd".repeat(32), signal),
    (error) => isFailure(error, "compute-image-unknown"),
  );
});
