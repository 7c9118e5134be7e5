/** Tests of filtering and sorting services. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { findable } from "../../../../ui/src/find.ts";
import { NO_WISH, type Service, filtered, markOf, sorted, tally, wordsOf } from "./view.ts";

const QUALITY: Service["quality"] = {
  score: 80,
  method: "http",
  reachable: true,
  rttMs: 10,
  rttSource: "measured",
  rttAt: "2026-11-20T10:00:00Z",
  firstByteMs: 20,
  lossPercent: 0,
  lossSamples: 20,
  success7dPercent: 100,
  samples: 90,
  load: null,
  loadAt: null,
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

test("by quality: best first, what was not measured after what was, then the silent ones, what is gone last", () => {
  const list = [
    service("gone", { state: "away" }, { score: 99 }),
    service("silent", {}, { score: 0, reachable: false }),
    service("far and not measured", {}, { score: null, rttMs: 90 }),
    service("nothing known", {}, { score: null, rttMs: null }),
    service("also unknown", {}, { score: null, rttMs: null }),
    service("near and not measured", {}, { score: null, rttMs: 1 }),
    service("poor", {}, { score: 1, rttMs: 900 }),
    service("best"),
  ];
  assert.deepEqual(
    sorted(list, "quality").map((one) => one.id),
    [
      ...["best", "poor", "near and not measured", "far and not measured"],
      ...["also unknown", "nothing known", "silent", "gone"],
    ],
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

test("only what was measured gets bars and a word of praise; the rest says what it is", () => {
  const mark = (quality: Partial<Service["quality"]>, state: Service["state"] = "up") =>
    markOf({ state, quality: { ...QUALITY, ...quality } });
  assert.deepEqual(
    [1, 25, 26, 74, 100].map((score) => mark({ score })),
    [
      { level: 1, word: "poor" },
      { level: 1, word: "poor" },
      { level: 2, word: "fair" },
      { level: 3, word: "good" },
      { level: 4, word: "best" },
    ],
  );
  assert.deepEqual(mark({ score: 0, reachable: false }), { level: 0, word: "none" });
  const never = {
    score: null,
    reachable: null,
    measuredAt: null,
    samples: 0,
    rttMs: 1,
    rttSource: "estimate" as const,
  };
  assert.deepEqual(mark(never), { level: null, word: "unmeasured" });
  assert.deepEqual(mark({ ...never, method: "none" }), { level: null, word: "unmeasurable" });
  assert.deepEqual(mark({ score: null }, "away"), { level: null, word: "off" });
  assert.deepEqual(mark({ score: null }, "withdrawn"), { level: null, word: "off" });
  assert.deepEqual(mark({ score: null }, "failing"), { level: 0, word: "none" });
});

test("tallies are sorted by count", () => {
  assert.deepEqual(tally([service("a"), service("b"), service("c", { zone: "sants" })], "zone"), [
    { value: "clot", count: 2 },
    { value: "sants", count: 1 },
  ]);
});
