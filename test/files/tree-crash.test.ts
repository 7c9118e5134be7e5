/** An upload whose box is killed (SIGKILL) at each step and at any moment: it goes on, and is there once. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../support/at-exit.ts";
import { start } from "../support/process.ts";
import type { Owner } from "../support/process.ts";
import { memoryGrid } from "./memory-grid.ts";
import { bytesOf, treeBox } from "./tree-box.ts";
import { PIECE_BYTES, UPLOAD_BYTES, gridFolder, uploadContent } from "./tree-process.ts";

const PROGRAM = fileURLToPath(new URL("./tree-process.ts", import.meta.url));

const run = (owner: Owner, folder: string, mode: string, step = "") =>
  start([process.execPath, PROGRAM, folder, mode, step], { name: "tree", owner });

async function checkOnce(owner: Owner, folder: string): Promise<void> {
  const { files } = await treeBox(owner, { grid: memoryGrid({ folder: gridFolder(folder) }), folder });
  const entries = await files.list("/");
  assert.deepEqual(
    entries.map(({ path, bytes, modifiedMs, versions }) => ({ path, bytes, modifiedMs, versions })),
    [{ path: "/upload.bin", bytes: UPLOAD_BYTES, modifiedMs: 77, versions: 1 }],
  );
  assert.ok((await bytesOf((await files.read("/upload.bin")).content)).equals(uploadContent()));
  assert.deepEqual(readdirSync(join(folder, "spool")), []);
}

for (const mode of ["new", "replace", "rename"]) {
  test(`killed at each step of an upload (${mode})`, { timeout: 180_000 }, async (t) => {
    const folder = temporaryFolder("crash");
    for (const step of ["begun", "half", "before-content", "after-content", "before-entry", "after-entry"]) {
      const running = run(t, folder, mode, step);
      await running.waitForLine(new RegExp(`^at ${step}`));
      await running.kill();
      if (step === "half") {
        const [name] = readdirSync(join(folder, "spool"));
        const sealed = readFileSync(join(folder, "spool", name!));
        assert.ok(sealed.length > UPLOAD_BYTES / 2);
        assert.equal(sealed.indexOf(Buffer.from(uploadContent().subarray(500, 532))), -1, "nothing in the clear");
      }
    }
    const running = run(t, folder, mode);
    await running.waitForLine(/^done/);
    await running.kill();
    await checkOnce(t, folder);
  });
}

test("killed at any moment, again and again", { timeout: 180_000 }, async (t) => {
  const folder = temporaryFolder("crash");
  let receivedBytes = 0;
  for (const pieces of [1, 4, 9, 13, 20]) {
    const running = run(t, folder, "rename");
    const wanted = Math.min(UPLOAD_BYTES, pieces * PIECE_BYTES);
    const line = await running.waitForLine(/^received \d+|^done/);
    const first = Number(/\d+/.exec(String(line))?.[0] ?? UPLOAD_BYTES);
    assert.ok(first >= receivedBytes, "what was answered is kept");
    await running.waitForLine(new RegExp(`^received ${wanted}|^done`));
    await running.kill();
    receivedBytes = wanted;
  }
  const running = run(t, folder, "rename");
  await running.waitForLine(/^done/);
  await running.kill();
  await checkOnce(t, folder);
});
