/** Immutable files over our own storage servers: what goes up comes down, whatever its size, range or encoding. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatCap } from "../../src/protocols/grid/caps.ts";
import { contentOf } from "../grid/storage-box.ts";
import { encoding, get, put, sameContent, testGrid } from "./immutable-grid.ts";

const KIB = 1024;

test("sizes at the edges come back, and the same content gets the same cap", { timeout: 180_000 }, async (t) => {
  const { needs } = await testGrid(t, 4);
  const segment = 64 * KIB;
  const how = encoding(2, 4, 4, segment);
  for (const size of [0, 1, 55, 56, 57, segment - 1, segment, segment + 1, 3 * segment, 1_300_001]) {
    const content = contentOf(size);
    const { cap, sent, found, happiness } = await put(needs, content, how);
    assert.match(formatCap(cap), size <= 55 ? /^URI:LIT:/ : new RegExp(`^URI:CHK:.*:2:4:${size}$`));
    if (size > 55) assert.deepEqual({ sent, found, happiness }, { sent: 4, found: 0, happiness: 4 }, `${size} bytes`);
    sameContent(await get(needs, cap), content, `${size} bytes`);
    const again = await put(needs, content, how);
    assert.equal(formatCap(again.cap), formatCap(cap));
    if (size > 55) assert.deepEqual([again.sent, again.found], [0, 4]);
  }
});

test("several megabytes, several encodings, and any range of them", { timeout: 180_000 }, async (t) => {
  const { needs } = await testGrid(t, 5);
  const content = contentOf(6_500_003);
  for (const how of [encoding(1, 1), encoding(3, 10, 5), encoding(5, 5), encoding(3, 5, 5, 128 * KIB)]) {
    const { cap, happiness } = await put(needs, content, how);
    assert.equal(happiness, Math.min(how.total, 5));
    sameContent(await get(needs, cap), content, formatCap(cap));
    for (const [at, length] of [
      [0, 1],
      [6_500_002, 10],
      [1_048_575, 2],
      [3_000_000, 2_500_000],
      [7_000_000, 1],
    ]) {
      const expected = content.subarray(at, at! + length!);
      sameContent(await get(needs, cap, { at, length }), expected, `${length} bytes at ${at}`);
    }
  }
});
