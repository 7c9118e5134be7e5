/** What is listed: a box that goes turns its services grey at once, and takes them off the list ten minutes later. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import type { BoxState, BoxView, MeshClient, RecordView } from "../mesh/client.ts";
import { createCatalogue, LIST_KEPT_MS } from "./catalogue.ts";
import { AWAY_SHOWN_MS } from "./view.ts";

const clock = virtualClock();
const box = (id: string, more: Partial<BoxView> = {}): BoxView => ({
  ...{ id, name: id, owner: "Anna", zone: "raval", state: "up", self: false, steward: false },
  ...{ address: "10.1.2.3", meshPort: 1, webPort: 2, version: "1", rttMs: 5, rttAtMs: clock.wallMs() },
  ...{ answersAt: "10.1.2.3", seenMs: null, sinceMs: null, startedMs: null, load: null, loadAtMs: null, health: "ok" },
  ...more,
});
const record: RecordView = {
  ...{ author: "far", kind: "service", key: "k", timeMs: 0 },
  body: {
    ...{ type: "_http._tcp", title: "Parish radio", description: "", category: "radio", scope: "community" },
    ...{ open: true, host: null, port: 80, path: "/", scheme: "http", version: "", sinceMs: 0 },
  },
};
const state: { now: BoxState; seenMs: number } = { now: "up", seenMs: 0 };
const boxes = () => [box("self", { self: true }), box("far", { state: state.now, seenMs: state.seenMs })];
const mesh = { selfId: "self", boxes, records: () => [record] } as unknown as MeshClient;
const last = { atMs: clock.wallMs(), ok: true, lost: false, rttMs: 5, firstByteMs: 9 };
const summary = { last, recent: 3, loss: 0, rttMs: 5, firstByteMs: 9, samples: 3, answered: 3 };
const catalogue = createCatalogue({ clock, mesh, own: () => [], measured: () => ({ summary }) });
const shown = () => catalogue.shown().map((one) => [one.state, one.quality.score === null, one.quality.samples]);

test("grey while its box is away, gone ten minutes later, back with its history when the box is", () => {
  assert.deepEqual(shown(), [["up", false, 3]]);
  Object.assign(state, { now: "away", seenMs: clock.wallMs() });
  assert.deepEqual(shown(), [["up", false, 3]], "a list is kept for a moment …");
  catalogue.touch();
  assert.deepEqual(shown(), [["away", true, 3]], "… but not when gossip has news");
  clock.advance(AWAY_SHOWN_MS - 1);
  assert.deepEqual(shown(), [["away", true, 3]]);
  clock.advance(LIST_KEPT_MS);
  assert.deepEqual(shown(), []);
  assert.equal(catalogue.all().length, 1, "with --all it is still there");
  Object.assign(state, { now: "up" });
  clock.advance(LIST_KEPT_MS);
  assert.deepEqual(shown(), [["up", false, 3]]);
});
