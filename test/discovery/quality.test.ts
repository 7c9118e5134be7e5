/**
 * Quality as one box sees another's services, with real processes: estimated first, then measured, with ages and
 * counts; kept over a restart and a kill; grey within seconds when the other box is killed, and back with its history.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Box } from "../support/box.ts";
import { startBox } from "../support/box.ts";
import { eventually } from "../support/process.ts";
import { atEnd } from "../e2e/at-end.ts";
import { find, publish, startPage } from "../e2e/quarter.ts";
import { WRITE_MS } from "../../src/services/discovery/measure.ts";

const MEASURED_TIMEOUT_MS = 30_000;
const GREY_TIMEOUT_MS = 30_000;
const BACK_TIMEOUT_MS = 30_000;

interface Quality {
  score: number | null;
  method: string;
  reachable: boolean | null;
  rttMs: number | null;
  rttSource: string | null;
  rttAt: string | null;
  firstByteMs: number | null;
  lossSamples: number;
  samples: number;
  measuredAt: string | null;
}

interface Report {
  state: string;
  quality: Quality;
  parts: { success: number } | null;
  intervalS: number | null;
  week: string;
  history: { from: string; samples: number; answered: number; firstByteMs: number | null }[];
}

let near: Box;
let far: Box;
let page = "";
let game = "";

const report = async (id: string) => near.api<Report>(`/services/${encodeURIComponent(id)}/quality`);
const listed = async (id: string) =>
  (await near.api<{ id: string; state: string; quality: Quality }[]>("/services")).find((one) => one.id === id);

before(async () => {
  near = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri", zone: "raval", until: atEnd });
  const { code } = await near.cli<{ code: string }>(["invite", "--json"]);
  far = await startBox({ name: "Ateneu", owner: "Bernat", zone: "sants", join: code, until: atEnd });
});

test("estimated at first, without a score; then measured, with count and age; some cannot be asked", async () => {
  const port = await startPage("Solitud", atEnd);
  page = await publish(far, "Reading list", port);
  const flags = ["--type", "_quake._udp", "--port", "27960", "--title", "Arena", "--json"];
  game = (await far.cli<{ id: string }>(["services", "publish", ...flags])).id;
  const first = await eventually("the list shows it", MEASURED_TIMEOUT_MS, async () => listed(page), 20);
  if (first.quality.samples === 0) {
    const { score, rttSource, rttMs, rttAt } = first.quality;
    assert.deepEqual([score, rttMs === null || rttAt !== null], [null, true]);
    assert.notEqual(rttSource, "measured");
  }
  // Looking at it may measure it before the first plan; its interval is known with the plan.
  const isPlanned = async () => {
    const now = await report(page);
    return now.quality.samples > 0 && now.intervalS !== null;
  };
  await eventually("it is measured, and will be again", MEASURED_TIMEOUT_MS, isPlanned);
  const { quality, parts, intervalS, week, history } = await report(page);
  assert.ok(quality.score! > 30 && quality.score! < 100, `a score of few measurements: ${quality.score}`);
  assert.deepEqual([quality.method, quality.reachable, quality.rttSource], ["http", true, "measured"]);
  assert.ok(quality.firstByteMs! > 0 && Date.now() - Date.parse(quality.measuredAt!) < MEASURED_TIMEOUT_MS);
  assert.ok(parts!.success < 1, `${parts!.success}`);
  assert.ok(intervalS! >= 5, `${intervalS}`);
  assert.deepEqual([week.length, history.at(-1)!.answered > 0], [56, true]);
  const arena = (await listed(game))!.quality;
  assert.deepEqual([arena.method, arena.score, arena.samples, arena.measuredAt], ["none", null, 0, null]);
});

test("the command says the same: a line for the week, ages, and the hours", async () => {
  const text = await near.cli<string>(["services", "quality", page]);
  assert.match(text, /^title +Reading list$/m);
  assert.match(text, /measuredAt +\S+Z \(\d+ (?:s|min) ago\)/);
  assert.match(text, /^week +·+[▁▂▃▄▅▆▇█]$/m);
  assert.match(text, /^ +from +samples +answered +lost +rttMs +firstByteMs +firstByteP95Ms$/m);
  assert.match(await near.cli<string>(["services", "ls"]), /\d+ \(measured \d+x, \d+ s ago\)/);
  const json = await near.cli<Report>(["services", "quality", page, "--json"]);
  assert.ok(json.quality.samples > 0);
});

test("an own service has figures, too: of the checks that its box makes anyway", async () => {
  const own = await publish(near, "Bakery", await startPage("Pa", atEnd));
  await eventually("it is measured", MEASURED_TIMEOUT_MS, async () => (await report(own)).quality.samples > 0);
  assert.equal((await report(own)).intervalS, null);
});

test("the history is there after a restart, and after kill -9", async () => {
  const known = (await report(page)).quality.samples;
  await near.restart();
  const after = await eventually("the history is read", MEASURED_TIMEOUT_MS, async () => {
    const { quality } = await report(page);
    return quality.samples >= known && quality;
  });
  await new Promise((done) => setTimeout(done, WRITE_MS + 3_000));
  await near.kill();
  await near.restart();
  await eventually(
    "what was written before the kill is there",
    MEASURED_TIMEOUT_MS,
    async () => (await report(page)).quality.samples >= after.samples,
  );
});

test("kill -9 of the other box: grey within seconds, its history kept, and back when it is", async () => {
  await eventually("the other box is up", BACK_TIMEOUT_MS, async () => (await listed(page))?.state === "up");
  const before = (await report(page)).quality.samples;
  await far.kill();
  const sinceMs = performance.now();
  await eventually("its services are grey", GREY_TIMEOUT_MS, async () => (await listed(page))?.state === "away", 50);
  console.log(`killed box: its services grey after ${((performance.now() - sinceMs) / 1000).toFixed(1)} s`);
  const away = await report(page);
  assert.deepEqual([away.quality.score, away.quality.rttMs, away.parts], [null, null, null]);
  assert.ok(away.quality.samples >= before && away.history.length > 0);
  await far.restart();
  await eventually("back with its score", BACK_TIMEOUT_MS, async () => (await listed(page))?.quality.score != null);
  assert.ok((await report(page)).quality.samples >= before);
  assert.ok(await find(near, "Arena"));
});

test("a service that is not there", async () => {
  const { status, body } = await near.ask<{ error: { code: string } }>("/api/v1/services/nobody/quality");
  assert.deepEqual([status, body.error.code], [404, "service-unknown"]);
});
