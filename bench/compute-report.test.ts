/** The table and the line of JSON of `bench:compute`, from samples whose results are known. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { report } from "./compute-report.ts";

test("a ratio above the goal is missed, one without a peer is none", () => {
  const { text, json } = report(
    {
      time_launch_tiny: { ours: [600, 660, 9000], lxc: [550, 500, 600] },
      time_stop: { ours: [130], lxc: [100] },
      cpu_rest_100: { ours: [0.5], lxc: [0] },
    },
    { cores: 2, load: [0.5] },
    3,
  );
  const { ratios, medians, missed } = json as {
    ratios: Record<string, number>;
    medians: Record<string, object>;
    missed: string[];
  };
  assert.deepEqual(ratios, { time_launch_tiny: 1.2, time_stop: 1.3 });
  assert.deepEqual(missed, ["time_stop"]);
  assert.deepEqual(medians["time_launch_tiny"], { ours: 660, peer: 550, unit: "ms" });
  assert.match(text, /tiny image, .* 660 +550 +1\.20 +≤ 1\.2 +met\n/);
  assert.match(text, /stop, .* 1\.30 +≤ 1\.2 +MISSED\n/);
  assert.match(text, /CPU at rest, 100 .* 0\.50 +0\.00 +- /);
  assert.match(text, /MISSED: time_stop$/);
});
