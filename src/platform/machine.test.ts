/** The real machine's facts, and made-up sensor folders. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock } from "../kernel/clock.ts";
import { createSystemReader, loadPerCore } from "./machine.ts";

const root = await mkdtemp(join(tmpdir(), "comu-machine-"));
after(() => rm(root, { recursive: true }));
const reader = (more = {}) => createSystemReader({ clock: systemClock(), dataFolder: root, ...more });

test("the facts of this machine make sense together", async () => {
  const facts = await reader().read();
  assert.ok(facts.hostname !== "" && facts.uptimeS > 0 && facts.processors >= 1);
  assert.ok(facts.memoryFreeBytes > 0 && facts.memoryFreeBytes <= facts.memoryTotalBytes);
  assert.ok(facts.diskFreeBytes > 0 && facts.diskFreeBytes <= facts.diskTotalBytes);
  assert.ok(facts.processRssBytes > 10_000_000 && facts.load.length === 3);
  assert.ok(Math.abs(loadPerCore() - facts.load[0] / facts.processors) < 1);
});

test("the processor share is measured between two readings", async () => {
  const usedMs = () => process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000;
  let nowMs = 0;
  const beforeMs = usedMs();
  const busy = reader({ clock: { ...systemClock(), monotonicMs: () => nowMs } });
  const madeMs = usedMs();
  while (usedMs() < madeMs + 150);
  nowMs = 1000;
  const leastMs = usedMs() - madeMs;
  const { processCpu } = await busy.read();
  const mostMs = usedMs() - beforeMs;
  assert.ok(processCpu * 1000 >= leastMs && processCpu * 1000 <= mostMs, `${processCpu}, ${leastMs} to ${mostMs} ms`);
  nowMs += 99;
  assert.equal((await busy.read()).processCpu, processCpu, "two readings close together");
});

test("the hottest plausible sensor counts; a machine without sensors has no temperature", async () => {
  const thermal = join(root, "class", "thermal");
  const facts = () => reader({ sysFolder: root, procFolder: root }).read();
  assert.equal((await facts()).temperatureC, undefined);
  const zones = { thermal_zone0: "41500\n", thermal_zone1: "63250\n", thermal_zone2: "-274000\n", thermal_zone3: "" };
  for (const [zone, text] of Object.entries(zones)) {
    await mkdir(join(thermal, zone), { recursive: true });
    await writeFile(join(thermal, zone, "temp"), text);
  }
  await writeFile(join(root, "meminfo"), "MemTotal: 100 kB\nMemAvailable:     50 kB\n");
  const { temperatureC, memoryFreeBytes } = await facts();
  assert.deepEqual([temperatureC, memoryFreeBytes], [63.25, 51_200]);
});
