/** What is shown of a service, and which services a filter finds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { BoxView } from "../mesh/client.ts";
import type { ServiceBody } from "./body.ts";
import { service } from "./contract.ts";
import type { Filter, ViewParts } from "./view.ts";
import { folded, matches, serviceId, viewOf } from "./view.ts";

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
  seenMs: null,
  sinceMs: null,
  startedMs: null,
  load: 0.5,
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
const unmeasured = { last: null, loss: null, success7d: null };
const view = (parts: Partial<ViewParts> = {}) =>
  service.parse(viewOf({ box, key: "k1", body, measured: unmeasured, ...parts }));

test("a service on its box, not yet measured: the round trip is an estimate", () => {
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
  const { score, ...figures } = shown.quality;
  assert.ok(score! > 80);
  assert.deepEqual(figures, {
    reachable: null,
    rttMs: 20.1,
    rttSource: "estimate",
    firstByteMs: null,
    lossPercent: null,
    success7dPercent: null,
    load: 0.5,
    measuredAt: null,
  });
});

test("a measured one shows what was measured, and when", () => {
  const last = { atMs: 1000, ok: true, rttMs: 5.55, firstByteMs: 12.34 };
  const { quality } = view({ measured: { last, loss: 0.05, success7d: 0.987 } });
  assert.deepEqual(
    [
      quality.rttMs,
      quality.rttSource,
      quality.firstByteMs,
      quality.lossPercent,
      quality.success7dPercent,
      quality.measuredAt,
    ],
    [5.6, "measured", 12.3, 5, 99, "1970-01-01T00:00:01.000Z"],
  );
  const failed = view({
    measured: { last: { atMs: 1000, ok: false, rttMs: null, firstByteMs: null }, loss: 1, success7d: 0 },
  });
  assert.deepEqual([failed.quality.reachable, failed.quality.score, failed.quality.rttSource], [false, 0, "estimate"]);
});

test("a box that is away, a service of the own box that fails, and one without an address", () => {
  const away = view({ box: { ...box, state: "away" } });
  assert.deepEqual([away.state, away.quality.score], ["away", 0]);
  assert.equal(view({ box: { ...box, state: "suspect" } }).state, "up");
  const failing = view({
    box: { ...box, self: true, state: "away" },
    own: { state: "failing", reason: "check.refused" },
  });
  assert.deepEqual(
    [failing.state, failing.reason, failing.own, failing.quality.score],
    ["failing", "check.refused", true, 0],
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
