/**
 * Three real boxes of which others go away: what the ring and the warnings say then, and what leaving without a
 * majority says, to whom waits and to whom comes later.
 */
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { COMU_COMMAND } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { eventually, run, start } from "../support/process.ts";
import { startStoreBoxes, stopStoreBoxes } from "./store-boxes.ts";

const SEEN_TIMEOUT_MS = 60_000;
const LEFT_TIMEOUT_MS = 120_000;
/** Less than the ten seconds that an operation waits for its answer. */
const REFUSED_TIMEOUT_MS = 30_000;

const ring = (box: Box) => box.cli<{ state: string; survives: number; members: unknown[] }>(["kv", "ring", "--json"]);
const health = async (box: Box) => {
  const found = await box.cli<{ code: string }[]>(["health", "--json"]);
  return found.map(({ code }) => code).filter((code) => code.startsWith("kv-"));
};

test("with boxes away: what may fail still; leaving waits, is called off, and outlasts a restart", async (t) => {
  const boxes = await startStoreBoxes({ boxes: 3 });
  t.after(() => stopStoreBoxes(boxes));
  const [one, two, three] = boxes.map(({ box }) => box) as [Box, Box, Box];
  assert.equal((await ring(one)).survives, 1);
  await one.cli(["kv", "put", "kept", "safe", "--json"]);
  await eventually("all is well", SEEN_TIMEOUT_MS, async () => (await health(one)).length === 0);

  await three.kill();
  await eventually("it is told", SEEN_TIMEOUT_MS, async () => (await ring(one)).survives === 0);
  await eventually("and warned of", SEEN_TIMEOUT_MS, async () => (await health(one)).join() === "kv-weak");

  await two.kill();
  await eventually("it is told", SEEN_TIMEOUT_MS, async () => (await health(one)).includes("kv-no-majority"));
  const put = ["kv", "put", "greeting", "bon dia", "--lang", "en", "--data", one.data];
  // It was perhaps asked before that was sure, and waits its ten seconds.
  assert.notEqual((await run([...COMU_COMMAND, ...put])).code, 0);
  const refused = await run([...COMU_COMMAND, ...put], { timeoutMs: REFUSED_TIMEOUT_MS });
  assert.match(refused.stderr, /Nothing was done: too few of the boxes/);

  const leaving = start([...COMU_COMMAND, "kv", "off", "--yes", "--lang", "en", "--data", one.data], { name: "off" });
  t.after(() => leaving.stop());
  await eventually("the command says what it waits for", SEEN_TIMEOUT_MS, () =>
    leaving.output().includes("Ctrl-C ends the waiting only"),
  );
  await leaving.stop();
  assert.equal((await ring(one)).state, "leaving");
  assert.deepEqual(await health(one), ["kv-no-majority", "kv-leaving"]);

  await one.cli(["kv", "on", "--json"]);
  assert.equal((await ring(one)).state, "running", "that calls it off");
  await one.api("/settings", { method: "PATCH", body: { values: { kv: { takePart: false } } } });
  await eventually("it leaves again", SEEN_TIMEOUT_MS, async () => (await ring(one)).state === "leaving");
  await one.kill();
  await one.restart();
  await eventually("it goes on leaving", SEEN_TIMEOUT_MS, async () => (await ring(one)).state === "leaving");
  await Promise.all([two.restart(), three.restart()]);
  await eventually("it has left", LEFT_TIMEOUT_MS, async () => (await ring(one)).state === "off");
  assert.equal(await two.cli<{ value: string }>(["kv", "get", "kept", "--json"]).then(({ value }) => value), "safe");

  // As if it had been stopped between leaving and noting that it has left: it must not found a store to leave it.
  await one.kill();
  const mark = join(one.data, "kv-leaving");
  writeFileSync(mark, "");
  await one.restart();
  await eventually("the mark is gone", SEEN_TIMEOUT_MS, () => !existsSync(mark));
  assert.equal((await ring(one)).state, "off");
  assert.equal((await ring(two)).members.length, 2);
});
