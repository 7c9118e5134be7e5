/** Paths out of URLs: what a client may mean, and every way out of the folder that was tried on others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PATH_NAMES_MAX } from "../tree/paths.ts";
import { Refusal } from "./refusal.ts";
import { destinationOf, hrefOf, sameHost, targetOf } from "./targets.ts";

const status = (wanted: number) => (error: unknown) => error instanceof Refusal && error.status === wanted;

test("what is meant is found", () => {
  assert.deepEqual(targetOf("/a%20b/%C3%A0/?x=1", "box"), { path: "/a b/à", isFolderForm: true });
  assert.deepEqual(targetOf("//a//b", "box"), { path: "/a/b", isFolderForm: false });
  assert.deepEqual(targetOf("http://box:8080/a", "box:8080"), { path: "/a", isFolderForm: false });
  assert.equal(targetOf("/e%CC%80", "box").path, "/è", "one form of Unicode");
});

test("what would lead elsewhere is refused", () => {
  const bad = [
    "/..", "/a/../b", "/%2e%2e/b", "/a/%2E%2E%2Fb", "/a%2fb", "/.", "/a/%2e/b", "/%00", "/a%00.txt", "/%0a", "/%7f",
    "/%", "/%zz", "/%c3", "/%ff", "/%ed%a0%80", "a", "", "/a#b",
    `/${"x".repeat(256)}`, "/a/".repeat(PATH_NAMES_MAX + 1),
    "ftp://box/a", "http://other/a",
  ]; // prettier-ignore
  for (const url of bad) assert.throws(() => targetOf(url, "box"), status(400), url);
});

test("a destination is on this host, by any of its names for the port", () => {
  assert.equal(destinationOf("/b", "box").path, "/b");
  assert.equal(destinationOf("http://BOX/b", "box").path, "/b");
  assert.equal(destinationOf("https://box:443/b", "box").path, "/b");
  assert.equal(destinationOf("https://box/b", "box:443").path, "/b");
  assert.equal(destinationOf("http://[::1]:8080/b", "[::1]:8080").path, "/b");
  assert.throws(() => destinationOf("http://other/b", "box"), status(502));
  assert.throws(() => destinationOf("http://box:81/b", "box"), status(502));
  assert.throws(() => destinationOf("http://anna@box/b", "box"), status(502));
  assert.throws(() => destinationOf("http://box/../b", "box"), status(400));
  assert.throws(() => destinationOf("//other/b", "box"), status(400));
  assert.throws(() => destinationOf(undefined, "box"), status(400));
  assert.equal(sameHost("http://other/a", "box"), undefined);
});

test("a path comes back from its address", () => {
  const name = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
    .map((one) => one.normalize("NFC"))
    .filter((one) => !/[/\p{Cc}]/u.test(one) && one !== "." && one !== "..");
  fc.assert(
    fc.property(fc.array(name, { maxLength: 5 }), fc.boolean(), (names, isFolder) => {
      const path = `/${names.join("/")}`;
      assert.equal(targetOf(hrefOf(path, isFolder), "box").path, path);
    }),
  );
});
