/** What is shown of a service, and which services a filter finds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { BoxView } from "../mesh/client.ts";
import type { ServiceBody } from "./body.ts";
import { service } from "./contract.ts";
import type { MeasuredFacts } from "./measure.ts";
import { EASE_UNKNOWN, wilsonLower } from "./quality.ts";
import type { Filter, ViewParts } from "./view.ts";
import { folded, LOAD_AGE_MS_MAX, matches, serviceId, viewOf } from "./view.ts";

const box: BoxView = {
  id: "abcdefghijklmnopqrstuvwxyz234567".repeat(2).slice(0, 52),
  name: "Caixa de l'Ona",
  owner: "Ona Núñez",
  zone: "Sants",
  state: "up",
  self: false,
  steward: false,
  address: "10.1.2.3",
  meshPort: 7001,
  webPort: 7000,
  version: "1",
  rttMs: 20.123,
  rttAtMs: 60_000,
  answersAt: "10.1.2.3",
  seenMs: null,
  sinceMs: null,
  startedMs: null,
  load: 0.5,
  loadAtMs: 50_000,
  health: "ok",
};
const body: ServiceBody = {
  type: "_icecast._tcp",
  title: "Ràdio Educació",
  description: "Música",
  category: "radio",
  scope: "community",
  open: true,
  host: null,
  port: 8000,
  path: "/live",
  scheme: "http",
  version: "2",
  sinceMs: 0,
};
const NOW_MS = 100_000;
const sample = { atMs: 70_000, ok: true, lost: false, rttMs: 5.55, firstByteMs: 12.34 };
const summary = { last: sample, recent: 20, loss: 0.05, rttMs: 5.55, firstByteMs: 12.34, samples: 150, answered: 148 };
const view = (parts: Partial<ViewParts> = {}, measured: MeasuredFacts = {}) =>
  service.parse(viewOf({ box, key: "k1", body, measured: () => measured, nowMs: NOW_MS, ...parts }));

test("a service on its box, not yet measured: the round trip is an estimate, and there is no score", () => {
  const shown = view();
  assert.deepEqual(
    [shown.id, shown.url, shown.host, shown.action, shown.state, shown.since, shown.own],
    [
      `${box.id.slice(0, 16)}-k1`,
      "http://10.1.2.3:8000/live",
      "10.1.2.3",
      "listen",
      "up",
      "1970-01-01T00:00:00.000Z",
      false,
    ],
  );
  assert.equal(serviceId(box.id, "k1"), shown.id);
  assert.deepEqual(shown.quality, {
    score: null,
    method: "http",
    reachable: null,
    rttMs: 20.1,
    rttSource: "estimate",
    rttAt: "1970-01-01T00:01:00.000Z",
    firstByteMs: null,
    lossPercent: null,
    lossSamples: 0,
    success7dPercent: null,
    samples: 0,
    load: 0.5,
    loadAt: "1970-01-01T00:00:50.000Z",
    measuredAt: null,
  });
});

test("a measured one shows what was measured, how often, and when", () => {
  const { quality } = view({}, { summary });
  assert.deepEqual(quality, {
    score: Math.round(100 * (0.5 * wilsonLower(148, 150) + (0.4 * 150) / 162.34 + 0.1 / 1.5) * 0.95),
    method: "http",
    reachable: true,
    rttMs: 5.6,
    rttSource: "measured",
    rttAt: "1970-01-01T00:01:10.000Z",
    firstByteMs: 12.3,
    lossPercent: 5,
    lossSamples: 20,
    success7dPercent: 99,
    samples: 150,
    load: 0.5,
    loadAt: "1970-01-01T00:00:50.000Z",
    measuredAt: "1970-01-01T00:01:10.000Z",
  });
  const failed = { ...summary, last: { ...sample, ok: false, rttMs: null, firstByteMs: null }, rttMs: null };
  const { quality: none } = view({}, { summary: failed });
  assert.deepEqual([none.reachable, none.score, none.rttSource], [false, 0, "estimate"]);
});

test("no number without its age, whatever is known", () => {
  const pairs = [
    ["score", "measuredAt"],
    ["reachable", "measuredAt"],
    ["rttMs", "rttAt"],
    ["firstByteMs", "measuredAt"],
    ["lossPercent", "measuredAt"],
    ["success7dPercent", "measuredAt"],
    ["load", "loadAt"],
  ] as const;
  const boxes = [box, { ...box, rttAtMs: null }, { ...box, loadAtMs: null }, { ...box, state: "away" as const }];
  for (const one of boxes) {
    for (const measured of [{}, { summary }, { host: { rttMs: 1, atMs: 5 } }, { refused: true }]) {
      const { quality } = view({ box: one }, measured);
      for (const [figure, age] of pairs)
        assert.ok(quality[figure] === null || quality[age] !== null, `${figure} of ${JSON.stringify(measured)}`);
      assert.equal(quality.rttMs === null, quality.rttSource === null);
      assert.equal(quality.samples > 0, quality.measuredAt !== null);
    }
  }
});

test("services on one host share its round trip, the newest one", () => {
  const sibling = view({}, { host: { rttMs: 7.77, atMs: 90_000 } }).quality;
  assert.deepEqual(
    [sibling.rttMs, sibling.rttSource, sibling.rttAt, sibling.score, sibling.measuredAt],
    [7.8, "measured", "1970-01-01T00:01:30.000Z", null, null],
  );
  assert.equal(view({}, { summary, host: { rttMs: 7.77, atMs: 60_000 } }).quality.rttMs, 5.6);
  assert.equal(view({}, { summary, host: { rttMs: 7.77, atMs: 80_000 } }).quality.rttMs, 7.8);
});

test("a stale load is not used, and not shown", () => {
  const at = (ageMs: number) => view({ box: { ...box, loadAtMs: NOW_MS - ageMs } }, { summary }).quality;
  assert.equal(at(LOAD_AGE_MS_MAX).load, 0.5);
  const stale = at(LOAD_AGE_MS_MAX + 1);
  assert.deepEqual([stale.load, stale.loadAt], [null, null]);
  const gap = Math.round(100 * 0.1 * (1 / 1.5 - EASE_UNKNOWN) * 0.95);
  assert.ok(Math.abs(at(0).score! - stale.score! - gap) <= 1);
});

test("what cannot be asked from here says so", () => {
  assert.equal(view({}, { refused: true }).quality.method, "none");
  assert.equal(view({ body: { ...body, type: "_quake._udp", scheme: "quake" } }).quality.method, "none");
  assert.equal(view({ body: { ...body, type: "_ntp._udp", scheme: "ntp" } }).quality.method, "ntp");
});

test("a box that is away, a service of the own box that fails, and one without an address", () => {
  const away = view({ box: { ...box, state: "away" } });
  assert.deepEqual([away.state, away.quality.score, away.quality.rttMs], ["away", null, null]);
  const kept = view({ box: { ...box, state: "away" } }, { summary }).quality;
  assert.deepEqual([kept.score, kept.success7dPercent, kept.samples], [null, 99, 150], "its history stays");
  assert.equal(view({ box: { ...box, state: "suspect" } }).state, "up");
  const failing = view({
    box: { ...box, self: true, state: "away" },
    own: { state: "failing", reason: "check.refused" },
  });
  assert.deepEqual(
    [failing.state, failing.reason, failing.own, failing.quality.score],
    ["failing", "check.refused", true, null],
  );
  const nowhere = view({ box: { ...box, address: null, rttMs: null } });
  assert.deepEqual([nowhere.url, nowhere.host, nowhere.quality.score, nowhere.quality.rttSource], ["", "", null, null]);
  assert.equal(view({ body: { ...body, host: "fd00::1" } }).url, "http://[fd00::1]:8000/live");
});

test("only what a browser speaks is opened, whatever the type says", () => {
  assert.equal(view({ body: { ...body, type: "_http._tcp", scheme: "intent" } }).action, "copy");
  assert.equal(view({ body: { ...body, type: "_http._tcp", scheme: "https" } }).action, "open");
  assert.equal(view({ body: { ...body, type: "_ssh._tcp", scheme: "ssh" } }).action, "copy");
});

test("filters: exact for types and ids, without case and accents for names and words", () => {
  const shown = view();
  const found = (filter: Partial<Filter>) => matches(shown, { all: false, ...filter });
  const hits: Partial<Filter>[] = [
    {},
    { q: "educacio" },
    { q: "RADIO musica" },
    { q: "  ona  sants " },
    { q: "nunez" },
    { q: "" },
    { type: "_icecast._tcp" },
    { category: "radio" },
    { zone: "sants" },
    { box: "caixa de l'ona" },
    { box: box.id },
    { q: "icecast", zone: "SANTS", category: "radio" },
  ];
  for (const filter of hits) assert.equal(found(filter), true, JSON.stringify(filter));
  const misses: Partial<Filter>[] = [
    { q: "radio jazz" },
    { type: "_icecast" },
    { category: "web" },
    { zone: "San" },
    { box: "caixa" },
    { box: box.id.slice(1) },
    { q: "educacio", category: "web" },
  ];
  for (const filter of misses) assert.equal(found(filter), false, JSON.stringify(filter));
  assert.equal(folded("ÀÉÏÓÚ Ç ñ"), "aeiou c n");
});
