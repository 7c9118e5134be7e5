/**
 * The page of compute, on a real box with a real engine: without an image, lending, an image, a slice that is made,
 * stopped, started and deleted there, and who uses the box.
 */
import assert from "node:assert/strict";
import { copyFileSync, writeFileSync } from "node:fs";
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

let browser: Browser;
let box: Box;

before(async () => {
  browser = await openBrowser({ owner: atEnd });
  const lxd = await startLxd({ owner: atEnd, poolMib: 512 });
  const env = { LXD_DIR: lxd.folder };
  box = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri", env, until: atEnd });
});

async function see(visit: Visit, text: string): Promise<void> {
  await visit.page.getByText(text, { exact: true }).first().waitFor({ timeout: MADE_MS });
}

test("nothing is there yet, and the page says what is needed", async () => {
  const visit = await signIn(browser, box, { width: 360, language: "ca" });
  await visit.open("/compute");
  await see(visit, visit.say("compute.none"));
  await see(visit, visit.say("compute.no-lenders"));
  await visit.check("no slice");
  await visit.shoot("compute-none");
  await visit.press("compute.launch");
  await see(visit, visit.say("compute.no-images"));
  await visit.check("no image to make a slice of");
  await visit.press("compute.cancel");
  await see(visit, visit.say("compute.none"));
  await visit.press("compute.launch");
  await visit.page
    .getByRole("main")
    .getByRole("link", { name: visit.say("compute.tab-images") })
    .last()
    .click();
  await see(visit, visit.say("compute.images-none"));
  await visit.check("no image");
  await visit.end();
});

test("a part of the box is lent by its page", async () => {
  const visit = await signIn(browser, box, { width: 360, language: "ca", dark: true });
  await visit.open("/compute/lend");
  await see(visit, visit.say("compute.lends-not"));
  await visit.page.getByText(visit.say("setting.compute.lendTo.community"), { exact: true }).click();
  await visit.page.getByLabel(visit.say("compute.cores"), { exact: true }).last().selectOption("2");
  await visit.check("the form");
  await visit.press("compute.save");
  await see(visit, visit.say("compute.lends"));
  await visit.check("lending");
  await visit.shoot("compute-lend");
  await visit.end();
});

/** Files are offered by a part of their name, whatever its case. */
async function chooseFile(visit: Visit): Promise<void> {
  const file = visit.page.getByLabel(visit.say("compute.image-path"), { exact: true });
  await file.fill("TINY");
  const offered = visit.page.locator("datalist option");
  await offered.first().waitFor({ state: "attached", timeout: MADE_MS });
  assert.deepEqual(await offered.evaluateAll((all) => all.map((one) => one.textContent)), ["/tiny.tar.gz"]);
  await file.fill("/none");
  await offered.first().waitFor({ state: "detached", timeout: MADE_MS });
  await file.fill("/tiny.tar.gz");
}

test("an image is published, a slice made of it, stopped, started and deleted", async () => {
  const here = temporaryFolder("image");
  copyFileSync(await tinyImage(), join(here, "tiny.tar.gz"));
  await box.cli(["files", "give", "1GiB", "--json"]);
  await eventually("a storage server", MADE_MS, async () => {
    const { grid } = await box.api<{ grid: { reachable: number } }>("/files/status");
    return grid.reachable === 1;
  });
  await box.cli(["files", "put", join(here, "tiny.tar.gz"), "/tiny.tar.gz", "--json"]);
  const visit = await signIn(browser, box);
  const { page } = visit;
  await visit.open("/compute/images");
  await page.getByLabel(visit.say("compute.name"), { exact: true }).last().fill("tiny");
  await chooseFile(visit);
  await visit.press("compute.image-publish");
  await see(visit, "tiny");
  await visit.check("an image");
  await visit.shoot("compute-images");

  await visit.open("/compute");
  await visit.press("compute.launch");
  await page.getByLabel(visit.say("compute.name"), { exact: true }).fill("Web");
  await see(visit, visit.say("compute.name-wrong"));
  await page.getByLabel(visit.say("compute.name"), { exact: true }).fill("web");
  await page.getByLabel(visit.say("compute.memory"), { exact: true }).selectOption("128MiB");
  await page.getByLabel(visit.say("compute.disk"), { exact: true }).selectOption("512MiB");
  await visit.check("the form of a slice");
  await visit.shoot("compute-launch");
  await visit.press("compute.launch");
  await see(visit, visit.say("compute.running", { running: "1", wanted: "1" }));
  await visit.check("a slice");
  await visit.shoot("compute-slice");

  await visit.press("compute.renew-named", { name: "web" });
  await page.getByText(/^web now ends on \w+ \d+, \d{4}\.$/).waitFor({ timeout: MADE_MS });
  // More than the box lends is told in words, with what can be done.
  writeFileSync(join(here, "web.yaml"), "name: web\nimage: tiny\nmemory: 64GiB\ndisk: 512MiB\n");
  await box.cli(["slice", "apply", join(here, "web.yaml")]);
  await page.getByText(visit.say("compute.why-no-room")).waitFor({ timeout: MADE_MS });
  await page.getByText(visit.say("compute.why-no-room.advice")).waitFor();
  await visit.check("what is in the way");
  writeFileSync(join(here, "web.yaml"), "name: web\nimage: tiny\nmemory: 128MiB\ndisk: 512MiB\n");
  await box.cli(["slice", "apply", join(here, "web.yaml")]);

  await visit.press("compute.stop-named", { name: "web" });
  await see(visit, visit.say("compute.state-stopped"));
  await visit.press("compute.start-named", { name: "web" });
  await see(visit, visit.say("compute.state-running"));
  await visit.open("/compute/lend");
  await see(visit, visit.say("compute.users"));
  await visit.check("who uses it");
  await visit.shoot("compute-lent");

  await visit.open("/compute");
  await visit.press("compute.delete-named", { name: "web" });
  await page
    .getByRole("dialog")
    .getByRole("button", { name: visit.say("compute.delete"), exact: true })
    .click();
  await see(visit, visit.say("compute.none"));
  await eventually("nothing is left", MADE_MS, async () => {
    const lent = await box.cli<unknown[]>(["compute", "lent", "--json"]);
    return lent.length === 0;
  });
  assert.deepEqual(await box.cli(["compute", "ls", "--json"]), []);
  await visit.open("/compute/images");
  await visit.press("compute.image-drop-named", { name: "tiny" });
  await see(visit, visit.say("compute.image-drop-text"));
  await visit.check("what withdrawing means");
  await visit.press("compute.image-drop");
  await see(visit, visit.say("compute.images-none"));
  await visit.end();
});
