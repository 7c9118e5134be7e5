/**
 * First contact, as a person meets it: a box that was just started, and its page in a real browser. It asks two
 * things, founds a community or joins one with a code, and refuses what is wrong in plain words without leaving
 * anything behind. In three languages, by keyboard alone, on a narrow screen, with large text, in the dark.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser } from "playwright-core";
import { LANGUAGES } from "../../src/kernel/words.ts";
import type { Language } from "../../src/kernel/words.ts";
import { localAddresses } from "../../src/platform/addresses.ts";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { Visit, openBrowser, word } from "../support/browser.ts";
import type { Look } from "../support/browser.ts";
import { atEnd } from "./at-end.ts";
import { startFreshBox, statusOf } from "./fresh-box.ts";
import type { FreshBox } from "./fresh-box.ts";

const FIRST_PAGE_BYTES_MAX = 100_000;
const JOIN_TIMEOUT_MS = 20_000;
const PASSWORD = "bread in the morning";
/** The shortest life that an invitation can be given, in hours. */
const SHORTEST_INVITATION_HOURS = 0.001;
const CSP = [/default-src 'self'/, /script-src 'self'/, /object-src 'none'/, /frame-ancestors 'none'/];

const LOOKS: readonly (readonly [name: string, look: Look])[] = [
  ["wide", { width: 1280 }],
  ["narrow", { width: 360 }],
  ["dark", { width: 1280, dark: true }],
  ["narrow-dark-text-200", { width: 360, dark: true, textPercent: 200 }],
];

let browser: Browser;

before(async () => {
  browser = await openBrowser({ owner: atEnd });
});

test("asks two things and founds a community, by keyboard alone", async (t) => {
  const fresh = await startFreshBox(t);
  const visit = await Visit.begin(browser, fresh.origin);
  const { page } = visit;
  await visit.open("/");
  await visit.shoot("first-run-1");
  assert.equal(await page.locator("h1").textContent(), visit.say("welcome.title"));
  // Name, owner, password: nothing else is asked before the one button.
  assert.equal(await page.locator("form input:visible").count(), 3);
  await page.keyboard.type("Forn");
  await page.keyboard.press("Tab");
  await page.keyboard.type("Anna Puig");
  await page.keyboard.press("Tab");
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");
  await heading(visit, "welcome.title-community");
  await visit.check("the second step");
  await visit.shoot("first-run-2");
  await tabTo(visit, visit.say("welcome.community-name"));
  await page.keyboard.type("Barri");
  await page.keyboard.press("Enter");
  await page.locator(".shell").waitFor();
  await visit.quiet();
  assert.match((await page.locator("h1").textContent()) ?? "", /Anna Puig/);
  assert.equal(new URL(page.url()).pathname, "/");
  await visit.check("Home of a new box");
  await visit.shoot("first-run-home");
  const { name, owner, state, community } = await statusOf(fresh);
  assert.deepEqual([name, owner, state, community?.name], ["Forn", "Anna Puig", "running", "Barri"]);
  assert.ok(!visit.requests.some((url) => /bread|setup=/.test(url)), "no secret in an address");
  // The owner is signed in and stays so; the page does not ask again.
  await page.reload();
  await page.locator(".shell").waitFor();
  visit.throwProblems("the founding");
});

test("the first page is light, guarded, and asks nobody else", async (t) => {
  const fresh = await startFreshBox(t);
  const visit = await Visit.begin(browser, fresh.origin);
  const answer = await visit.page.goto(fresh.url, { waitUntil: "load" });
  await visit.quiet();
  const csp = answer?.headers()["content-security-policy"] ?? "";
  for (const wanted of CSP) assert.match(csp, wanted);
  assert.doesNotMatch(csp, /unsafe/);
  const sizes = [...visit.transferred].map(([url, bytes]) => `${new URL(url).pathname} ${bytes}`);
  const total = [...visit.transferred.values()].reduce((sum, bytes) => sum + bytes, 0);
  console.log(`first page: ${visit.transferred.size} answers, ${(total / 1000).toFixed(1)} kB as they travelled`);
  assert.ok(visit.transferred.size >= 3 && total > 10_000, sizes.join("\n"));
  assert.ok(total < FIRST_PAGE_BYTES_MAX, sizes.join("\n"));
  visit.throwProblems("the first page");
});

test("refused passwords and codes: plain words, nothing changed, nothing lost; then it joins", async (t) => {
  const first = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri", until: t });
  const fresh = await startFreshBox(t);
  const before_ = await statusOf(fresh);
  const expired = await codeOf(first, "--hours", String(SHORTEST_INVITATION_HOURS));
  const madeMs = performance.now();
  const visit = await Visit.begin(browser, fresh.origin);
  await visit.open("/");
  await refusesShortPassword(visit);
  await fillFirst(visit, { name: "Ateneu", owner: "Bernat" });
  await page2(visit);
  await visit.page.getByText(visit.say("welcome.join"), { exact: true }).click();
  // Refused by the box with 4xx, which Chromium writes into its console.
  visit.allow(/Failed to load resource: the server responded with a status of 4\d\d/);
  await refusesCode(visit, fresh, before_, "comu-nothing", "code-malformed");
  const good = await codeOf(first);
  await refusesCode(visit, fresh, before_, good.slice(0, -3), "code-malformed");
  await sleep(Math.max(0, SHORTEST_INVITATION_HOURS * 3_600_000 + 500 - (performance.now() - madeMs)));
  await refusesCode(visit, fresh, before_, expired, "invitation-expired");
  // As it is pasted out of a message that broke it in two.
  await pasteCode(visit, `  ${good.slice(0, 40)}\n${good.slice(40).toUpperCase()}\n`);
  const progress = await noteStatus(visit, visit.say("welcome.joining"));
  await visit.page.getByRole("button", { name: visit.say("welcome.join-go"), exact: true }).click();
  await visit.page.locator(".shell").waitFor({ timeout: JOIN_TIMEOUT_MS });
  assert.ok(await progress(), "it says that it is joining while it does");
  await visit.quiet();
  await visit.check("Home after joining");
  const after = await statusOf(fresh);
  assert.deepEqual([after.name, after.owner, after.community?.name], ["Ateneu", "Bernat", "Barri"]);
  const seen = await first.cli<{ name: string }[]>(["boxes", "ls", "--json"]);
  assert.deepEqual(seen.map(({ name }) => name).toSorted(), ["Ateneu", "Forn"]);
});

test("from another machine the set-up key is needed, and comes along in the printed address", async (t) => {
  const outside = localAddresses()[0]?.address;
  assert.ok(outside, "this machine has no address but loopback");
  const fresh = await startFreshBox(t, "0.0.0.0");
  assert.equal(new URL(fresh.url).hostname, outside);
  const origin = `http://${outside}:${fresh.port}`;
  const visit = await Visit.begin(browser, origin);
  const key = visit.page.getByLabel(visit.say("welcome.key"));
  await visit.open("/");
  await visit.check("asking for the key");
  await visit.shoot("first-run-key");
  await fillFirst(visit, { name: "Forn", owner: "Anna" });
  assert.equal(await next(visit).isDisabled(), true);
  await key.fill("aaaaaaaaaa");
  await page2(visit);
  visit.allow(/Failed to load resource: the server responded with a status of 4\d\d/);
  await found(visit, "Barri");
  await visit.page.getByRole("alert").getByText(visit.say("error.setup-key-needed")).waitFor();
  assert.equal((await statusOf(fresh)).state, "new");
  await visit.end();
  const guided = await Visit.begin(browser, origin);
  await guided.open(`/#setup=${fresh.setupKey}`);
  await guided.page.getByLabel(guided.say("welcome.box-name")).waitFor();
  assert.equal(await guided.page.getByLabel(guided.say("welcome.key")).count(), 0);
  await fillFirst(guided, { name: "Forn", owner: "Anna" });
  await page2(guided);
  await found(guided, "Barri");
  await guided.page.locator(".shell").waitFor();
  assert.equal((await statusOf(fresh)).state, "running");
  assert.ok(!guided.requests.some((url) => url.includes(fresh.setupKey) && !url.includes("#")));
  assert.equal(new URL(guided.page.url()).hash, "", "the key does not stay in the address");
  guided.throwProblems("set up with the key in the address");
});

test("speaks Catalan, Spanish and English, by the browser's wish or by the reader's", async (t) => {
  const fresh = await startFreshBox(t);
  for (const language of LANGUAGES) {
    const visit = await Visit.begin(browser, fresh.origin, { language });
    await visit.open("/");
    assert.equal(await visit.page.locator("h1").textContent(), visit.say("welcome.title"));
    assert.equal(await visit.page.locator("html").getAttribute("lang"), language);
    visit.throwProblems(language);
    await visit.end();
  }
  const visit = await Visit.begin(browser, fresh.origin, { language: "es" });
  await visit.open("/");
  await visit.page.getByLabel(visit.say("welcome.box-name")).fill("Ateneu");
  let shown: Language = "es";
  for (const [language, name] of [
    ["ca", "Català"],
    ["en", "English"],
    ["es", "Castellano"],
    ["ca", "Català"],
  ] as const) {
    await visit.page.getByRole("button", { name: word(shown, "shell.wishes") }).click();
    await visit.page.getByRole("button", { name, exact: true }).click();
    await visit.page.locator("h1", { hasText: word(language, "welcome.title") }).waitFor();
    await visit.page.keyboard.press("Escape");
    assert.equal(await visit.page.getByLabel(word(language, "welcome.box-name")).inputValue(), "Ateneu");
    await visit.check(`switched to ${language}`);
    shown = language;
  }
  await visit.page.reload();
  await visit.page.locator("h1", { hasText: word("ca", "welcome.title") }).waitFor();
});

test("reads well wide, narrow, dark and large, in the longest words", async (t) => {
  const fresh = await startFreshBox(t);
  for (const [name, look] of LOOKS) {
    const visit = await Visit.begin(browser, fresh.origin, { ...look, language: "ca" });
    await visit.open("/");
    await visit.check(`${name}, first step`);
    await visit.shoot(`first-run-${name}-1`);
    await visit.page.getByText(visit.say("welcome.more")).click();
    await fillFirst(visit, { name: "Ateneu", owner: "Bernat" });
    await visit.check(`${name}, first step filled`);
    await page2(visit);
    for (const way of ["welcome.found", "welcome.join"]) {
      await visit.page.getByText(visit.say(way), { exact: true }).click();
      await visit.check(`${name}, ${way}`);
    }
    await visit.shoot(`first-run-${name}-2`);
    await visit.end();
  }
});

async function heading(visit: Visit, key: string): Promise<void> {
  await visit.page.locator("h1", { hasText: visit.say(key) }).waitFor();
}

/** Goes on with the Tab key until the field with this label has the focus. */
async function tabTo(visit: Visit, label: string): Promise<void> {
  for (let presses = 0; presses < 12; presses += 1) {
    const at = await visit.page.evaluate<string>(
      `document.querySelector("label[for='" + CSS.escape(document.activeElement.id) + "']")?.textContent ?? ""`,
    );
    if (at === label) return;
    await visit.page.keyboard.press("Tab");
  }
  throw new Error(`the Tab key does not reach ${label}`);
}

function next(visit: Visit) {
  return visit.page.getByRole("button", { name: visit.say("welcome.next") });
}

async function fillFirst(visit: Visit, { name, owner }: { name: string; owner: string }): Promise<void> {
  await visit.page.getByLabel(visit.say("welcome.box-name")).fill(name);
  await visit.page.getByLabel(visit.say("welcome.owner")).fill(owner);
  await visit.page.getByLabel(visit.say("welcome.password"), { exact: true }).fill(PASSWORD);
}

async function page2(visit: Visit): Promise<void> {
  await next(visit).click();
  await heading(visit, "welcome.title-community");
}

async function found(visit: Visit, name: string): Promise<void> {
  await visit.page.getByLabel(visit.say("welcome.community-name")).fill(name);
  await visit.page.getByRole("button", { name: visit.say("welcome.found-go"), exact: true }).click();
}

async function refusesShortPassword(visit: Visit): Promise<void> {
  await fillFirst(visit, { name: "Ateneu", owner: "Bernat" });
  await visit.page.getByLabel(visit.say("welcome.password"), { exact: true }).fill("pa amb");
  await visit.page.getByText(visit.say("welcome.password-short", { count: 2 })).waitFor();
  assert.equal(await next(visit).isDisabled(), true);
  await visit.page.keyboard.press("Enter");
  await visit.check("a short password");
  await visit.shoot("first-run-short-password");
  assert.equal(await visit.page.locator("h1").textContent(), visit.say("welcome.title"));
}

async function pasteCode(visit: Visit, code: string): Promise<void> {
  const field = visit.page.getByLabel(visit.say("welcome.code"), { exact: true });
  await field.fill("");
  await field.focus();
  await visit.page.keyboard.insertText(code);
  assert.equal(await field.inputValue(), code);
}

async function refusesCode(
  visit: Visit,
  fresh: FreshBox,
  expected: object,
  code: string,
  error: string,
): Promise<void> {
  await pasteCode(visit, code);
  await visit.page.getByRole("button", { name: visit.say("welcome.join-go"), exact: true }).click();
  const alert = visit.page.getByRole("alert");
  await alert.getByText(visit.say(`error.${error}`)).waitFor({ timeout: JOIN_TIMEOUT_MS });
  await alert.getByText(visit.say(`advice.${error}`)).waitFor();
  await visit.check(error);
  await visit.shoot(`first-run-${error}`);
  assert.equal(await visit.page.getByLabel(visit.say("welcome.code"), { exact: true }).inputValue(), code);
  assert.deepEqual(await statusOf(fresh), expected, `${error} leaves nothing behind`);
}

async function codeOf(box: Box, ...flags: string[]): Promise<string> {
  return (await box.cli<{ code: string }>(["invite", ...flags, "--json"])).code;
}

/** Watches for a text in a live region; the answer says whether it was ever there. */
async function noteStatus(visit: Visit, text: string): Promise<() => Promise<boolean>> {
  await visit.page.evaluate(`(() => {
    window.statusSeen = false;
    new MutationObserver(() => {
      const said = [...document.querySelectorAll("[role=status]")].map((one) => one.textContent);
      if (said.includes(${JSON.stringify(text)})) window.statusSeen = true;
    }).observe(document.body, { childList: true, subtree: true });
  })()`);
  return async () => visit.page.evaluate<boolean>("window.statusSeen");
}
