/** Who waits for an upload hears at once that it has to wait for something, and then when that has changed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/kernel/clock.ts";
import type { CallContext } from "../../src/kernel/contract.ts";
import { treeHandlers } from "../../src/services/files/handlers-tree.ts";
import type { ServiceParts } from "../../src/services/files/parts.ts";
import { upload as uploadShape } from "../../src/services/files/shapes.ts";
import { memoryGrid } from "./memory-grid.ts";
import { noise, treeBox } from "./tree-box.ts";

const context = { signal: new AbortController().signal } as CallContext;

test("an upload that cannot be spread says so soon, not when it is given up", { timeout: 180_000 }, async (t) => {
  const grid = memoryGrid();
  const { tree, files } = await treeBox(t, { grid });
  await files.list("/");
  const parts = { clock: systemClock(), tree, accountOf: () => "anna" } as unknown as ServiceParts;
  const { upload } = treeHandlers(parts);
  const { id } = await tree.uploads.begin("anna", { path: "/f", bytes: 100 });
  grid.failWith("files-not-spread");
  await tree.uploads.piece("anna", id, 0, noise(100));
  const startMs = performance.now();
  const first = uploadShape.parse(await upload({ id, wait: true }, context));
  assert.deepEqual([first.state, first.waitingFor], ["storing", "files-not-spread"]);
  // Who waits is answered after 20 s anyway.
  assert.ok(performance.now() - startMs < 15_000);
  grid.failWith(undefined);
  // The same answer is not given twice: this one comes when it is stored.
  const last = uploadShape.parse(await upload({ id, wait: true }, context));
  assert.deepEqual([last.state, last.waitingFor, last.error], ["done", undefined, undefined]);
});
