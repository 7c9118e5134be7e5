/**
 * A sliver from the inside, by its page, with a real engine: what it uses, a file put there and fetched again, its
 * log, a snapshot and the way back to it; wide and narrow, light and dark, in Catalan.
 */
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import type { Browser } from "playwright-core";
import { tinyImage } from "../engine/images.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { openBrowser } from "../support/browser.ts";
import type { Visit } from "../support/browser.ts";
import { startLxd } from "../support/lxd.ts";
import { eventually } from "../support/process.ts";
import { atEnd } from "./at-end.ts";
import { signIn } from "./sign-in.ts";

const MADE_MS = 60_000;
const here = temporaryFolder("inside-page");

let browser: Browser;
let box: Box;

before(async () => {
  browser = await openBrowser({ owner: atEnd });
  const lxd = await startLxd({ owner: atEnd, poolMib: 512 });
  const env = { LXD_DIR: lxd.folder };
  box = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri", env, until: atEnd });
  await box.cli(["compute", "lend", "--cores", "2", "--memory", "256MiB", "--disk", "512MiB", "--to", "community"]);
  await box.api("/settings", { method: "PATCH", body: { values: { compute: { lendFirst: "arrival" } } } });
  copyFileSync(await tinyImage(), join(here, "tiny.tar.gz"));
  await box.cli(["files", "give", "1GiB"]);
  await eventually("a storage server", MADE_MS, async () => {
    const { grid } = await box.api<{ grid: { reachable: number } }>("/files/status");
    return grid.reachable === 1;
  });
  await box.cli(["files", "put", join(here, "tiny.tar.gz"), "/tiny.tar.gz"]);
  await box.cli(["compute", "images", "add", "tiny", "/tiny.tar.gz"]);
  const launch = () => box.cli(["compute", "launch", "web", "tiny", "--memory", "64MiB", "--disk", "128MiB"]);
  await eventually("web runs", MADE_MS, async () => {
    const { slivers } = await box
      .cli<{ slivers: { state: string }[] }>(["compute", "show", "web", "--json"])
      .catch(async () => {
        await launch();
        return { slivers: [] };
      });
    return slivers[0]?.state === "running";
  });
});

async function see(visit: Visit, text: string): Promise<void> {
  await visit.page.getByText(text, { exact: true }).first().waitFor({ timeout: MADE_MS });
}

test("from the slice to what its sliver uses, with graphs after a minute", async () => {
  const visit = await signIn(browser, box, { width: 360, language: "ca", dark: true });
  await visit.open("/compute");
  await visit.page.getByRole("link", { name: visit.say("compute.inside-named", { name: "web/0" }) }).click();
  await see(visit, visit.say("compute.inside-title", { name: "web", number: "0" }));
  await visit.page.getByRole("meter", { name: visit.say("compute.memory") }).waitFor({ timeout: MADE_MS });
  await visit.check("figures");
  await visit.page
    .locator(".sliver-graphs svg")
    .first()
    .waitFor({ timeout: 3 * MADE_MS });
  await visit.check("graphs");
  await visit.shoot("sliver-figures-narrow");
  await visit.end();
  const wide = await signIn(browser, box, { language: "ca" });
  await wide.open("/compute/slivers/web/0");
  await wide.page.locator(".sliver-graphs svg").first().waitFor({ timeout: MADE_MS });
  await wide.shoot("sliver-figures-wide");
  await wide.open("/compute/slivers/none/0");
  await see(wide, wide.say("compute.inside-gone"));
  await wide.end();
});

test("a file is put there, dropped there, fetched again, and a folder is walked through", async () => {
  const visit = await signIn(browser, box, { width: 360, language: "ca", dark: true });
  const { page } = visit;
  const bytes = "of the page\n".repeat(500_000);
  writeFileSync(join(here, "up.txt"), bytes);
  await visit.open("/compute/slivers/web/0/files");
  await see(visit, visit.say("compute.folder-empty"));
  await page.locator('input[type="file"]').setInputFiles(join(here, "up.txt"));
  await page.getByRole("button", { name: visit.say("compute.file-get-named", { name: "up.txt" }) }).waitFor();
  const ran = await box.cli<{ stdout: string }>(["compute", "exec", "web", "wc -c < ~/up.txt", "--json"]);
  assert.equal(Number(ran.stdout), bytes.length);
  const dropped = await page.evaluateHandle(`(() => {
    const data = new DataTransfer();
    data.items.add(new File(["dropped"], "dropped.txt"));
    return data;
  })()`);
  await page.locator(".sliver-drop").dispatchEvent("drop", { dataTransfer: dropped });
  await page.getByRole("button", { name: visit.say("compute.file-get-named", { name: "dropped.txt" }) }).waitFor();
  await visit.check("files");
  await visit.shoot("sliver-files-narrow");
  const download = page.waitForEvent("download");
  await visit.press("compute.file-get-named", { name: "up.txt" });
  const saved = join(here, "down.txt");
  await (await download).saveAs(saved);
  assert.equal(readFileSync(saved, "utf8"), bytes);
  await visit.press("compute.folder-up");
  await page.getByRole("button", { name: "etc", exact: true }).click();
  await page.getByRole("button", { name: visit.say("compute.file-get-named", { name: "passwd" }) }).waitFor();
  await page.getByLabel(visit.say("compute.folder"), { exact: true }).fill("/none");
  await visit.press("compute.folder-open");
  await page.getByText(visit.say("error.compute-file-unknown", { path: "/none" })).waitFor();
  await visit.end();
  const wide = await signIn(browser, box);
  await wide.open("/compute/slivers/web/0/files");
  await wide.page.getByText("up.txt", { exact: true }).waitFor();
  await wide.shoot("sliver-files-wide");
  await wide.end();
});

test("a snapshot is taken, what was changed since then is lost, and the snapshot goes", async () => {
  const visit = await signIn(browser, box, { width: 360, language: "ca" });
  const { page } = visit;
  await visit.open("/compute/slivers/web/0/snapshots");
  await see(visit, visit.say("compute.snapshot-none"));
  await visit.check("no snapshot");
  await visit.press("compute.snapshot-take");
  const back = page.getByRole("button", { name: visit.say("compute.snapshot-restore-named", { name: "at-" }) });
  await back.waitFor({ timeout: MADE_MS });
  await box.cli(["compute", "exec", "web", "echo more > ~/later"]);
  await back.click();
  await page.getByRole("dialog").waitFor();
  await visit.check("what is lost");
  await visit.shoot("sliver-restore-narrow");
  await page
    .getByRole("dialog")
    .getByRole("button", { name: visit.say("compute.snapshot-restore"), exact: true })
    .click();
  await page.getByRole("dialog").waitFor({ state: "detached", timeout: MADE_MS });
  await eventually("it runs without it", MADE_MS, async () => {
    const ran = await box.cli<{ stdout: string }>(["compute", "exec", "web", "ls ~", "--json"]);
    return !ran.stdout.includes("later") && ran.stdout.includes("up.txt");
  });
  await page.getByRole("button", { name: visit.say("compute.snapshot-drop-named", { name: "at-" }) }).click();
  await page
    .getByRole("dialog")
    .getByRole("button", { name: visit.say("compute.delete"), exact: true })
    .click();
  await see(visit, visit.say("compute.snapshot-none"));
  await visit.end();
});

test("the log grows while it is looked at, and says where there is none", async () => {
  const visit = await signIn(browser, box, { language: "ca", dark: true });
  const { page } = visit;
  await visit.open("/compute/slivers/web/0/log");
  const log = page.locator(".sliver-log");
  await log.waitFor();
  await box.cli(["compute", "exec", "web", "echo hello to the page > /dev/console"]);
  await log.getByText("hello to the page").waitFor({ timeout: MADE_MS });
  await visit.check("log");
  await visit.shoot("sliver-log-wide");
  await box.cli(["compute", "stop", "web"]);
  await see(visit, visit.say("compute.log-ended"));
  await visit.check("a log that has ended");
  await box.cli(["compute", "start", "web"]);
  await visit.press("compute.log-again");
  await page.getByText(visit.say("compute.log-ended"), { exact: true }).waitFor({ state: "detached" });
  await page.getByLabel(visit.say("compute.log-source"), { exact: true }).selectOption("system");
  await page.getByText(visit.say("error.compute-no-log")).waitFor({ timeout: MADE_MS });
  await visit.end();
});
