/** Tests of the small pure parts of the page: places, order, selection, kinds, safety, steps, the tray, limits. */
/// <reference types="node" />
import assert from "node:assert/strict";
import { test } from "node:test";
import { PIECE_BYTES_MAX } from "../contract-tree.ts";
import { SHARE_DAYS_MAX as SHARE_DAYS } from "../contract-sharing.ts";
import { SERVERS_YAML_BYTES_MAX } from "../contract-space.ts";
import { PHRASE_CHARS_MAX } from "../recovery/constants.ts";
import { NAME_MAX_BYTES as NAME_BYTES } from "../tree/paths.ts";
import { GB, givenGb, sizeInput, stepsOf, usersOf } from "./giving.ts";
import { kindOf, previewOf } from "./kinds.ts";
import {
  PHRASE_MAX_CHARS,
  PIECE_MAX_BYTES,
  SERVERS_YAML_MAX_BYTES,
  SHARE_DAYS_MAX,
  SPEED_OVER_MS,
  TRAY_ROWS_MAX,
} from "./limits.ts";
import { BY_NAME, type Entry, inOrder, nextOrder } from "./order.ts";
import * as places from "./places.ts";
import { type Health, verdictOf } from "./safety.ts";
import { NOTHING, all, moved, only, ranged, still, toggled } from "./selection.ts";
import { isSending, linesOf, missesBoxes, shareOf, speedOf, totalsOf } from "./upload-view.ts";
import { EMPTY_QUEUE, type Item, type Queue, step } from "./uploads.ts";

test("limits are those of the contract", () => {
  assert.equal(PIECE_MAX_BYTES, PIECE_BYTES_MAX);
  assert.equal(PHRASE_MAX_CHARS, PHRASE_CHARS_MAX);
  assert.equal(SHARE_DAYS_MAX, SHARE_DAYS);
  assert.equal(SERVERS_YAML_MAX_BYTES, SERVERS_YAML_BYTES_MAX);
  assert.equal(places.NAME_MAX_BYTES, NAME_BYTES);
});

test("a path survives its address, whatever is in it, and the address never looks like a file", () => {
  for (const path of ["/", "/Fotos d'estiu", "/v1.2/a.b", "/100 %/#?&", "/ça va/…", "/.x"]) {
    const href = places.folderHref(path);
    assert.doesNotMatch(href, /[.#?]/);
    const rest = decodeURIComponent(href.slice("/files/".length));
    assert.deepEqual(places.placeOf(rest), { part: "folder", path });
  }
  assert.deepEqual(places.placeOf(decodeURIComponent(places.fileHref("/a/b.txt").slice("/files/".length))), {
    part: "file",
    path: "/a/b.txt",
  });
  assert.deepEqual(places.placeOf("link/k1/Photos/a"), { part: "link", id: "k1", path: "/Photos/a" });
  assert.equal(places.linkHref("k1"), "/files/link/k1");
  assert.deepEqual(places.placeOf("trash"), { part: "trash" });
  assert.deepEqual(places.ofSharedHash(places.sharedHash("abc-def", "/Fotos/a.b")), {
    token: "abc-def",
    path: "/Fotos/a.b",
  });
  assert.deepEqual(places.ofSharedHash("#abc-def"), { token: "abc-def", path: "/" });
});

test("paths: above, within, on the way", () => {
  assert.equal(places.parentOf("/a/b"), "/a");
  assert.equal(places.parentOf("/a"), "/");
  assert.equal(places.join("/", "a"), "/a");
  assert.equal(places.isWithin("/ab", "/a"), false);
  assert.equal(places.isWithin("/a/b", "/a"), true);
  assert.deepEqual(places.crumbsOf("/a/b"), ["/", "/a", "/a/b"]);
});

test("names: what cannot be one, and a free one beside others", () => {
  assert.deepEqual(["", "a/b", "..", "é".repeat(128), "é".repeat(127)].map(places.wrongName), [
    "empty",
    "slash",
    "points",
    "long",
    undefined,
  ]);
  assert.equal(places.freeName("a.txt", new Set(["a.txt", "a (2).txt"])), "a (3).txt");
  assert.equal(places.freeName("README", new Set(["README"])), "README (2)");
});

test("a fingerprint fits and tells files apart", () => {
  const long = `/${"x".repeat(15_000)}`;
  const made = [
    places.fingerprintOf("/a", 1, 2),
    places.fingerprintOf("/a", 1, 3),
    places.fingerprintOf("/b", 1, 2),
    places.fingerprintOf(`/1${long}`, 1, 2),
    places.fingerprintOf(`/2${long}`, 1, 2),
  ];
  assert.equal(new Set(made).size, made.length);
  for (const one of made) assert.ok(one.length <= 500);
});

const entry = (name: string, more: Partial<Entry> = {}): Entry => ({
  ...{
    name,
    path: `/${name}`,
    kind: "file",
    bytes: 1,
    mediaType: "text/plain",
    etag: "x",
    canWrite: true,
    versions: 1,
  },
  ...{ modifiedAt: "2026-01-01T00:00:00.000Z", createdAt: "2026-01-01T00:00:00.000Z" },
  ...more,
});

test("folders come first, numbers by value, accents where people look for them", () => {
  const list = ["b10", "b9", "Àvia", "zeta"].map((name) => entry(name));
  const folder = entry("zz", { kind: "folder" });
  const names = (order = BY_NAME) => inOrder([...list, folder], order, "ca").map(({ name }) => name);
  assert.deepEqual(names(), ["zz", "Àvia", "b9", "b10", "zeta"]);
  assert.deepEqual(names(nextOrder(BY_NAME, "name")), ["zz", "zeta", "b10", "b9", "Àvia"]);
  const sizes = [entry("s", { bytes: 1 }), entry("l", { bytes: 9 })];
  assert.deepEqual(
    inOrder(sizes, nextOrder(BY_NAME, "size"), "en").map(({ name }) => name),
    ["l", "s"],
  );
  const dates = [entry("old"), entry("new", { modifiedAt: "2026-06-01T00:00:00.000Z" })];
  assert.equal(inOrder(dates, nextOrder(BY_NAME, "changed"), "en")[0]?.name, "new");
});

test("choosing: one, in and out, a range, all; what is gone is not chosen", () => {
  const ids = ["a", "b", "c", "d"];
  const two = ranged(only("b"), "d", ids);
  assert.deepEqual([...two.chosen], ["b", "c", "d"]);
  assert.deepEqual([...toggled(two, "c").chosen], ["b", "d"]);
  assert.deepEqual([...ranged(only("c"), "a", ids).chosen], ["c", "a", "b"]);
  assert.deepEqual([...ranged(NOTHING, "a", ids).chosen], ["a"]);
  assert.equal(all(ids).chosen.size, 4);
  assert.deepEqual([...still(two, ["a", "c"]).chosen], ["c"]);
  assert.equal(still(two, ids), two);
});

test("keys move the focus, and not beyond the ends", () => {
  assert.equal(moved(0, "ArrowUp", 5, 3), 0);
  assert.equal(moved(1, "PageDown", 5, 3), 4);
  assert.equal(moved(3, "End", 5, 3), 4);
  assert.equal(moved(-1, "ArrowDown", 5, 3), 0);
  assert.equal(moved(0, "x", 5, 3), undefined);
  assert.equal(moved(0, "End", 0, 3), undefined);
});

test("kinds, and what the page shows by itself", () => {
  const file = (name: string, mediaType = "application/octet-stream") => ({ name, mediaType, kind: "file" as const });
  assert.equal(previewOf(file("a.png", "image/png")), "picture");
  assert.equal(previewOf(file("a.svg", "image/svg+xml")), "text", "a drawing may hold a script: its text is shown");
  assert.equal(previewOf(file("a.heic", "image/heic")), undefined);
  assert.equal(previewOf(file("a.pdf", "application/pdf")), "pdf");
  assert.equal(previewOf(file("notes.md")), "text");
  assert.equal(previewOf(file("a.bin")), undefined);
  assert.equal(kindOf(file("a.tar.gz")), "archive");
  assert.equal(kindOf(file("a.heic", "image/heic")), "picture");
  assert.equal(kindOf({ ...file("x"), kind: "folder" }), "folder");
});

test("safety: the sentence that fits", () => {
  const health: Health = {
    ...{ path: "/a", state: "healthy", good: 10, total: 10, needed: 3, servers: 7, owners: 5, zones: 3 },
    checkedAt: null,
  };
  const word = (more: Partial<Health>) => verdictOf({ ...health, ...more }).word;
  assert.equal(word({}), "safe");
  assert.equal(word({ state: "unknown" }), "unknown");
  assert.equal(word({ state: "lost", good: 2 }), "cannot");
  assert.equal(word({ state: "weak", good: 8 }), "weak");
  assert.equal(word({ servers: 1, owners: 1 }), "one-box");
  assert.equal(word({ owners: 1 }), "one-owner");
  assert.equal(word({ total: 0, good: 0, needed: 0, servers: 0 }), "tiny");
});

test("the slider: what the disk has room for, and what is given now", () => {
  assert.deepEqual(stepsOf(30 * GB, 0, 0), [0, 1, 2, 5, 10, 20]);
  assert.deepEqual(stepsOf(3 * GB, 7 * GB, 3 * GB), [0, 1, 2, 5, 7]);
  assert.equal(sizeInput(100), "95368MiB");
  assert.equal(givenGb(95_368 * 1024 ** 2), 100, "what comes back is the step that was chosen");
});

const item = (more: Partial<Item>): Item => ({
  ...{ id: 1, kind: "large", path: "/a", bytes: 100, mode: "new", fingerprint: "f", stage: "waiting", busy: false },
  ...{ sentBytes: 0, partBytes: 0, storedBytes: 0, uploadId: null, tries: 0, notBeforeMs: 0, wrong: null },
  waitingFor: null,
  ...more,
});
const queue = (...items: Item[]): Queue => ({ ...EMPTY_QUEUE, items });

test("who uses the space: own accounts by name, other boxes each as one", () => {
  const own = { ...{ box: "Forn", owner: "Anna", quotaBytes: 10 }, ...{ boxUsedBytes: null, boxQuotaBytes: null } };
  const other = { ...{ account: null, box: "Ateneu", owner: "Biel", usedBytes: 4, quotaBytes: 10 } };
  const users = usersOf([
    { ...own, member: "m1", account: "anna", usedBytes: 1 },
    { ...other, member: "m2", boxUsedBytes: 8, boxQuotaBytes: 50 },
    { ...own, member: "m3", account: "carla", usedBytes: 2 },
    { ...own, member: "m5", account: null, usedBytes: 0 },
    { ...other, member: "m4", boxUsedBytes: 8, boxQuotaBytes: 50 },
  ]);
  assert.deepEqual(
    users.map(({ account, box, accounts, usedBytes, quotaBytes }) => [account, box, accounts, usedBytes, quotaBytes]),
    [
      ["anna", "Forn", 1, 1, 10],
      [null, "Ateneu", 2, 8, 50],
      ["carla", "Forn", 1, 2, 10],
    ],
  );
});

test("all uploads together: half of the way is the box, the other half the storage servers", () => {
  const sent = item({ stage: "storing", sentBytes: 100 });
  assert.equal(shareOf(sent), 0.5);
  const made = item({ kind: "folder", bytes: 0, stage: "done" });
  const totals = totalsOf(queue(sent, made));
  assert.equal(totals.files, 1);
  assert.equal(totals.share, 0.5);
  assert.equal(isSending(totals), false);
  assert.equal(isSending(totalsOf(queue(item({})))), true);
  const held = item({ stage: "storing", waitingFor: "files-not-spread" });
  assert.deepEqual([totalsOf(queue(held, item({ stage: "storing" }))).held, missesBoxes(held)], [1, true]);
  assert.equal(missesBoxes(item({ stage: "storing", waitingFor: "files-no-room" })), false);
  assert.equal(totalsOf(EMPTY_QUEUE).share, 1);
  assert.equal(totalsOf(queue(item({ stage: "done", bytes: 0 }))).share, 1);
});

test("of very many the tray shows what matters first", () => {
  const stages = ["waiting", "done", "failed", "sending"] as const;
  const many = Array.from({ length: 1_000 }, (_, id) => item({ id, stage: stages[id % 4]! }));
  const { shown, more } = linesOf(queue(...many), TRAY_ROWS_MAX);
  assert.equal(shown.length, TRAY_ROWS_MAX);
  assert.equal(more, 1_000 - TRAY_ROWS_MAX);
  assert.equal(shown[0]?.stage, "failed");
  assert.deepEqual(linesOf(queue(item({ kind: "folder", stage: "done" })), 5), { shown: [], more: 0 });
});

test("speed is that of the last seconds", () => {
  const first = speedOf([], { atMs: 0, sentBytes: 0 });
  assert.equal(first.perSecond, undefined);
  const second = speedOf(first.samples, { atMs: 2_000, sentBytes: 10_000 });
  assert.equal(second.perSecond, 5_000);
  const late = speedOf(second.samples, { atMs: 2_000 + SPEED_OVER_MS, sentBytes: 10_000 });
  assert.equal(late.perSecond, undefined, "it has stopped");
  assert.equal(late.samples.length, 2);
});

test("a queue that is cleared keeps what is not done", () => {
  const { queue: left } = step(queue(item({ stage: "done" }), item({ id: 2, stage: "paused" })), { type: "clear" }, 0);
  assert.deepEqual(
    left.items.map(({ id }) => id),
    [2],
  );
});
