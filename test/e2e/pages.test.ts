/**
 * The pages of a community of three boxes with real servers behind their services, as its people use them: every page
 * in several looks, what happens elsewhere seen without a reload, publishing and withdrawing, invitations of boxes
 * and of people, roles, settings, the doctor, the search, and opening what a neighbour offers.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { before, test } from "node:test";
import type { Browser } from "playwright-core";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { Visit, openBrowser } from "../support/browser.ts";
import type { Look } from "../support/browser.ts";
import { eventually } from "../support/process.ts";
import { atEnd } from "./at-end.ts";
import { PASSWORD, fillIn, signIn } from "./sign-in.ts";

const LIVE_MS = 2_000;
const GREY_MS = 10_000;
const DOCTOR_MS = 30_000;
const BREAD = "Pa de pagès";

const LOOKS: readonly (readonly [name: string, look: Look])[] = [
  ["wide", { width: 1280, language: "en" }],
  ["narrow-dark", { width: 360, dark: true, language: "ca" }],
  ["narrow-text-200", { width: 360, language: "es", textPercent: 200 }],
];
/** Every page of a signed-in host. */
const PAGES = [
  "/",
  "/services",
  "/services/own",
  "/services/heard",
  "/boxes",
  "/boxes/invitations",
  "/boxes/community",
  "/box",
  "/box/health",
  "/box/parts",
  "/box/settings",
  "/box/log",
  "/people",
  "/people/invitations",
  "/people/me",
  "/help",
  "/public",
  "/nowhere",
];

/** Those that say something else while there is nothing to show. */
const EMPTY_PAGES = ["/", "/services", "/services/own", "/services/heard", "/boxes", "/people/invitations"];
/** Where large text has most to break. */
const LARGE_PAGES = ["/", "/services", "/services/own", "/boxes", "/box", "/box/settings", "/people", "/help", "/public"];

let browser: Browser;
const boxes: Box[] = [];

before(async () => {
  browser = await openBrowser({ owner: atEnd });
  boxes.push(await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri", zone: "raval", until: atEnd }));
});

test("every page of a box that is alone and offers nothing", async () => {
  await lookAtAll("empty", LOOKS.slice(0, 2), EMPTY_PAGES);
});

test("every page of a community with services, and what everybody may see", async () => {
  for (const [name, owner, zone] of [
    ["Ateneu", "Bernat", "sants"],
    ["Taller", "Carme", "gràcia"],
  ] as const) {
    const { code } = await box(0).cli<{ code: string }>(["invite", "--json"]);
    boxes.push(await startBox({ name, owner, zone, join: code, until: atEnd }));
  }
  const port = await page(BREAD);
  const bakery = await publish(box(0), "Bakery", port, "--open");
  await publish(box(1), "Reading list", await page("Solitud"));
  await publish(box(2), "Song book", await page("L'estaca"));
  await eventually("box 1 lists all", 5_000, async () => (await titles(box(0))).length === 3);
  const detail = `/services/${encodeURIComponent(bakery)}`;
  const second = (await box(0).api<{ id: string; name: string }[]>("/boxes")).find(({ name }) => name === "Ateneu");
  const drawers = [detail, `/boxes/${second!.id}`];
  await lookAtAll("full", LOOKS.slice(0, 2), [...PAGES, ...drawers]);
  await lookAtAll("full", LOOKS.slice(2), [...LARGE_PAGES, ...drawers]);
  for (const [name, look] of LOOKS) {
    const visit = await Visit.begin(browser, box(0).url, look);
    for (const path of ["/", "/sign-in", "/accept#none", "/services"]) {
      await visit.open(path);
      await visit.check(`${name}, nobody signed in, ${path}`);
      await visit.shoot(`pages-public-${name}${pathName(path)}`);
    }
    await visit.open("/");
    await visit.page.getByText("Bakery").waitFor();
    assert.equal(await visit.page.getByText("Reading list").count(), 0, "only what is open to all");
    visit.throwProblems(`${name}, public`);
    await visit.end();
  }
});

test("what happens on other boxes is seen without a reload", async () => {
  const visit = await signIn(browser, box(0));
  await visit.open("/services");
  const port = await page("Tomàquets");
  const sinceMs = performance.now();
  await publish(box(1), "Tomato swap", port);
  const publishedMs = performance.now();
  await row(visit, "Tomato swap").waitFor({ timeout: LIVE_MS });
  const [all, seen] = [performance.now() - sinceMs, performance.now() - publishedMs];
  console.log(`published on another box: on the page ${seen.toFixed(0)} ms after the command (${all.toFixed(0)} ms in all)`);
  await box(2).kill();
  const killedMs = performance.now();
  await visit.page.locator(".service.grey", { hasText: "Song book" }).waitFor({ timeout: GREY_MS });
  console.log(`killed box: its row is grey after ${(performance.now() - killedMs).toFixed(0)} ms`);
  assert.equal(await visit.page.locator(".service.grey").count(), 1, "only its row");
  await row(visit, "Song book").getByText(visit.say("discovery.state-away")).waitFor();
  await visit.check("a box is away");
  await visit.shoot("pages-away");
  await box(2).restart();
  await visit.page.locator(".service:not(.grey)", { hasText: "Song book" }).waitFor({ timeout: GREY_MS });
  visit.throwProblems("live");
  await visit.end();
});

test("publishes by the dialog, withdraws, and takes that back", async () => {
  const visit = await signIn(browser, box(0));
  await visit.open("/services");
  const port = await page("Mel");
  await visit.page.getByRole("button", { name: visit.say("discovery.publish"), exact: true }).click();
  const dialog = visit.page.getByRole("dialog");
  await dialog.getByLabel(visit.say("publish.name"), { exact: true }).fill("Honey");
  await dialog.getByLabel(visit.say("publish.port"), { exact: true }).fill("99999");
  await dialog.getByText(visit.say("publish.bad-port")).waitFor();
  const go = dialog.getByRole("button", { name: visit.say("discovery.publish"), exact: true });
  assert.equal(await go.isDisabled(), true);
  await dialog.getByLabel(visit.say("publish.port"), { exact: true }).fill(String(port));
  await visit.check("the dialog");
  await visit.shoot("pages-publish");
  await go.click();
  await row(visit, "Honey").waitFor();
  await eventually("the other box lists it", LIVE_MS, async () => (await titles(box(1))).includes("Honey"));
  await visit.open("/services/own");
  await visit.page.getByRole("button", { name: `${visit.say("discovery.withdraw")}: Honey` }).click();
  const toast = visit.page.locator(".toast");
  await toast.getByText(visit.say("discovery.withdrawn", { title: "Honey" })).waitFor();
  await eventually("gone elsewhere", LIVE_MS, async () => !(await titles(box(1))).includes("Honey"));
  await visit.check("with a message");
  await toast.getByRole("button", { name: visit.say("shell.undo") }).click();
  await eventually("back elsewhere", LIVE_MS, async () => (await titles(box(1))).includes("Honey"));
  visit.throwProblems("publishing");
  await visit.end();
});

test("opens a neighbour's service in a new tab, and copies its address", async () => {
  const visit = await signIn(browser, box(1));
  await visit.context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: box(1).url });
  await visit.open("/services");
  const link = visit.page.getByRole("link", { name: `${visit.say("discovery.open")}: Bakery` });
  const [tab] = await Promise.all([visit.context.waitForEvent("page"), link.click()]);
  await tab.waitForLoadState();
  assert.equal(await tab.locator("h1").textContent(), BREAD);
  assert.equal(await tab.evaluate("document.referrer + String(window.opener)"), "null", "it learns nothing of us");
  await tab.close();
  await visit.page.getByRole("link", { name: "Bakery", exact: true }).click();
  await visit.page.getByRole("dialog").getByRole("button", { name: visit.say("discovery.copy") }).click();
  const copied = await visit.page.evaluate<string>("navigator.clipboard.readText()");
  assert.equal(new URL(copied).href, new URL((await find(box(1), "Bakery")).url).href);
  visit.throwProblems("opening");
  await visit.end();
});

test("invites a box: a code, a picture of it, and taking it back", async () => {
  const visit = await signIn(browser, box(0));
  await visit.open("/boxes");
  await visit.page.getByRole("button", { name: visit.say("mesh.invite"), exact: true }).click();
  const dialog = visit.page.getByRole("dialog");
  await dialog.getByLabel(visit.say("mesh.note"), { exact: true }).fill("For Dolors");
  await dialog.getByRole("button", { name: visit.say("mesh.make-code") }).click();
  const code = (await dialog.locator("code").textContent()) ?? "";
  assert.match(code, /^comu-[a-z2-7]{40,}$/);
  await dialog.getByAltText(visit.say("mesh.qr")).waitFor();
  assert.ok(await visit.page.evaluate("document.querySelector('dialog img').naturalWidth > 0"), "the picture is one");
  await visit.check("the code");
  await visit.shoot("pages-invite");
  await visit.page.keyboard.press("Escape");
  await visit.open("/boxes/invitations");
  await visit.page.getByRole("button", { name: `${visit.say("mesh.revoke")}: For Dolors` }).click();
  await visit.page.getByRole("dialog").getByRole("button", { name: visit.say("mesh.revoke"), exact: true }).click();
  await visit.page.getByText(visit.say("mesh.invitation-revoked"), { exact: true }).waitFor();
  const late = startBox({ name: "Casal", owner: "Dolors", join: code, until: atEnd });
  await assert.rejects(late, /invitation-revoked/);
  visit.throwProblems("inviting a box");
  await visit.end();
});

test("invites a person: a link, an account, a role's limits, and the end of the session", async () => {
  const host = await signIn(browser, box(0));
  await host.open("/people/invitations");
  await host.page.getByRole("button", { name: host.say("people.invite"), exact: true }).click();
  const dialog = host.page.getByRole("dialog");
  await dialog.getByText(host.say("role.guest"), { exact: true }).click();
  await dialog.getByRole("button", { name: host.say("people.make-link") }).click();
  const link = (await dialog.locator("code").textContent()) ?? "";
  await host.check("the link");
  const guest = await Visit.begin(browser, box(0).url, { width: 360, language: "ca" });
  const { pathname, hash } = new URL(link);
  await guest.open(pathname + hash);
  await guest.page.getByLabel(guest.say("welcome.owner"), { exact: true }).fill("Gil");
  await guest.page.getByLabel(guest.say("welcome.password"), { exact: true }).fill(PASSWORD);
  await guest.check("accepting");
  await guest.page.getByRole("button", { name: guest.say("accept.go") }).click();
  await guest.page.locator(".shell").waitFor();
  await guest.quiet();
  await guest.check("a guest at home");
  const rail = guest.page.getByRole("navigation", { name: guest.say("shell.pages") });
  await rail.getByText(guest.say("discovery.title")).waitFor();
  assert.equal(await rail.getByText(guest.say("box.title")).count(), 0, "a guest does not see This box");
  await guest.open("/box");
  await guest.page.getByText(guest.say("shell.no-page-text")).waitFor();
  await guest.open("/services");
  assert.equal(await guest.page.getByRole("button", { name: guest.say("discovery.publish"), exact: true }).count(), 0);
  guest.throwProblems("a guest");
  await host.open("/people");
  await host.page.getByRole("button", { name: `${host.say("people.remove")}: Gil` }).click();
  await host.page.getByRole("dialog").getByRole("button", { name: host.say("people.remove"), exact: true }).click();
  await host.page.getByText(host.say("people.removed", { name: "Gil" })).waitFor();
  guest.allow(/status of 401|events/);
  await guest.page.getByRole("link", { name: guest.say("mesh.title"), exact: true }).click();
  await guest.page.getByText(guest.say("sign-in.expired")).waitFor();
  guest.throwProblems("the end of a session");
  host.throwProblems("inviting a person");
  await host.end();
});

test("signing in, out, and with a wrong password", async () => {
  const visit = await signIn(browser, box(1), { width: 360, dark: true });
  await visit.page.getByRole("button", { name: visit.say("shell.wishes") }).click();
  await visit.check("the menu");
  await visit.page.getByRole("button", { name: visit.say("shell.sign-out") }).click();
  await visit.page.locator(".front").waitFor();
  await visit.open("/services");
  await visit.page.locator("h1", { hasText: visit.say("sign-in.title") }).waitFor();
  visit.throwProblems("signing out");
  visit.allow(/status of 401/);
  await fillIn(visit, "Bernat", "not the password");
  await visit.page.getByRole("alert").getByText(visit.say("error.wrong-password")).waitFor();
  await visit.check("a wrong password");
  await fillIn(visit, "Bernat", PASSWORD);
  await visit.page.locator("h1", { hasText: visit.say("discovery.title") }).waitFor();
  await visit.end();
});

test("the search jumps to a page, a service and a box, by keyboard", async () => {
  const visit = await signIn(browser, box(0));
  for (const [typed, path] of [
    [visit.say("help.title"), /^\/help$/],
    ["readin", /^\/services\/./],
    ["ateneu", /^\/boxes\/./],
  ] as const) {
    await visit.open("/");
    await visit.page.locator("h1").focus();
    await visit.page.keyboard.press("/");
    await visit.page.getByRole("combobox").waitFor();
    await visit.page.keyboard.type(typed);
    await visit.page.getByRole("option").first().waitFor();
    await visit.check(`searching ${typed}`);
    await visit.page.keyboard.press("Enter");
    await eventually(`at ${String(path)}`, LIVE_MS, () => path.test(new URL(visit.page.url()).pathname));
  }
  await visit.end();
});

test("a setting and a new name apply at once; the doctor looks and says", async () => {
  const visit = await signIn(browser, box(0));
  await visit.open("/box");
  await visit.page.getByRole("button", { name: visit.say("box.rename") }).click();
  const dialog = visit.page.getByRole("dialog");
  await dialog.locator("input").fill("Forn de dalt");
  await dialog.getByRole("button", { name: visit.say("shell.save") }).click();
  await visit.page.locator(".header .box-name", { hasText: "Forn de dalt" }).waitFor();
  const named = async () => (await box(1).api<{ name: string }[]>("/boxes")).some(({ name }) => name === "Forn de dalt");
  await eventually("the others see the name", 5_000, named);
  await visit.open("/box/settings");
  const field = visit.page.getByLabel(visit.say("setting.people.sessionDays"), { exact: true });
  const save = visit.page.getByRole("button", { name: visit.say("shell.save"), exact: true });
  await field.fill("0");
  assert.equal(await save.isDisabled(), true);
  await visit.check("a wrong setting");
  await field.fill("7");
  await save.click();
  await visit.page.getByText(visit.say("settings.saved")).waitFor();
  const { values } = await box(0).api<{ values: { people: { sessionDays: number } } }>("/settings");
  assert.equal(values.people.sessionDays, 7);
  await visit.open("/box/health");
  await visit.page.getByRole("button", { name: visit.say("box.doctor-run") }).click();
  await visit.page.getByRole("button", { name: visit.say("box.doctor-again") }).waitFor({ timeout: DOCTOR_MS });
  assert.ok((await visit.page.locator("main .rows > li").count()) >= 5, "the doctor looked at several things");
  await visit.check("the doctor's report");
  await visit.shoot("pages-doctor");
  await visit.end();
});

async function lookAtAll(what: string, looks: typeof LOOKS, paths: readonly string[]): Promise<void> {
  for (const [name, look] of looks) {
    const visit = await signIn(browser, box(0), look);
    for (const path of paths) {
      await visit.open(path);
      await visit.check(`${what}, ${name}, ${path}`);
      await visit.shoot(`pages-${what}-${name}${pathName(path)}`);
    }
    await visit.end();
  }
}

function pathName(path: string): string {
  return path.replace(/[^a-z]+/gi, "-").slice(0, 24);
}

function row(visit: Visit, title: string) {
  return visit.page.locator(".service", { hasText: title });
}

function box(index: number): Box {
  const found = boxes[index];
  assert.ok(found, `box ${index + 1} was not started`);
  return found;
}

/** A server with one page; its port. */
async function page(text: string): Promise<number> {
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(`<!doctype html><link rel="icon" href="data:,"><title>${text}</title><h1>${text}</h1>`);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  atEnd.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function publish(at: Box, title: string, port: number, ...more: string[]): Promise<string> {
  const flags = ["--type", "_http._tcp", "--port", String(port), "--title", title, ...more, "--json"];
  return (await at.cli<{ id: string }>(["services", "publish", ...flags])).id;
}

interface Listed {
  title: string;
  state: string;
  url: string;
}

async function titles(at: Box): Promise<string[]> {
  return (await at.api<Listed[]>("/services")).filter(({ state }) => state === "up").map(({ title }) => title);
}

async function find(at: Box, title: string): Promise<Listed> {
  const found = (await at.api<Listed[]>("/services")).find((one) => one.title === title);
  assert.ok(found, `${title} is not listed`);
  return found;
}
