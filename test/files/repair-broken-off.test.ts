/** A repair that is broken off while it settles with the servers holds no places there: the next one has them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../src/kernel/random.ts";
import { createGrid } from "../../src/services/files/grid/community-grid.ts";
import { bytesOf, encoding, needsOf, put, secretOf, testGrid } from "./immutable-grid.ts";
import { oneKey } from "./shelf-grid.ts";

const SECRETS = { convergence: secretOf("convergence"), lease: secretOf("lease"), upload: secretOf("upload") };

test("a repair that is broken off gives back what servers had reserved for it", async (t) => {
  const { servers, workers } = await testGrid(t, 8);
  const [lost, kept, later] = [servers.slice(0, 2), servers.slice(2, 5), servers.slice(5)];
  const how = encoding(3, 5);
  const { cap } = await put(
    needsOf(() => [...lost, ...kept], workers),
    bytesOf(50_000),
    how,
  );
  const grid = createGrid({
    ...needsOf(() => [...kept, ...later], workers),
    ...{ secrets: SECRETS, random: seededRandom(1), keyPool: oneKey(), encoding: () => how },
  });
  const stopping = new AbortController();
  for (const server of later) {
    const allocate = server.allocate;
    server.allocate = async (...all) => {
      const answer = await allocate(...all);
      stopping.abort(new Error("the service stops"));
      return answer;
    };
  }
  await assert.rejects(grid.repair(cap, { signal: stopping.signal }), /the service stops/);
  const { after, written } = await grid.repair(cap);
  assert.deepEqual([after.state, after.good, written], ["healthy", 5, 2]);
});
