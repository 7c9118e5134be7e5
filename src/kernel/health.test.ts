/** Health: one list, since when each warning stands, when it counts as changed, what the host has set aside. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Warning } from "./contract.ts";
import { createHealth } from "./health.ts";

test("warnings of all parts, worst first, then the one that stands longest", () => {
  const health = createHealth();
  const disk: Warning[] = [{ code: "disk-low", severity: "warning", params: { freeMb: 5 } }];
  const mesh: Warning[] = [];
  health.watch("box", () => disk);
  health.watch("mesh", () => mesh);
  assert.deepEqual([health.level(), health.refresh(10), health.refresh(20)], ["ok", true, false]);
  mesh.push(
    { code: "alone", severity: "info" },
    { code: "clock-off", severity: "error" },
    { code: "slow", severity: "warning" },
  );
  assert.equal(health.refresh(30), true);
  assert.deepEqual(
    health.warnings().map((one) => `${one.source} ${one.code} ${one.sinceMs}`),
    ["mesh clock-off 30", "box disk-low 10", "mesh slow 30", "mesh alone 30"],
  );
  assert.equal(health.level(), "error");
  mesh.length = 0;
  assert.deepEqual([health.refresh(40), health.level()], [true, "warning"]);
});

test("other figures are another warning; a warning that gets worse has changed but stands as long", () => {
  const health = createHealth();
  let warning: Warning = { code: "disk-low", severity: "warning", params: { freeMb: 5 } };
  health.watch("box", () => [warning]);
  health.refresh(10);
  warning = { ...warning, severity: "error" };
  assert.deepEqual([health.refresh(20), health.warnings()[0]!.sinceMs], [true, 10]);
  warning = { ...warning, params: { freeMb: 4 } };
  assert.deepEqual([health.refresh(30), health.warnings()[0]!.sinceMs], [true, 30]);
});

test("what the host ignores stays in the list and no longer colours the box", () => {
  const health = createHealth();
  health.watch("box", () => [
    { code: "bad", severity: "error" },
    { code: "odd", severity: "info" },
  ]);
  health.refresh(0);
  health.setIgnored(["bad"]);
  assert.deepEqual([health.level(), health.warnings()[0]!.ignored], ["info", true]);
  health.refresh(1);
  assert.equal(health.level(), "info");
  health.setIgnored([]);
  assert.equal(health.level(), "error");
});
