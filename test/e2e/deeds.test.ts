/**
 * What people do on the pages of a community of three boxes with real servers: see what happens elsewhere without a
 * reload, publish and withdraw, open what a neighbour offers, invite boxes and people, meet the limits of a role, sign
 * in and out, search, change a setting, ask the doctor.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Browser } from "playwright-core";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { Visit, openBrowser } from "../support/browser.ts";
import { eventually } from "../support/process.ts";
import { atEnd } from "./at-end.ts";
import { BREAD, find, publish, startFirst, startOthers, startPage, titles } from "./quarter.ts";
import { PASSWORD, fillIn, signIn } from "./sign-in.ts";

const LIVE_MS = 30_000;
const GREY_MS = 30_000;
const DOCTOR_MS = 30_000;

let browser: Browser;
let boxes: Box[] = [];

before(async () => {
  browser = await openBrowser({ owner: atEnd });
  boxes = await startOthers(await startFirst(atEnd), atEnd);
});

test("what happens on other boxes is seen without a reload", async () => {
  const visit = await signIn(browser, box(0));
  await visit.open("/services");
  const port = await startPage("Tomàquets", atEnd);
  const sinceMs = performance.now();
  await publish(box(1), "Tomato swap", port);
  const publishedMs = performance.now();
  await row(visit, "Tomato swap").waitFor({ timeout: LIVE_MS });
  const [all, seen] = [performance.now() - sinceMs, performance.now() - publishedMs];
  console.log(
    `published on another box: on the page ${seen.toFixed(0)} ms after the command (${all.toFixed(0)} ms in all)`,
  );
  await box(2).kill();
  const killedMs = performance.now();
  await visit.page.locator(".service.grey", { hasText: "Song book" }).waitFor({ timeout: GREY_MS });
  console.log(`killed box: its row is grey after ${(performance.now() - killedMs).toFixed(0)} ms`);
  const greys = visit.page.locator(".service.grey");
  await eventually("only its row is grey", GREY_MS, async () => (await greys.count()) === 1);
  await row(visit, "Song book").getByText(visit.say("discovery.state-away")).waitFor();
  await visit.check("a box is away");
  await visit.shoot("deeds-away");
  await box(2).restart();
  await visit.page.locator(".service:not(.grey)", { hasText: "Song book" }).waitFor({ timeout: GREY_MS });
  visit.throwProblems("live");
  await visit.end();
});

test("publishes by the dialog, withdraws, and takes that back", async () => {
  const visit = await signIn(browser, box(0));
  await visit.open("/services");
  const port = await startPage("Mel", atEnd);
  await visit.page.getByRole("button", { name: visit.say("discovery.publish"), exact: true }).click();
  const dialog = visit.page.getByRole("dialog");
  await dialog.getByLabel(visit.say("publish.name"), { exact: true }).fill("Honey");
  await dialog.getByLabel(visit.say("publish.port"), { exact: true }).fill("99999");
  await dialog.getByText(visit.say("publish.bad-port")).waitFor();
  const go = dialog.getByRole("button", { name: visit.say("discovery.publish"), exact: true });
  assert.equal(await go.isDisabled(), true);
  await dialog.getByLabel(visit.say("publish.port"), { exact: true }).fill(String(port));
  await visit.check("the dialog");
  await visit.shoot("deeds-publish");
  await go.click();
  await row(visit, "Honey").waitFor();
  await eventually("the other box lists it", LIVE_MS, async () => (await titles(box(1))).includes("Honey"));
  await visit.open("/services/own");
  await visit.page.getByRole("button", { name: `${visit.say("discovery.withdraw")}: Honey` }).click();
  const toast = visit.page.locator(".toast");
  // A message with a way back stays while the pointer is on it.
  await toast.getByText(visit.say("discovery.withdrawn", { title: "Honey" })).hover();
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
  await visit.page
    .getByRole("dialog")
    .getByRole("button", { name: visit.say("discovery.copy") })
    .click();
  const { href } = new URL((await find(box(1), "Bakery")).url);
  await eventually("its address is in the clipboard", LIVE_MS, async () => {
    const copied = await visit.page.evaluate<string>("navigator.clipboard.readText()");
    return new URL(copied).href === href;
  });
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
  await eventually("the picture is one", LIVE_MS, () =>
    visit.page.evaluate<boolean>("document.querySelector('dialog img').naturalWidth > 0"),
  );
  await visit.check("the code");
  await visit.shoot("deeds-invite");
  await visit.page.keyboard.press("Escape");
  await visit.open("/boxes/invitations");
  await visit.page.getByRole("button", { name: `${visit.say("mesh.revoke")}: For Dolors` }).click();
  await visit.page
    .getByRole("dialog")
    .getByRole("button", { name: visit.say("mesh.revoke"), exact: true })
    .click();
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
  await host.page
    .getByRole("dialog")
    .getByRole("button", { name: host.say("people.remove"), exact: true })
    .click();
  await host.page.getByText(host.say("people.removed", { name: "Gil" })).waitFor();
  guest.allow(/status of 401|events/);
  // Its page may have heard of it before the next click.
  const elsewhere = guest.page.getByRole("link", { name: guest.say("mesh.title"), exact: true });
  const expired = guest.page.getByText(guest.say("sign-in.expired"));
  await elsewhere.or(expired).first().waitFor();
  if (!(await expired.isVisible())) await elsewhere.click();
  await expired.waitFor();
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
  for (const [typed, found, path] of [
    [visit.say("help.title"), /./, /^\/help$/],
    ["readin", /^Reading list/, /^\/services\/./],
    ["ateneu", /^Ateneu/, /^\/boxes\/./],
  ] as const) {
    await visit.open("/");
    await visit.page.locator("h1").focus();
    await visit.page.keyboard.press("/");
    await visit.page.getByRole("combobox").waitFor();
    await visit.page.keyboard.type(typed);
    // By the arrow keys: the name of a box is found in its services, too.
    const wanted = visit.page.locator('[role=option][aria-selected="true"]', { hasText: found });
    await visit.page.getByRole("option", { name: found }).first().waitFor();
    for (let presses = 0; presses < 10 && (await wanted.count()) === 0; presses += 1) {
      await visit.page.keyboard.press("ArrowDown");
    }
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
  const named = async () =>
    (await box(1).api<{ name: string }[]>("/boxes")).some(({ name }) => name === "Forn de dalt");
  await eventually("the others see the name", 30_000, named);
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
  await visit.shoot("deeds-doctor");
  await visit.end();
});

function row(visit: Visit, title: string) {
  return visit.page.locator(".service", { hasText: title });
}

function box(index: number): Box {
  const found = boxes[index];
  assert.ok(found, `box ${index + 1} was not started`);
  return found;
}
