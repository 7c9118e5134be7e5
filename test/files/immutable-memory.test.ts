/**
 * An upload and a download of 300 MB that nobody has in memory: buffers stay below half of it, and would hold it whole,
 * or its shares, if anybody kept them.
 */
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

/** The most that buffers took, looked at each 4 MB that pass: by work, so that a fast machine is seen as often. */
function watchedBuffers(): { passed: (bytes: number) => void; peak: () => number } {
  let peakBytes = 0;
  let sinceBytes = 0;
  return {
    passed(bytes) {
      sinceBytes += bytes;
      if (sinceBytes < 4 * MB) return;
      sinceBytes = 0;
      collect();
      peakBytes = Math.max(peakBytes, process.memoryUsage().arrayBuffers);
    },
    peak: () => peakBytes,
  };
}

test("300 MB up and down with constant memory", { timeout: 300_000 }, async (t) => {
  const { needs, workers } = await processGrid(t, 3);
  let longestMs = 0;
  let lastMs = clock.monotonicMs();
  const stop = clock.every(10, () => {
    const nowMs = clock.monotonicMs();
    longestMs = Math.max(longestMs, nowMs - lastMs - 10);
    lastMs = nowMs;
  });
  t.after(stop);
  const keepsAlive = setInterval(() => {}, 1000);
  t.after(() => clearInterval(keepsAlive));
  const size = 300 * MB;
  const { passed, peak } = watchedBuffers();
  const source = generated(size);
  const watched = {
    bytes: size,
    read: async function* (at = 0) {
      for await (const part of source.read(at)) {
        yield part;
        passed(part.length);
      }
    },
  };
  const up = await timed(() => put(needs, watched, encoding(2, 3, 3)));
  const hash = createHash("sha256");
  const down = await timed(async () => {
    for await (const part of downloadImmutable(needs, up.value.cap as ChkReadCap)) {
      hash.update(part);
      passed(part.length);
    }
  });
  const expected = createHash("sha256");
  for await (const part of source.read()) expected.update(part);
  assert.equal(hash.digest("hex"), expected.digest("hex"));
  const speed = (ms: number) => `${(size / 1000 / ms).toFixed(1)} MB/s`;
  t.diagnostic(`${size / MB} MB: up ${speed(up.ms)}, down ${speed(down.ms)}, buffers ${Math.round(peak() / MB)} MB`);
  t.diagnostic(`resident ${Math.round(process.memoryUsage().rss / MB)} MB, longest turn ${Math.round(longestMs)} ms`);
  assert.ok(peak() < size / 2, `${peak()} bytes of buffers for ${size}`);
  assert.ok(workers.running > 0 && SMALL_FILE_MAX_BYTES < size);
});
