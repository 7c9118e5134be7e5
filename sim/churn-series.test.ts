/** The real series of comings and goings: that it is what its source says, and that boxes follow it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { beginTogether } from "./beginning.ts";
import { planChurn, realSeries } from "./churn-series.ts";
import { small } from "./scenarios/small.ts";
import { World } from "./world.ts";

const MONTH_MS = 4000;

test("nine months of FunkFeuer Graz: so many nodes at each date", () => {
  const { months, nodes } = realSeries();
  const there = months.map((_, month) => Object.values(nodes).filter((row) => row[month] === "1").length);
  assert.deepEqual(there, [75, 84, 82, 88, 90, 97, 120, 125, 125]);
  for (const row of Object.values(nodes)) assert.equal(row.length, months.length);
});

test("boxes come, go and come back when their nodes did", () => {
  const rows = Object.values(realSeries().nodes);
  const world = new World({ ...small, profile: "lan", records: "none", boxes: rows.length, seed: 1 });
  const churn = planChurn(world, world.boxes, MONTH_MS);
  beginTogether(world, churn.present);
  const { months } = realSeries();
  for (let month = 0; month < months.length; month++) {
    world.run(month * MONTH_MS);
    // One that leaves says so first, which takes a moment.
    const isAt = (box: number) => (world.boxes[box]!.up ? "1" : "0") === rows[box]![month];
    const late = rows.flatMap((_, box) => (isAt(box) ? [] : [box])).filter((box) => rows[box]![month] === "1");
    assert.deepEqual(late, []);
  }
  world.run(world.nowMs + MONTH_MS);
  assert.deepEqual(world.boxes.filter((box) => box.up).length, rows.filter((row) => row.endsWith("1")).length);
  assert.ok(churn.comings > 150 && churn.goings > 100, `${churn.comings} came, ${churn.goings} went`);
});
