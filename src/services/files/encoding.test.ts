/** Pieces and servers by how many servers there are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodingOf, happyOf } from "./encoding.ts";

test("with more servers more of them must take pieces, up to seven of ten", () => {
  const wanted = [1, 1, 1, 2, 2, 3, 4, 4, 5, 6, 7, 7];
  assert.deepEqual(
    wanted.map((_happy, servers) => happyOf(servers, 10)),
    wanted,
  );
  assert.equal(happyOf(100, 10), 7);
  assert.equal(happyOf(100, 3), 3);
});

test("what the settings say counts, as far as it can be", () => {
  const auto = { needed: 3, total: 10, happy: 0, segmentKiB: 1024 };
  assert.deepEqual(encodingOf(auto, 3), { needed: 3, total: 10, happy: 2, segmentMaxBytes: 1_048_576 });
  assert.equal(encodingOf({ ...auto, happy: 5 }, 3).happy, 5);
  assert.deepEqual(encodingOf({ ...auto, needed: 12 }, 3).total, 12);
  assert.equal(encodingOf({ ...auto, total: 4, happy: 9 }, 20).happy, 4);
});
