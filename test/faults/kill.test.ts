/**
 * kill -9 at random moments while everything is being written: what was acknowledged is there after each start, the
 * database is sound, no number of a record is used twice, and the other box agrees in the end.
 * KILLS sets how many (200), SEED repeats a run.
 */
import assert from "node:assert/strict";
import type { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { seededRandom } from "../../src/kernel/random.ts";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { eventually } from "../support/process.ts";
import { figure, metric, openCopy, ready, startDirect, storedRecords } from "./direct.ts";
import { Writer, accountsPlan, codesPlan, namePlan, peoplePlan, servicesPlan, settingsPlan } from "./writers.ts";

const KILLS = Number(process.env["KILLS"] ?? 200);
const SEED = Number(process.env["SEED"] ?? 20_261_120);
/** The longest time from the first write to the kill; on a slow disk as much longer as it takes to write enough. */
const WRITING_MS_MAX = 250;
const SLOW_WRITING_MS_MAX = 2_000;
const AGREE_TIMEOUT_MS = 60_000;
/** How often both are killed and compared, and how long a word of a box about itself may take to be everywhere. */
const LOOKS = 3;
const SPREAD_MS = 3_000;
/** With fewer the kills hit a box that does nothing. */
const WRITES_PER_KILL_MIN = 3;

test(`${KILLS} kills lose nothing that was acknowledged`, { timeout: 410_000 }, async (t) => {
  const founder = await startBox({ name: "Veí", owner: "Biel", newCommunity: "Barri", until: t });
  const { code } = await founder.api<{ code: string }>("/invitations", { method: "POST", body: {} });
  const box = await startBox({ name: "Forn 0", owner: "Anna", join: code, until: t });
  const { id } = await box.api<{ id: string }>("/status");
  await addAccount(box);
  const random = seededRandom(SEED);
  const plans = [servicesPlan("left", 20_000), servicesPlan("right", 40_000), settingsPlan, namePlan, codesPlan];
  const writers = [...plans, peoplePlan, accountsPlan].map((plan) => new Writer(plan, random));
  for (const writer of writers) writer.state = await writer.plan.read(box);
  const outside = new Writer(servicesPlan("outside", 20_000), random);
  const writing = new AbortController();
  const fromOutside = writeSlowly(outside, founder, writing.signal);

  const startedMs = performance.now();
  let done = 0;
  let lastSeq = 0;
  let writingMs = WRITING_MS_MAX;
  const acknowledgedBy = () => writers.reduce((sum, writer) => sum + writer.acknowledged, 0);
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const runs = Promise.all(writers.map((writer) => writer.run(box)));
    await Promise.race([sleep(random.below(writingMs + 1)), runs]);
    await box.kill();
    await runs;
    const left = openCopy(box);
    startDirect(box);
    lastSeq = checkDatabase(left, id, lastSeq);
    await ready(box);
    const wereDone = await Promise.all(writers.map((writer) => writer.check(box)));
    done += wereDone.filter(Boolean).length;
    if (acknowledgedBy() < 2 * kill * WRITES_PER_KILL_MIN) writingMs = Math.min(2 * writingMs, SLOW_WRITING_MS_MAX);
  }
  writing.abort();
  await fromOutside;
  const tookS = (performance.now() - startedMs) / 1000;
  const acknowledged = acknowledgedBy();
  assert.ok(acknowledged >= KILLS * WRITES_PER_KILL_MIN, `only ${acknowledged} writes were acknowledged`);
  assert.ok(outside.acknowledged > 0);

  const agreeMs = await agree(box, founder);
  assert.equal(await metric(founder, "mesh_equivocations_total"), 0);
  assert.equal(await metric(box, "mesh_equivocations_total"), 0);
  assert.equal(await outside.check(founder), false);
  await holdTheSame(box, founder);
  const each = ((tookS * 1000) / KILLS).toFixed(0);
  figure(
    `${KILLS} kills in ${tookS.toFixed(0)} s (${each} ms each): ${acknowledged} acknowledged writes, none lost; ` +
      `${done} writes under way were done; last number ${lastSeq}, 0 used twice; both agree after ${agreeMs} ms`,
  );
});

/** A member, who came by a link as anybody would. */
async function addAccount(box: Box): Promise<void> {
  const { link } = await box.api<{ link: string }>("/people-invitations", { method: "POST", body: {} });
  const token = link.slice(link.indexOf("#") + 1);
  const body = { token, name: "Carla", password: "a long enough password" };
  await box.api("/people-invitations/accept", { method: "POST", body });
}

/** Writes on the other box now and then, so that records come in while the box is killed. */
async function writeSlowly(writer: Writer, box: Box, until: AbortSignal): Promise<void> {
  while (!until.aborted) {
    const step = writer.plan.next(writer.state, seededRandom(writer.acknowledged), writer.acknowledged);
    writer.state = step.after(await box.api<Record<string, unknown>>(step.call.path, step.call));
    writer.acknowledged += 1;
    await sleep(100);
  }
}

/** The file as the dead process left it is sound, and its numbering never went back. Gives the highest number. */
function checkDatabase(database: DatabaseSync, author: string, lastSeq: number): number {
  const problems = database.prepare("PRAGMA integrity_check").all();
  assert.deepEqual(
    problems.map((row) => row["integrity_check"]),
    ["ok"],
  );
  assert.deepEqual(database.prepare("PRAGMA foreign_key_check").all(), []);
  const ownSeq = Number(database.prepare("SELECT value FROM mesh_facts WHERE name = 'ownSeq'").get()?.["value"]);
  const own = [...storedRecords(database).values()].filter((record) => record.author === author);
  database.close();
  assert.ok(ownSeq >= lastSeq, `the numbering went back from ${lastSeq} to ${ownSeq}`);
  const highest = Math.max(...own.map((record) => record.seq));
  assert.ok(highest <= ownSeq, `number ${highest} is used and ${ownSeq} stands as the highest`);
  return ownSeq;
}

/** Once killed, both hold the same; but what one of them told of itself just before is with the other after a start. */
async function holdTheSame(box: Box, founder: Box): Promise<void> {
  for (let look = 1; ; look += 1) {
    await Promise.all([box.kill(), founder.kill()]);
    const [ours, theirs] = [box, founder].map((one) => [...storedRecords(openCopy(one)).keys()].sort());
    if (look === LOOKS || JSON.stringify(ours) === JSON.stringify(theirs))
      return assert.deepEqual(ours, theirs, "both boxes hold the same records");
    for (const one of [founder, box]) startDirect(one);
    await Promise.all([ready(founder), ready(box)]);
    await agree(box, founder);
    await sleep(SPREAD_MS);
  }
}

/** Until each shows the other's services as their own box does. Gives the time. */
async function agree(one: Box, other: Box): Promise<number> {
  const startedMs = performance.now();
  const shown = async (box: Box, own: boolean) => {
    const list = await box.api<{ id: string; title: string; state: string; own: boolean }[]>("/services");
    const wanted = list.filter((service) => service.own === own && service.state === "up");
    return JSON.stringify(wanted.map(({ id, title }) => `${id} ${title}`).sort());
  };
  const look = async () =>
    (await shown(one, true)) === (await shown(other, false)) &&
    (await shown(one, false)) === (await shown(other, true));
  await eventually("both boxes show the same services", AGREE_TIMEOUT_MS, look);
  return Math.round(performance.now() - startedMs);
}
