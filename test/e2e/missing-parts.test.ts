/**
 * A part of the pages that does not come: its script, its style, the words, the very first script, or anything after
 * the box was updated under an open tab. Nobody sits before a blank page: it says so in plain words, what else is on
 * the page stays, and a button brings it once it can be had.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Browser } from "playwright-core";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { Visit, openBrowser } from "../support/browser.ts";
import type { Look } from "../support/browser.ts";
import { atEnd } from "./at-end.ts";
import { signIn } from "./sign-in.ts";

/** What the browser itself says of what it did not get, and of a part that failed. */
const FORGIVEN = [
  /ERR_INTERNET_DISCONNECTED/,
  /status of 404/,
  /dynamically imported module/,
  /preload (?:CSS|assets)|no style at/,
];
/** What may be asked for anew; the browser keeps what it had before. */
const SCRIPTS = "**/assets/*.js";
const STYLES = "**/assets/*.css";
const FIRST_SCRIPT = "**/assets/index-*.js";
const FIRST_STYLE = "**/assets/index-*.css";

let browser: Browser;
let box: Box;

before(async () => {
  browser = await openBrowser({ owner: atEnd });
  box = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri", until: atEnd });
});

for (const [what, files] of [
  ["script", SCRIPTS],
  ["style", STYLES],
] as const) {
  test(`a page whose ${what} does not come says so, and comes when asked again`, async () => {
    const visit = await signedIn({ language: "ca" });
    await refuse(visit, files);
    await visit.page.getByRole("link", { name: visit.say("kv.title") }).click();
    await notice(visit, "shell.part-missing").waitFor();
    await visit.check(`without its ${what}`);
    await visit.shoot(`missing-${what}`);
    await visit.page.getByRole("link", { name: visit.say("home.title"), exact: true }).click();
    await notice(visit, "shell.part-missing").waitFor({ state: "detached" });
    await visit.page.getByRole("heading", { level: 1 }).waitFor();
    await visit.page.goBack();
    await notice(visit, "shell.part-missing").waitFor();
    await visit.page.unroute(files);
    await visit.page.getByRole("button", { name: visit.say("shell.retry") }).click();
    await visit.page.getByText(visit.say("kv.lead")).waitFor();
    await visit.quiet();
    await visit.check(`with its ${what} again`);
    await visit.end();
  });
}

test("a part that fails once comes by itself", async () => {
  const visit = await signedIn();
  await visit.page.route(STYLES, (route) => route.abort("internetdisconnected"), { times: 1 });
  await visit.page.getByRole("link", { name: visit.say("kv.title") }).click();
  await visit.page.getByRole("heading", { level: 1, name: visit.say("kv.title") }).waitFor();
  await visit.quiet();
  await visit.check("after one failure");
  assert.equal(await notice(visit, "shell.part-missing").count(), 0);
  await visit.end();
});

test("a tab of before an update of the box is told to load the page anew", async () => {
  const visit = await signedIn({ language: "es" });
  await visit.page.route(SCRIPTS, (route) => route.fulfill({ status: 404, body: "" }));
  await visit.page.route(`${box.url}/`, async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: (await answer.text()).replaceAll(/index-[\w-]+\./g, "index-new.") });
  });
  await visit.page.getByRole("link", { name: visit.say("files.title") }).click();
  await notice(visit, "shell.part-updated").waitFor();
  await visit.check("updated");
  await visit.shoot("missing-updated");
  await visit.page.unrouteAll();
  await visit.page.getByRole("button", { name: visit.say("shell.load-anew") }).click();
  await visit.page.getByRole("heading", { level: 1, name: visit.say("files.title") }).waitFor();
  await visit.quiet();
  await visit.check("after loading anew");
  await visit.end();
});

test("while the box does not answer, trying again keeps the page", async () => {
  const visit = await signedIn();
  visit.allow(/ERR_FAILED/);
  await visit.context.route("**/*", (route) => route.abort("internetdisconnected"));
  await visit.page.getByRole("link", { name: visit.say("kv.title") }).click();
  await notice(visit, "shell.unreachable").waitFor();
  await visit.page.evaluate("window.kept = true");
  await visit.page
    .getByRole("button", { name: visit.say("shell.retry") })
    .last()
    .click();
  await notice(visit, "shell.unreachable").waitFor();
  assert.equal(await visit.page.evaluate("window.kept"), true, "not loaded anew");
  await visit.context.unrouteAll();
  await visit.end();
});

test("another language that does not come is said, and the old one stays", async () => {
  const visit = await signedIn();
  await refuse(visit, SCRIPTS);
  await visit.page.getByRole("button", { name: visit.say("shell.wishes") }).click();
  await visit.page.getByText("Català", { exact: true }).click();
  await visit.page.getByRole("status").getByText(visit.say("shell.part-missing")).waitFor();
  assert.equal(await visit.page.locator("html").getAttribute("lang"), "en");
  await visit.check("a language that did not come");
  await visit.end();
});

for (const [what, files] of [
  ["the first script", FIRST_SCRIPT],
  ["the first style", FIRST_STYLE],
  ["the words", "**/assets/{ca,es,en}-*.js"],
] as const) {
  test(`without ${what} the page says in three languages that it did not load, and keeps its address`, async () => {
    const visit = await Visit.begin(browser, box.url, { width: 360, dark: true });
    forgive(visit);
    await refuse(visit, files);
    await visit.page.goto(`${box.url}/accept#not-a-code`);
    for (const text of [/no s’ha carregat/, /no se ha cargado/, /has not loaded/])
      await visit.page.getByText(text).waitFor({ state: "visible" });
    await visit.check(`without ${what}`);
    await visit.shoot(`missing-${what.replaceAll(" ", "-")}`);
    await visit.page.unroute(files);
    await visit.page.getByRole("button", { name: "Try again" }).click();
    await visit.page.getByRole("heading", { level: 1, name: visit.say("accept.title") }).waitFor();
    await visit.quiet();
    assert.match(visit.page.url(), /\/accept\??#not-a-code$/, "the code in the address is still there");
    assert.equal(await visit.page.getByText(/has not loaded/).count(), 0);
    await visit.check(`with ${what}`);
    await visit.end();
  });
}

test("a browser without scripts is told what is missing, and not to wait", async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(box.url);
  assert.match(await page.locator(".no-scripts").innerText(), /Comú needs JavaScript/);
  assert.equal(await page.locator(".no-scripts").isVisible(), true);
  assert.equal(await page.locator(".late").isVisible(), false);
  await context.close();
});

async function signedIn(look: Look = {}): Promise<Visit> {
  const visit = await signIn(browser, box, look);
  forgive(visit);
  return visit;
}

function forgive(visit: Visit): void {
  for (const pattern of FORGIVEN) visit.allow(pattern);
}

async function refuse(visit: Visit, files: string): Promise<void> {
  await visit.page.route(files, (route) => route.abort("internetdisconnected"));
}

function notice(visit: Visit, key: string) {
  return visit.page.getByRole("alert").getByText(visit.say(key), { exact: true });
}
