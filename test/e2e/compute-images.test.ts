/**
 * The pages that make an image of Debian and publish a port, on a real box with a real engine: the form, how far it
 * is, ended by its button; a port of a sliver, its address, taken back.
 */
import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import type { Browser } from "playwright-core";
import { tinyImage } from "../engine/images.ts";
import { createLab } from "../lab/lab.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { openBrowser } from "../support/browser.ts";
import type { Visit } from "../support/browser.ts";
import { needDebian } from "../support/debian.ts";
import { startLxd } from "../support/lxd.ts";
import { eventually } from "../support/process.ts";
import { atEnd } from "./at-end.ts";
import { signIn } from "./sign-in.ts";

const MADE_MS = 120_000;

let browser: Browser;
let box: Box;

before(async () => {
  await needDebian(["debian-archive-keyring", "debootstrap"]);
  browser = await openBrowser({ owner: atEnd });
  const lxd = await startLxd({ owner: atEnd, poolMib: 256 });
  const env = { LXD_DIR: lxd.folder };
  box = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri", env, until: atEnd });
  await stores(box);
});

async function stores(one: Box): Promise<void> {
  await one.cli(["files", "give", "1GiB", "--json"]);
  await eventually("a storage server", MADE_MS, async () => {
    const { grid } = await one.api<{ grid: { reachable: number } }>("/files/status");
    return grid.reachable === 1;
  });
}

async function see(visit: Visit, text: string | RegExp): Promise<void> {
  await visit.page.getByText(text).first().waitFor({ timeout: MADE_MS });
}

test("an image is begun on the page, shows how far it is, and is ended", async () => {
  const visit = await signIn(browser, box, { width: 360, language: "ca", dark: true });
  const { page } = visit;
  visit.allow(/status of 404/);
  await visit.open("/compute/images");
  await see(visit, visit.say("compute.build"));
  await page.getByLabel(visit.say("compute.build-app"), { exact: true }).fill("/none");
  await visit.press("compute.build-begin");
  await see(visit, visit.say("error.compute-app-unknown", { path: "/none/app.yaml" }));
  await visit.check("an app that is none");
  await page.getByLabel(visit.say("compute.build-app"), { exact: true }).scrollIntoViewIfNeeded();
  await page.getByLabel(visit.say("compute.build-app"), { exact: true }).fill("");
  await page.getByLabel(visit.say("compute.build-packages"), { exact: true }).fill("curl");
  await visit.shoot("compute-build-form");
  await visit.press("compute.build-begin");
  await see(visit, visit.say("compute.build-running", { name: "debian" }));
  // The page looks every two seconds, and may miss a stage.
  const stages = ["unpack", "configure", "packages"].map((stage) => visit.say(`compute.stage-${stage}`));
  await see(visit, new RegExp(stages.join("|")));
  await visit.check("an image is being made");
  await page.getByRole("progressbar").scrollIntoViewIfNeeded();
  await visit.shoot("compute-build");
  await visit.press("compute.build-cancel");
  await page.getByRole("button", { name: visit.say("compute.build-begin"), exact: true }).waitFor({ timeout: MADE_MS });
  await visit.end();
});

test("a port is published, shown with its address, and taken back", async () => {
  // Engine and box on one machine: the box looks whether somebody listens at the engine's port. The reader is on
  // another one: a browser gives up what it is loading when its own machine gets a network interface.
  const lab = createLab({ hosts: ["moli", "casa"].map((name) => ({ name, zone: "barri" })) }, atEnd);
  const { namespace, address: bind } = lab.host("moli");
  const lxd = await startLxd({ owner: atEnd, namespace, poolMib: 256, address: "192.168.99.1/24" });
  const community = { name: "Molí", owner: "Anna", newCommunity: "Barri", env: { LXD_DIR: lxd.folder } };
  const host = await startBox({ ...community, namespace, bind, until: atEnd });
  await stores(host);
  const reader = await openBrowser({ owner: atEnd, namespace: lab.host("casa").namespace });
  const here = temporaryFolder("image");
  copyFileSync(await tinyImage(), join(here, "tiny.tar.gz"));
  await host.cli(["files", "put", join(here, "tiny.tar.gz"), "/tiny.tar.gz", "--json"]);
  await host.cli(["compute", "images", "add", "tiny", "/tiny.tar.gz", "--json"]);
  const lend = ["--cores", "2", "--memory", "512MiB", "--disk", "200MiB", "--to", "community", "--json"];
  await host.cli(["compute", "lend", ...lend]);
  await host.cli(["compute", "launch", "web", "tiny", "--memory", "64MiB", "--disk", "64MiB", "--json"]);
  const visit = await signIn(reader, host, { language: "ca" });
  const { page } = visit;
  await visit.open("/compute/slivers/web/0/ports");
  await see(visit, visit.say("compute.ports-none"));
  await page.getByLabel(visit.say("compute.port"), { exact: true }).fill("8080");
  await page.getByLabel(visit.say("compute.port-title"), { exact: true }).fill("Una pàgina");
  await visit.press("compute.port-publish");
  await page.getByText(visit.say("compute.why-ports-silent")).waitFor({ timeout: MADE_MS });
  await page.getByText(visit.say("compute.why-ports-silent.advice")).waitFor();
  const serve = "(busybox httpd -p 127.0.0.1:8080 -h /tmp) > /dev/null 2>&1";
  const { exitCode } = await host.cli<{ exitCode: number }>(["compute", "exec", "web", serve, "--json"]);
  assert.equal(exitCode, 0);
  await page.getByRole("link", { name: /:20\d\d\d\// }).waitFor({ timeout: MADE_MS });
  await visit.check("a published port");
  await visit.shoot("compute-ports");
  await visit.open("/services");
  await see(visit, "Una pàgina");
  await visit.open("/compute/slivers/web/0/ports");
  await visit.press("compute.port-drop-named", { port: "8080" });
  await see(visit, visit.say("compute.ports-none"));
  await visit.press("shell.undo");
  await see(visit, "Una pàgina");
  await visit.end();
});
