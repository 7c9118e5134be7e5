/**
 * One file of 3 GB, and a folder of a thousand, the whole way: through the page into a box, broken off by a closed page
 * and by a killed box, spread over other boxes, read by a link on another box and by the command line, taken back; and
 * what a member reads when too few boxes are up. It takes minutes and much disk, so no stage of the tests runs it:
 *
 *   npm run files:large -- [--gb 3]
 *
 * Three boxes as built: one with the member, two that give space. Neither a box nor the page may grow with the file.
 */
import assert from "node:assert/strict";
import { createCipheriv, createHash } from "node:crypto";
import { createReadStream, createWriteStream, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Browser } from "playwright-core";
import { temporaryFolder } from "../support/at-exit.ts";
import { COMU_COMMAND, startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { openBrowser } from "../support/browser.ts";
import type { Visit } from "../support/browser.ts";
import { eventually, runOk } from "../support/process.ts";
import { chooseFiles, deed, dropFiles, machineFolder, row, tray, uploaded } from "./files-page.ts";
import { Peaks } from "./peaks.ts";
import { startFirst } from "./quarter.ts";
import { signIn } from "./sign-in.ts";

const MB = 1_000_000;
const GB = 1000 * MB;
const NAME = "film.bin";
const MANY = 1_000;
/** Times the size: the file, its way through the box or a copy later, and 10 pieces of a third each. */
const DISK_FACTOR = 5.6;
const PART_BYTES = 1024 * 1024;
const SEEN_MS = 60_000;
/** For each GB, on a machine that does other things, too. */
const STORED_MS_PER_GB = 600_000;
const LOOK_MS = 100;
const SAY_MS = 15_000;
/** What is read again when some boxes are off. */
const SAMPLE_BYTES = 1_000_000;
/** Far above what is needed, and far below the file. */
const BOX_MAX_BYTES = 500 * MB;
const PAGE_MAX_BYTES = 500 * MB;

const { values: flags } = parseArgs({ options: { gb: { type: "string", default: "3" } } });
const bytes = Math.round(Number(flags.gb) * GB);
if (!(bytes >= 200 * MB)) throw new Error(`--gb takes a number from 0.2, not ${flags.gb}`);
// All is made below the folder of temporary files, which may be in memory.
process.env["TMPDIR"] = "/var/tmp";
const startMs = performance.now();
const steps: (() => Promise<void> | void)[] = [];
const owner = { after: (run: () => Promise<void> | void) => void steps.unshift(run) };

interface Upload {
  path: string;
  state: string;
  receivedBytes: number;
  storedBytes: number;
}

function say(text: string): void {
  console.log(`${((performance.now() - startMs) / 1000).toFixed(0).padStart(5)} s  ${text}`);
}

async function timed<T>(what: string, moved: number, work: () => Promise<T>): Promise<T> {
  const beganMs = performance.now();
  const result = await work();
  const seconds = (performance.now() - beganMs) / 1000;
  say(`${what}: ${(moved / MB).toFixed(0)} MB in ${seconds.toFixed(1)} s, ${(moved / MB / seconds).toFixed(1)} MB/s`);
  return result;
}

/** The same for the same seed; gives its hash. */
async function makeFile(path: string, seed: number): Promise<string> {
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, seed), Buffer.alloc(16));
  const hash = createHash("sha256");
  const zeros = Buffer.alloc(PART_BYTES);
  const parts = function* () {
    for (let at = 0; at < bytes; at += PART_BYTES) {
      const part = cipher.update(zeros.subarray(0, Math.min(PART_BYTES, bytes - at)));
      hash.update(part);
      yield part;
    }
  };
  await pipeline(Readable.from(parts()), createWriteStream(path));
  return hash.digest("hex");
}

async function hashed(content: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const part of content) hash.update(part);
  return hash.digest("hex");
}

async function uploadAt(box: Box): Promise<Upload> {
  const found = (await box.api<Upload[]>("/files/uploads")).find(({ path }) => path === `/${NAME}`);
  assert.ok(found, "the box knows of the upload");
  return found;
}

/** What the page shows of the one upload: 0 to 1, of which the first half is the way to the box; and its words. */
const IN_PAGE = `(() => ({
  share: document.querySelector(".files-line progress")?.value ?? -1,
  words: document.querySelector(".files-tray-left")?.textContent ?? "",
}))()`;

/** Reads the progress off the page until it is so far. It never runs backwards on the way to the box. */
async function untilShown(visit: Visit, share: number): Promise<void> {
  let [last, steps_, saidMs] = [-1, 0, performance.now()];
  const endMs = performance.now() + (bytes / GB) * STORED_MS_PER_GB;
  while (last < share) {
    const now = await visit.page.evaluate<{ share: number; words: string }>(IN_PAGE);
    assert.ok(now.share >= last, `the page went from ${last} back to ${now.share}`);
    if (now.share > last) steps_ += 1;
    last = now.share;
    if (performance.now() - saidMs > SAY_MS) {
      saidMs = performance.now();
      say(`  the page says: ${now.words}`);
    }
    if (performance.now() > endMs) throw new Error(`the page stands at ${last}: ${now.words}`);
    await sleep(LOOK_MS);
  }
  assert.ok(steps_ > 2, `progress was seen ${steps_} times only`);
}

async function enter(browser: Browser, box: Box): Promise<Visit> {
  const visit = await signIn(browser, box, { language: "ca" });
  visit.page.setDefaultTimeout(SEEN_MS);
  // The browser itself notes what has no answer, and refusals.
  visit.allow(/Failed to load resource|ERR_|status of \d+/);
  return visit;
}

async function threeBoxes(): Promise<[Box, Box, Box]> {
  const first = await startFirst(owner);
  const { code } = await first.api<{ code: string }>("/invitations", { method: "POST", body: { uses: 2 } });
  const second = await startBox({ name: "Ateneu", owner: "Bernat", join: code, until: owner });
  const third = await startBox({ name: "Taller", owner: "Carme", join: code, until: owner });
  for (const box of [second, third]) await box.cli(["files", "give", `${4 * Math.ceil(bytes / GB)}GiB`, "--json"]);
  for (const box of [first, second]) await serversSeen(box, 2);
  return [first, second, third];
}

async function serversSeen(box: Box, count: number): Promise<void> {
  await eventually(`${box.name} sees ${count} storage servers`, SEEN_MS, async () => {
    const { grid } = await box.api<{ grid: { reachable: number } }>("/files/status");
    return grid.reachable === count;
  });
}

async function sendFolder(visit: Visit): Promise<void> {
  const names = Array.from({ length: MANY }, (_, at) => [`f${String(at).padStart(4, "0")}.txt`, `file ${at}\n`]);
  const folder = machineFolder("Mil", Object.fromEntries(names) as Record<string, string>);
  const beganMs = performance.now();
  await dropFiles(visit, [folder]);
  await uploaded(visit, MANY, 4 * SEEN_MS);
  say(`a folder of ${MANY} files: ${((performance.now() - beganMs) / 1000).toFixed(1)} s`);
  await visit.press("files.up-clear");
}

/** Sent in three parts: the page is closed after the first, the box killed after the second. */
async function send(browser: Browser, box: Box, film: string, peaks: Peaks): Promise<Visit> {
  const first = await enter(browser, box);
  await first.open("/files");
  await sendFolder(first);
  sayPeaks(peaks);
  await timed("the first third, by the page", bytes / 3, async () => {
    await chooseFiles(first, () => first.press("files.upload"), [film]);
    await untilShown(first, 1 / 6);
  });
  await first.end();
  const left = await uploadAt(box);
  say(`the page is closed: ${(left.receivedBytes / MB).toFixed(0)} MB are in the box`);
  const visit = await enter(browser, box);
  await visit.open("/files");
  await tray(visit)
    .getByText(visit.say("files.up-unheld", { count: 1 }))
    .waitFor();
  const again = visit.page.getByRole("button", { name: `${visit.say("files.up-choose-again")}: ${NAME}` });
  await timed("the second third, by another page", bytes / 3, async () => {
    await chooseFiles(visit, () => again.click(), [film]);
    await untilShown(visit, 1 / 3);
  });
  const offsets = visit.requests.flatMap((url) => /\/files\/uploads\/.*offset=(\d+)/.exec(url)?.[1] ?? []);
  assert.ok(Math.min(...offsets.map(Number)) >= left.receivedBytes, "what was sent is not sent again");
  await killed(box, peaks);
  await timed("the last third, after the box was killed", bytes / 3, () => untilShown(visit, 0.5));
  return visit;
}

async function killed(box: Box, peaks: Peaks): Promise<void> {
  peaks.look();
  await box.kill();
  const beganMs = performance.now();
  await box.restart();
  say(`killed; up again after ${((performance.now() - beganMs) / 1000).toFixed(1)} s`);
}

/** From the box to the storage servers; the box is killed in the middle. */
async function spread(visit: Visit, box: Box, peaks: Peaks): Promise<void> {
  const timeoutMs = (bytes / GB) * STORED_MS_PER_GB;
  const half = async () => (await uploadAt(box)).storedBytes > bytes * 0.4;
  await timed("spreading, until the box was killed", bytes * 0.4, () => eventually("it spreads", timeoutMs, half));
  await killed(box, peaks);
  await serversSeen(box, 2);
  await timed("spreading from there until it is done", bytes, () => uploaded(visit, 1, timeoutMs));
  assert.equal((await uploadAt(box)).state, "done");
  await row(visit, NAME).waitFor();
  visit.throwProblems("uploading");
}

/** A member of another box reads it by a link, until it is taken back. */
async function share(browser: Browser, visit: Visit, other: Box, sum: string): Promise<void> {
  await deed(visit, NAME, "files.share");
  await visit.press("files.share-go");
  const link = (await visit.page.getByRole("dialog").locator("code").textContent()) ?? "";
  await visit.page.keyboard.press("Escape");
  const friend = await enter(browser, other);
  await friend.open("/files/shared");
  await friend.page.getByLabel(friend.say("files.link-paste"), { exact: true }).fill(link);
  await friend.press("files.link-add");
  await friend.page.getByRole("link", { name: NAME, exact: true }).click();
  await friend.page.getByRole("button", { name: friend.say("files.download") }).waitFor();
  const [kept] = await other.api<{ id: string }[]>("/files/links");
  const { url } = await other.api<{ url: string }>(`/files/links/${kept!.id}/tickets`, { method: "POST", body: {} });
  await timed("read by the link, at another box", bytes, async () => {
    const answer = await fetch(other.url + url);
    assert.equal(answer.status, 200);
    assert.equal(await hashed(answer.body!), sum, "by the link");
  });
  await visit.open("/files/shared");
  await visit.page.getByRole("button", { name: new RegExp(`^${visit.say("files.unshare")}`) }).click();
  await visit.press("files.unshare");
  await visit.page.getByText(visit.say("files.shares-none")).waitFor();
  assert.equal((await fetch(other.url + url)).status, 410, "taken back");
  await friend.page.reload();
  const gone = friend.page.getByText(friend.say("error.files-link-gone"));
  await gone.waitFor();
  say(`the link is taken back; 410, and the other member reads: ${await gone.textContent()}`);
  await friend.end();
}

async function readByCommand(box: Box, sum: string): Promise<void> {
  const copy = join(temporaryFolder("copy"), NAME);
  const command = [...COMU_COMMAND, "files", "get", `/${NAME}`, copy, "--json", "--data", box.data];
  await timed("comu files get", bytes, () => runOk(command, { timeoutMs: (bytes / GB) * STORED_MS_PER_GB }));
  assert.equal(await hashed(createReadStream(copy)), sum, "by the command");
  rmSync(copy);
}

/** With one storage server all goes on; with none the member reads why not; and with one again all is there. */
async function tooFew(visit: Visit, box: Box, givers: readonly [Box, Box], film: string): Promise<void> {
  const from = bytes - SAMPLE_BYTES;
  const sample = await hashed(createReadStream(film, { start: from }));
  const read = async () => {
    const wish = { method: "POST", body: { path: `/${NAME}` } };
    const { status, body } = await box.ask<{ url: string }>("/api/v1/files/tickets", wish);
    if (status >= 400) return String(status);
    const answer = await fetch(box.url + body.url, { headers: { range: `bytes=${from}-` } });
    return answer.status === 206 ? hashed(answer.body!) : String(answer.status);
  };
  await givers[1].stop();
  assert.equal(await read(), sample, "with one of two storage servers");
  say("with one storage server of two: it is read");
  await givers[0].stop();
  await serversSeen(box, 0);
  await visit.open("/files");
  const why = visit.say("error.files-unreachable", { found: "#", needed: "#" }).replaceAll("#", String.raw`\d+`);
  const notice = visit.page.getByText(new RegExp(why));
  await notice.waitFor();
  say(`with none the member reads: ${await visit.page.locator("main").innerText()}`.replaceAll(/\s*\n\s*/g, " | "));
  assert.equal(await read(), "503");
  await visit.shoot("files-large-too-few");
  await givers[0].restart();
  await serversSeen(box, 1);
  await visit.page.reload();
  await row(visit, NAME).waitFor();
  assert.equal(await read(), sample, "with one again");
  say("with one again: all is there");
}

function sayPeaks(peaks: Peaks): void {
  peaks.look();
  const all = [...peaks.found].map(([name, peakBytes]) => `${name} ${(peakBytes / MB).toFixed(0)} MB`);
  say(`at most in memory so far: ${all.join(", ")}`);
}

async function main(): Promise<void> {
  const { bavail, bsize } = statfsSync("/var/tmp");
  const needed = bytes * DISK_FACTOR + GB;
  if (bavail * bsize < needed) throw new Error(`/var/tmp has less than ${(needed / GB).toFixed(1)} GB left`);
  const film = join(machineFolder("films", {}), NAME);
  const sum = await timed("the file is made", bytes, () => makeFile(film, 7));
  const boxes = await threeBoxes();
  const [box, second, third] = boxes;
  const browser = await openBrowser({ owner });
  const peaks = new Peaks(boxes);
  owner.after(() => peaks.stop());
  say("three boxes are up");
  const visit = await send(browser, box, film, peaks);
  sayPeaks(peaks);
  await spread(visit, box, peaks);
  sayPeaks(peaks);
  await share(browser, visit, second, sum);
  await readByCommand(box, sum);
  sayPeaks(peaks);
  for (const [name, peakBytes] of peaks.found) {
    const most = name.startsWith("browser") ? PAGE_MAX_BYTES : BOX_MAX_BYTES;
    assert.ok(peakBytes < most, `${name} took ${(peakBytes / MB).toFixed(0)} MB`);
  }
  await tooFew(visit, box, [second, third], film);
  say("all is as it should be");
}

try {
  await main();
} finally {
  for (const run of steps) await run();
}
