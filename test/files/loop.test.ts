/**
 * What files do on the main thread, in turns of the event loop: pages, gossip and everybody else's files wait while one
 * lasts. Counted is the processor time of this thread, so that a busy machine makes no difference; the bound is for
 * the processors of today, and several times what is seen.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FOLDER_ENTRIES_MAX } from "../../src/services/files/tree/constants.ts";
import { memoryGrid } from "./memory-grid.ts";
import { content, treeBox } from "./tree-box.ts";
import { startWebdav } from "./webdav-box.ts";

/** The rule of the house, with room for a slow machine. */
const TURN_MAX_MS = 50;

function processorMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** The longest turn while `work` runs, in milliseconds of this thread's processor time. */
async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let longestMs = 0;
  let isOver = false;
  let beganMs = processorMs();
  const watch = () => {
    const nowMs = processorMs();
    longestMs = Math.max(longestMs, nowMs - beganMs);
    beganMs = processorMs();
    if (!isOver) setImmediate(watch);
  };
  setImmediate(watch);
  await work();
  isOver = true;
  await new Promise((resolve) => setImmediate(resolve));
  return Math.max(longestMs, processorMs() - beganMs);
}

test("no turn is long with a folder of as many entries as one may have", { timeout: 120_000 }, async (t) => {
  const grid = memoryGrid();
  const writer = await treeBox(t, { grid });
  await writer.files.makeFolder("/many");
  const name = (n: number) => `/many/a name as people give them, with “words”, number ${n}.txt`;
  for (let n = 0; n < FOLDER_ENTRIES_MAX - 10; n += 250) {
    const some = Array.from({ length: Math.min(250, FOLDER_ENTRIES_MAX - 10 - n) }, (_none, i) => n + i);
    await Promise.all(some.map((one) => writer.files.write(name(one), content(`file ${one} ${"x".repeat(60)}`))));
  }
  const cap = (await writer.files.caps("/many")).write!;
  const seen: [string, number][] = [];
  const measure = async (what: string, work: () => Promise<unknown>) => {
    seen.push([what, await longestTurn(work)]);
  };
  for (let run = 0; run < 3; run += 1) {
    const { files } = await treeBox(t, { grid });
    await files.attach("/many", cap);
    await measure("reading it for the first time", () => files.list("/many"));
    await measure("listing it", () => files.list("/many"));
    await measure("one file more", () => files.write(`/many/new ${run}`, content("x")));
    await measure("a search", async () => files.search("number 17"));
    const box = await startWebdav({ owner: t, files });
    await measure("PROPFIND", () => box.ask("PROPFIND", "/many/", { headers: { depth: "1" } }));
    await measure("a page of WebDAV", () => box.ask("GET", "/many/"));
    await measure("copying it", () => files.copy("/many", `/copy ${run}`));
    await measure("removing it", () => files.remove(`/copy ${run}`));
  }
  for (const [what, ms] of seen) t.diagnostic(`${what}: ${ms.toFixed(1)} ms`);
  for (const [what, ms] of seen) assert.ok(ms < TURN_MAX_MS, `${what}: a turn of ${ms.toFixed(1)} ms`);
});
