/**
 * The console of a sliver in a real browser: opened on a phone and on a wide page, typed into, resized, ended, cut and
 * opened again; and who may not open it.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { before, test } from "node:test";
import type { Browser } from "playwright-core";
import { MADE_MS, homeAndHost } from "../compute/home-and-host.ts";
import type { Box } from "../support/box.ts";
import { openBrowser } from "../support/browser.ts";
import type { Look, Visit } from "../support/browser.ts";
import { eventually } from "../support/process.ts";
import { atEnd } from "./at-end.ts";
import { PASSWORD, signIn } from "./sign-in.ts";

const SEEN_MS = 30_000;
const PLACE = { place: "web/0" };
/** What the line says when it is cut; the browser says so in its own words, too. */
const CUT = /WebSocket|ERR_|Failed to load resource/;

let browser: Browser;
let home: Box;
let host: Box;

before(async () => {
  browser = await openBrowser({ owner: atEnd });
  ({ home, host } = await homeAndHost(atEnd));
});

const screen = (visit: Visit) => visit.page.locator(".console-screen .xterm-rows");

async function see(visit: Visit, key: string, params: Record<string, string> = {}): Promise<void> {
  await visit.page.getByText(visit.say(key, params), { exact: true }).first().waitFor({ timeout: MADE_MS });
}

async function shown(visit: Visit, pattern: RegExp): Promise<string> {
  return eventually(`${String(pattern)} is shown`, SEEN_MS, async () => {
    const text = (await screen(visit).innerText()).replaceAll("\u00a0", " ");
    return pattern.exec(text)?.[0];
  });
}

async function type(visit: Visit, text: string): Promise<void> {
  await visit.page.keyboard.type(text);
  await visit.page.keyboard.press("Enter");
}

/** Signed in, with a console that is open and has its prompt. */
async function openConsole(look: Look = {}): Promise<Visit> {
  const visit = await signIn(browser, home, look);
  await visit.open("/compute");
  const name = visit.say("compute.console-named", PLACE);
  await visit.page.getByRole("button", { name, exact: true }).click();
  await see(visit, "compute.console-open");
  await shown(visit, /# /);
  return visit;
}

test("on a phone, dark, in Catalan: typed, seen, ended with its code, opened again", async () => {
  const visit = await openConsole({ width: 360, language: "ca", dark: true });
  await type(visit, "echo $((6*7)); stty size");
  const size = await shown(visit, /42\s+\d+ \d+/);
  const columns = Number(size.split(" ").at(-1));
  assert.ok(columns > 20 && columns < 60, `${columns} columns`);
  // Styles by text, which the page's policy forbids, would be errors in the browser's console.
  await type(visit, String.raw`printf '\033[38;2;250;120;10mtrue\033[0m \033[4:3mcurly\033[0m \033[31mred\033[0m\n'`);
  await shown(visit, /true curly red/);
  await visit.check("an open console");
  await visit.shoot("compute-console-phone");
  await type(visit, "exit 3");
  await see(visit, "compute.console-ended", { code: "3" });
  await visit.check("a console that has ended");
  await visit.page.getByRole("button", { name: visit.say("compute.console-again"), exact: true }).click();
  await see(visit, "compute.console-open");
  await shown(visit, /# /);
  await visit.end();
});

test("as wide as the page, and its shell knows; keys lead out; closing asks nothing and leaves no shell", async () => {
  const visit = await openConsole({ width: 1280 });
  const columnsNow = async (): Promise<number> => {
    await type(visit, "clear; echo columns $(stty size)");
    return Number((await shown(visit, /columns \d+ \d+/)).split(" ").at(-1));
  };
  const wide = await columnsNow();
  assert.ok(wide > 100, `${wide} columns`);
  await visit.check("a wide console");
  await visit.shoot("compute-console-wide");
  await visit.page.setViewportSize({ width: 700, height: 800 });
  await eventually("fewer columns", SEEN_MS, async () => (await columnsNow()) < wide - 20);
  // A flood is seen to its end, and does not stop the page.
  await type(visit, "clear; seq 1 100000; echo fine-$((2*21))");
  await shown(visit, /fine-42/);
  await visit.page.keyboard.press("Shift+F6");
  const close = visit.page.getByRole("dialog").getByRole("button", { name: visit.say("shell.close"), exact: true });
  await close.and(visit.page.locator(":focus")).waitFor();
  await visit.page.keyboard.press("Enter");
  await visit.page.getByRole("dialog").waitFor({ state: "detached" });
  await eventually("no shell is left", SEEN_MS, async () => {
    const ran = await home.cli<{ stdout: string }>(["compute", "exec", "web", "ps -o args", "--json"]);
    return !ran.stdout.split("\n").some((line) => line.trim().endsWith("sh -l"));
  });
  await visit.check("closed");
  await visit.end();
});

/** Run in a page: opens the console's line, hears one message, and says what became of it. */
const DIAL = `(url) => new Promise((resolve) => {
  const line = new WebSocket(url);
  let opened = false;
  let said = "";
  line.onopen = () => (opened = true);
  line.onmessage = ({ data }) => {
    said = typeof data === "string" ? data : said;
    line.close();
  };
  line.onclose = () => resolve({ opened, said });
  setTimeout(() => line.close(), 30_000);
})`;

interface Dialled {
  opened: boolean;
  said: string;
}

test("another member's console is refused, and a page of another origin opens none", async () => {
  const { link } = await home.api<{ link: string }>("/people-invitations", {
    ...{ method: "POST", body: { role: "member" } },
  });
  const accept = { token: new URL(link).hash.slice(1), name: "Carles", password: PASSWORD };
  await home.api("/people-invitations/accept", { method: "POST", body: accept });
  const other = await signIn(browser, home, {}, "Carles");
  const proof = await other.page.evaluate<string>("localStorage.getItem('comu.csrf')");
  const url = `ws://127.0.0.1:${home.port}/api/v1/compute/slivers/web%2F0/console?proof=${proof}`;
  const refused = await other.page.evaluate<Dialled>(`(${DIAL})(${JSON.stringify(url)})`);
  assert.match(refused.said, /"compute-slice-unknown"/);
  await other.end();

  // The owner's own cookie and proof, from a page on another port of the same address: cookies do not tell ports apart.
  const visit = await signIn(browser, home);
  visit.allow(CUT);
  const mine = await visit.page.evaluate<string>("localStorage.getItem('comu.csrf')");
  const own = url.replace(proof, mine);
  const here = await visit.page.evaluate<Dialled>(`(${DIAL})(${JSON.stringify(own)})`);
  assert.equal(here.opened, true);
  const server = createServer((_request, answer) => void answer.end("<html>elsewhere"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEnd.after(() => void server.close());
  const page = await visit.context.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const cookies = (await visit.context.cookies(home.url)).length;
  assert.ok(cookies > 0);
  const elsewhere = await page.evaluate<Dialled>(`(${DIAL})(${JSON.stringify(own)})`);
  assert.deepEqual(elsewhere, { opened: false, said: "" });
  await visit.end();
});

test("the host dies, then the home: the page says which, and how it goes on", async () => {
  const visit = await openConsole({ width: 360, language: "es" });
  visit.allow(CUT);
  await host.kill();
  await see(visit, "error.compute-console-cut", { box: "Molí" });
  await visit.check("a console that was cut");
  await visit.shoot("compute-console-cut");
  const again = visit.page.getByRole("button", { name: visit.say("compute.console-again"), exact: true });
  await again.click();
  await see(visit, "error.compute-host-away", { box: "Molí" });
  await host.restart();
  await eventually("it is open again", MADE_MS, async () => {
    // It may go away under the finger.
    if (await again.isVisible()) await again.click({ timeout: 1_000 });
    return visit.page.getByText(visit.say("compute.console-open"), { exact: true }).isVisible();
  });
  await shown(visit, /# /);
  await home.kill();
  await see(visit, "compute.console-cut");
  await home.restart();
  await see(visit, "compute.console-open");
  await visit.page.locator(".console-screen").click();
  await type(visit, "echo again-$((6*7))");
  await shown(visit, /again-42/);
  await visit.end();
});
