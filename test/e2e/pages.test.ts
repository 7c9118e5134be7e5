/**
 * Every page of a box in several looks, first alone and with nothing to show, then in a community of three with
 * services; and what everybody may see who is not signed in. Wide and on a phone, light and dark, with large text, in
 * three languages: it loads, says nothing in the console, asks nobody else, fits the window, and axe-core is content.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Browser } from "playwright-core";
import type { Box } from "../support/box.ts";
import { Visit, openBrowser } from "../support/browser.ts";
import type { Look } from "../support/browser.ts";
import { atEnd } from "./at-end.ts";
import { find, startFirst, startOthers } from "./quarter.ts";
import { signIn } from "./sign-in.ts";

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
  "/mesh",
  "/mesh/keys",
  "/mesh/events",
  "/kv",
  "/kv/keys",
  "/help",
  "/public",
  "/nowhere",
];

/** Those that say something else while there is nothing to show. */
const EMPTY_PAGES = [
  "/",
  "/services",
  "/services/own",
  "/services/heard",
  "/boxes",
  "/people/invitations",
  "/mesh",
  "/mesh/events",
  "/files",
  "/files/shared",
  "/files/trash",
  "/files/devices",
  "/files/space",
];
/** Where large text has most to break. */
const LARGE_PAGES = [
  "/",
  "/services",
  "/services/own",
  "/boxes",
  "/box",
  "/box/settings",
  "/people",
  "/mesh",
  "/mesh/keys",
  "/mesh/events",
  "/kv",
  "/help",
  "/public",
];

let browser: Browser;
let first: Box;

before(async () => {
  browser = await openBrowser({ owner: atEnd });
  first = await startFirst(atEnd);
});

test("every page of a box that is alone and offers nothing", async () => {
  await lookAtAll("empty", LOOKS.slice(0, 2), EMPTY_PAGES);
});

test("every page of a community with services, and what everybody may see", async () => {
  await startOthers(first, atEnd);
  const second = (await first.api<{ id: string; name: string }[]>("/boxes")).find(({ name }) => name === "Ateneu");
  const detail = `/services/${encodeURIComponent((await find(first, "Bakery")).id)}`;
  const drawers = [detail, `/boxes/${second!.id}`, `/mesh/member/${second!.id}`];
  await lookAtAll("full", LOOKS.slice(0, 2), [...PAGES, ...drawers]);
  await lookAtAll("full", LOOKS.slice(2), [...LARGE_PAGES, ...drawers]);
  for (const [name, look] of LOOKS) {
    const visit = await Visit.begin(browser, first.url, look);
    for (const path of ["/", "/sign-in", "/accept#none", "/shared", "/services"]) {
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

async function lookAtAll(what: string, looks: typeof LOOKS, paths: readonly string[]): Promise<void> {
  for (const [name, look] of looks) {
    const visit = await signIn(browser, first, look);
    for (const path of paths) {
      await visit.open(path);
      await visit.check(`${what}, ${name}, ${path}`);
      await visit.shoot(`pages-${what}-${name}${pathName(path)}`);
    }
    await visit.end();
  }
}

/** Part of a picture's name. */
function pathName(path: string): string {
  const withoutId = path.replace(/^(\/services|\/boxes|\/mesh\/member)\/.{12,}$/, "$1/one");
  return withoutId.replaceAll(/[^a-z]+/gi, "-");
}
