/** Which warnings stand when, and what the status tells. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Grid } from "./grid/grid.ts";
import type { ServerState } from "./grid/server.ts";
import { filesStatus } from "./shapes.ts";
import { checksOf, metricsOf, statusShown, warningsOf } from "./status.ts";
import type { Facts } from "./status.ts";

function facts(states: readonly ServerState[], more: Partial<Facts> = {}): Facts {
  const servers = states.map((state, n) => ({
    ...{ id: n === 0 ? "v0-box" : `list ${n}`, name: `s${n}`, owner: undefined, zone: undefined },
    ...{ state: () => state, availableBytes: () => undefined, responseMs: () => 12.345 },
  }));
  const encoding = { needed: 3, total: 10, happy: Math.max(1, states.length - 1), segmentMaxBytes: 1 };
  const off = { on: false, port: 0, reason: undefined };
  return {
    giving: { on: false, bytesGiven: 0, bytesUsed: 0, port: 0, reason: undefined },
    grid: { servers: () => servers, encoding: () => encoding } as unknown as Grid,
    care: { state: "waiting", checkedMs: 0, healthy: 3, weak: 0, lost: 0, running: undefined },
    doors: { webdav: off, sftp: off },
    boxIds: ["box"],
    ...more,
  };
}

const codes = (now: Facts, isUsed = true) => warningsOf(now, isUsed).map(({ code }) => code);

test("warnings", () => {
  assert.deepEqual(codes(facts(["up", "up", "up"])), []);
  assert.deepEqual(codes(facts(["up", "slow", "away"])), []);
  assert.deepEqual(codes(facts(["up", "away", "away"])), ["files-not-spread"]);
  assert.deepEqual(codes(facts([])), ["files-not-spread"]);
  assert.deepEqual(codes(facts([]), false), [], "nobody keeps files here");
  assert.deepEqual(codes(facts(["up"])), ["files-one-server"]);
  const care = { state: "held" as const, checkedMs: 0, healthy: 3, weak: 2, lost: 1, running: undefined };
  assert.deepEqual(codes(facts(["up", "up"], { care })), ["files-lost", "files-weak"]);
  const giving = { on: true, bytesGiven: 1000, bytesUsed: 899, port: 1, reason: undefined };
  assert.deepEqual(codes(facts(["up", "up"], { giving })), []);
  assert.deepEqual(codes(facts(["up", "up"], { giving: { ...giving, bytesUsed: 900 } })), ["files-full"]);
  assert.deepEqual(codes(facts(["up", "up"], { giving: { ...giving, reason: "port-in-use" } })), ["files-storage"]);
  const sftp = { on: false, port: 22, reason: "port-in-use" };
  const doors = { webdav: { on: false, port: 0, reason: undefined }, sftp };
  assert.deepEqual(warningsOf(facts(["up", "up"], { doors }), true), [
    { code: "files-door", severity: "warning", params: { protocol: "SFTP", port: 22, reason: "port-in-use" } },
  ]);
});

test("the status is as its contract says, and tells boxes from imported servers", () => {
  const shown = statusShown(facts(["up", "unknown"]), { usedBytes: 5, quotaBytes: null }, "box.local");
  const read = filesStatus.parse(shown);
  assert.deepEqual(
    read.grid.servers.map(({ box, origin, responseMs }) => [box, origin, responseMs]),
    [
      ["box", "box", 12.3],
      [null, "list", 12.3],
    ],
  );
  assert.deepEqual([read.grid.reachable, read.grid.enough, read.care.files], [1, true, 3]);
  const open = { on: true, port: 7080, reason: undefined };
  const doors = { webdav: open, sftp: { ...open, on: false } };
  const { access } = statusShown(facts([], { doors }), { usedBytes: 0, quotaBytes: 1 }, "box.local");
  assert.deepEqual([access.webdav.url, access.sftp.url], ["http://box.local:7080/", null]);
});

test("checks and figures", () => {
  const giving = { on: true, bytesGiven: 1000, bytesUsed: 10, port: 0, reason: "port-in-use" };
  const found = checksOf(facts(["away"], { giving }), true).map(({ code, ok }) => `${code} ${ok}`);
  assert.deepEqual(found, ["files-servers false", "files-storage false"]);
  const figures = new Map(metricsOf(facts(["up", "away"], { giving })).map(({ name, value }) => [name, value]));
  assert.deepEqual(
    ["files_given_bytes", "files_stored_bytes", "files_servers", "files_servers_reachable"].map((one) =>
      figures.get(one),
    ),
    [1000, 10, 2, 1],
  );
});
