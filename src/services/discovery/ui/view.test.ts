/** Tests of filtering and sorting services. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { findable } from "../../../../ui/src/find.ts";
import { NO_WISH, type Service, filtered, level, levelWord, sorted, tally, wordsOf } from "./view.ts";

const QUALITY: Service["quality"] = {
  score: 80,
  reachable: true,
  rttMs: 10,
  rttSource: "measured",
  firstByteMs: 20,
  lossPercent: 0,
  success7dPercent: 100,
  load: null,
  measuredAt: "2026-11-20T10:00:00Z",
};

function service(id: string, change: Partial<Service> = {}, quality: Partial<Service["quality"]> = {}): Service {
  return {
    id,
    title: id,
    description: "",
    type: "_http._tcp",
    category: "web",
    scope: "community",
    open: false,
    box: "forn",
    boxId: "b",
    zone: "clot",
    owner: "Marta",
    own: false,
    state: "up",
    reason: null,
    host: "10.0.0.1",
    port: 80,
    path: "/",
    url: "http://10.0.0.1/",
    action: "open",
    since: "2026-11-01T00:00:00Z",
    version: "",
    ...change,
    quality: { ...QUALITY, ...quality },
  };
}

test("by quality: best first, unknown after known, what is gone last", () => {
  const list = [
    service("gone", { state: "away" }, { score: 99 }),
    service("unknown", {}, { score: null }),
    service("fair", {}, { score: 40 }),
    service("best"),
  ];
  assert.deepEqual(
    sorted(list, "quality").map((one) => one.id),
    ["best", "fair", "unknown", "gone"],
  );
});

test("by distance: two unknown distances keep a stable order by title", () => {
  const list = [
    service("b", {}, { rttMs: null }),
    service("a", {}, { rttMs: null }),
    service("far", {}, { rttMs: 90 }),
    service("near", {}, { rttMs: 2 }),
  ];
  assert.deepEqual(
    sorted(list, "distance").map((one) => one.id),
    ["near", "far", "a", "b"],
  );
});

test("filters join", () => {
  const list = [
    service("Ràdio", { category: "radio", zone: "gràcia" }),
    service("Ràdio Clot", { category: "radio" }),
    service("Web"),
  ];
  const entries = findable(list, wordsOf);
  assert.deepEqual(
    filtered(entries, { ...NO_WISH, query: "radio", zone: "clot" }).map((one) => one.id),
    ["Ràdio Clot"],
  );
  assert.deepEqual(filtered(entries, { ...NO_WISH, category: "radio" }).length, 2);
});

test("bars follow the score; no answer is none, nothing known is unknown", () => {
  assert.deepEqual(
    [1, 25, 26, 74, 100].map((score) => level({ ...QUALITY, score })),
    [1, 1, 2, 3, 4],
  );
  assert.equal(level({ ...QUALITY, reachable: false }), 0);
  assert.equal(levelWord(level({ ...QUALITY, score: null })), "unknown");
});

test("tallies are sorted by count", () => {
  assert.deepEqual(tally([service("a"), service("b"), service("c", { zone: "sants" })], "zone"), [
    { value: "clot", count: 2 },
    { value: "sants", count: 1 },
  ]);
});
