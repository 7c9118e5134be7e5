/** An upload and a download of 200 MB that nobody has in memory: what they take does not grow with the file. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { ChkReadCap } from "../../src/protocols/grid/caps.ts";
import { downloadImmutable } from "../../src/services/files/grid/download.ts";
import { SMALL_FILE_MAX_BYTES } from "../../src/services/files/grid/constants.ts";
import { clock, encoding, generated, processGrid, put, timed } from "./immutable-grid.ts";

const MB = 1_000_000;

/** What nobody holds any more goes at once: on a busy machine the collector is late, and that is not measured here. */
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

test("200 MB up and down with constant memory", { timeout: 118_000 }, async (t) => {
  const { needs, workers } = await processGrid(t, 3);
  let peakBytes = 0;
  let longestMs = 0;
  let lastMs = clock.monotonicMs();
  const stopCollecting = clock.every(500, () => {
    collect();
    peakBytes = Math.max(peakBytes, process.memoryUsage().arrayBuffers);
  });
  t.after(stopCollecting);
  const stop = clock.every(10, () => {
    const nowMs = clock.monotonicMs();
    longestMs = Math.max(longestMs, nowMs - lastMs - 10);
    lastMs = nowMs;
  });
  t.after(stop);
  const keepsAlive = setInterval(() => {}, 1000);
  t.after(() => clearInterval(keepsAlive));
  const peaks: number[] = [];
  for (const size of [40 * MB, 200 * MB]) {
    peakBytes = 0;
    const up = await timed(() => put(needs, generated(size), encoding(2, 3, 3)));
    const hash = createHash("sha256");
    const down = await timed(async () => {
      for await (const part of downloadImmutable(needs, up.value.cap as ChkReadCap)) hash.update(part);
    });
    const expected = createHash("sha256");
    for await (const part of generated(size).read()) expected.update(part);
    assert.equal(hash.digest("hex"), expected.digest("hex"));
    peaks.push(peakBytes);
    const speed = (ms: number) => `${(size / 1000 / ms).toFixed(1)} MB/s`;
    t.diagnostic(
      `${size / MB} MB: up ${speed(up.ms)}, down ${speed(down.ms)}, buffers ${Math.round(peakBytes / MB)} MB`,
    );
  }
  t.diagnostic(`resident ${Math.round(process.memoryUsage().rss / MB)} MB, longest turn ${Math.round(longestMs)} ms`);
  assert.ok(peaks[1]! < 160 * MB, `${peaks[1]}`);
  assert.ok(peaks[1]! < peaks[0]! * 1.5 + 30 * MB, peaks.join(" "));
  assert.ok(workers.running > 0 && SMALL_FILE_MAX_BYTES < 40 * MB);
});
