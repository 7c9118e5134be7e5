/**
 * The wall clock of one box jumps a day ahead, back to the truth, a day behind, and back, while it runs (libfaketime
 * tells the process another time; its monotonic clock is left alone, as when somebody sets the clock of a machine).
 */
import assert from "node:assert/strict";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryFolder } from "../support/at-exit.ts";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { needDebian } from "../support/debian.ts";
import { eventually } from "../support/process.ts";
import { cpuMs, figure, metric, pidOf } from "./direct.ts";

/** The loader puts the folder of this architecture in place of $LIB. */
const LIBRARY = "/usr/$LIB/faketime/libfaketime.so.1";
const DAY_MS = 86_400_000;
const WATCHED_MS = 2_500;
const SEEN_TIMEOUT_MS = 30_000;
/** Gossip of the test profile takes some; a timer that fires all the time takes all. */
const CPU_PERCENT_MAX = 60;

/** The offset in a file that the library reads again at each call for the time. */
function fakeClock(): { env: Record<string, string>; jump(days: number): void } {
  const file = join(temporaryFolder("clock"), "offset");
  const jump = (days: number) => {
    // Written aside first: a half-written file would be read as no offset.
    writeFileSync(`${file}.new`, `${days < 0 ? "-" : "+"}${Math.abs(days) * 86_400}\n`);
    renameSync(`${file}.new`, file);
  };
  jump(0);
  const env = {
    LD_PRELOAD: LIBRARY,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
    DONT_FAKE_MONOTONIC: "1",
    NO_FAKE_STAT: "1",
  };
  return { env, jump };
}

async function warned(box: Box): Promise<boolean> {
  const list = await box.api<{ code: string }[]>("/health");
  return list.some((one) => one.code === "clock-off");
}

async function offsetMs(box: Box): Promise<number> {
  const answer = await box.api<{ checkedAt: string }>("/doctor", { method: "POST", body: {} });
  return Date.parse(answer.checkedAt) - Date.now();
}

async function publish(box: Box, title: string, port: number): Promise<void> {
  await box.api("/services", { method: "POST", body: { type: "_http._tcp", port, title, check: "none" } });
}

async function shows(box: Box, titles: string[], own: boolean): Promise<boolean> {
  const list = await box.api<{ title: string; state: string; own: boolean }[]>("/services");
  const up = list.filter((one) => one.own === own && one.state === "up").map((one) => one.title);
  return titles.every((title) => up.includes(title));
}

async function sessionWorks(box: Box, headers: Record<string, string>): Promise<boolean> {
  const response = await fetch(`${box.url}/api/v1/session`, { headers });
  return ((await response.json()) as { account: string | null }).account === "Anna";
}

/** Both boxes hold each other up for a while: gives the CPU of `box`, percent of a core. */
async function quiet(box: Box, other: Box): Promise<number> {
  const beforeMs = cpuMs(pidOf(box));
  const endMs = performance.now() + WATCHED_MS;
  while (performance.now() < endMs) {
    for (const one of [box, other]) {
      const boxes = await one.api<{ name: string; state: string }[]>("/boxes");
      assert.deepEqual(
        boxes.map((seen) => seen.state),
        ["up", "up"],
        `as ${one.name} sees it`,
      );
    }
    await sleep(100);
  }
  return ((cpuMs(pidOf(box)) - beforeMs) / WATCHED_MS) * 100;
}

test("a clock that jumps by a day loses nothing", { timeout: 300_000 }, async (t) => {
  await needDebian(["faketime"]);
  const clock = fakeClock();
  const founder = await startBox({ name: "Veí", owner: "Biel", newCommunity: "Barri", until: t });
  const invite = async (hours: number) =>
    (await founder.api<{ code: string }>("/invitations", { method: "POST", body: { hours } })).code;
  const box = await startBox({ name: "Forn", owner: "Anna", join: await invite(1), until: t, env: clock.env });
  await publish(box, "Abans", 20_000);
  const signedIn = await fetch(`${box.url}/api/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "Anna", password: "correct horse battery" }),
  });
  const { csrf } = (await signedIn.json()) as { csrf: string };
  const session = { cookie: signedIn.headers.getSetCookie()[0]!.split(";")[0]!, "x-comu-csrf": csrf };
  assert.ok(await sessionWorks(box, session));
  const suspicionsBefore = await metric(founder, "mesh_suspicions_total");
  const open = await box.api<{ id: string; code: string }>("/invitations", { method: "POST", body: { hours: 2 } });
  const stateOf = async (id: string) =>
    (await box.api<{ id: string; state: string }[]>("/invitations")).find((one) => one.id === id)?.state;
  const figures: string[] = [];
  const titles = ["Abans"];

  for (const days of [1, -1]) {
    clock.jump(days);
    assert.ok(Math.abs((await offsetMs(box)) - days * DAY_MS) < 60_000, "the box has the other time");
    await eventually("the warning stands", SEEN_TIMEOUT_MS, () => warned(box));
    assert.ok(await sessionWorks(box, session), "the session stays");
    assert.equal(await stateOf(open.id), days > 0 ? "expired" : "open");
    titles.push(`Durant ${days}`);
    await publish(box, `Durant ${days}`, 21_000 + days);
    await publish(founder, `De fora ${days}`, 22_000 + days);
    const cpuPercent = await quiet(box, founder);
    assert.ok(cpuPercent < CPU_PERCENT_MAX, `${cpuPercent.toFixed(0)} % of a core`);
    assert.ok(await shows(box, titles, true));

    clock.jump(0);
    const rightMs = performance.now();
    await eventually("what was written meanwhile is seen", SEEN_TIMEOUT_MS, () => shows(founder, titles, false));
    const seenMs = Math.round(performance.now() - rightMs);
    await eventually("and from outside", SEEN_TIMEOUT_MS, () => shows(box, [`De fora ${days}`], false));
    await eventually("the warning goes", SEEN_TIMEOUT_MS, async () => !(await warned(box)));
    assert.ok(await sessionWorks(box, session), "the session stays");
    assert.equal(await stateOf(open.id), "open");
    const after = await quiet(box, founder);
    const jump = days > 0 ? "+1 day" : "-1 day";
    const cpu = `${cpuPercent.toFixed(0)} % CPU, then ${after.toFixed(0)} %`;
    figures.push(`${jump}: ${cpu}, seen ${seenMs} ms after`);
  }
  const joined = await startBox({ name: "Nova", owner: "Carla", join: open.code, until: t });
  await eventually("the newcomer sees all", SEEN_TIMEOUT_MS, () => shows(joined, titles, false));
  const suspicions = (await metric(founder, "mesh_suspicions_total")) - suspicionsBefore;
  assert.equal(await metric(founder, "mesh_equivocations_total"), 0);
  figure(`clock jumps: ${figures.join("; ")}; no box was held for dead, ${suspicions} suspicions`);
});
