/** The table and the line of JSON of `bench:files`, from samples whose results are known. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hashedPerByte, report } from "./files-report.ts";

const MACHINE = { cores: 2, load: [0.5], sha256: 1900, hashedPerByte: hashedPerByte(3, 10) };

interface Json {
  ratios: Record<string, number>;
  medians: Record<string, object>;
  missed: string[];
}

test("what is hashed at 3 of 10 and at 1 of 1", () => {
  assert.equal(hashedPerByte(3, 10).toFixed(2), "6.33");
  assert.equal(hashedPerByte(1, 1), 4);
});

test("goals are judged in the direction that is better", () => {
  const { text, json } = report(
    {
      throughput_upload: { ours: [50, 60, 400], tahoe: [10, 12, 11] },
      throughput_download: { ours: [40], tahoe: [10] },
      time_mkdir: { ours: [10], tahoe: [99] },
      time_frozen_cost: { ours: [2.5], tahoe: [30] },
      memory_storage: { ours: [99], tahoe: [10] },
      share_ceiling: { ours: [20], tahoe: [4] },
    },
    MACHINE,
    3,
  );
  const { ratios, medians, missed } = json as Json;
  assert.deepEqual(missed, ["throughput_download", "time_mkdir", "time_frozen_cost"]);
  assert.equal(ratios["throughput_upload"], 5.45);
  assert.ok(!("time_frozen_cost" in ratios));
  assert.deepEqual(medians["throughput_upload"], { ours: 60, peer: 11, unit: "MB/s" });
  assert.match(text, /100 MB up, MB\/s +60\.0 +11\.0 +5\.5 +≥ 5 +met\n/);
  assert.match(text, /folder in a folder, ms .* < 0\.1 +MISSED\n/);
  assert.match(text, /300 MB\/s is the ceiling of one core/);
});

test("a side that was left out has no figures", () => {
  const { text, json } = report({ memory_storage: { ours: [101], tahoe: [] } }, MACHINE, 1);
  assert.deepEqual((json as Json).medians["memory_storage"], { ours: 101, peer: null, unit: "MB" });
  assert.match(text, /MISSED: memory_storage/);
});
