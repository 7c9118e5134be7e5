/**
 * The pages of a box in a real browser: Debian's Chromium, driven over its debugging protocol. A visit watches what a
 * reader would never forgive and may not see: requests to elsewhere, errors in the console, what axe-core finds,
 * content wider than the window. Words are found by their keys, so that a better wording breaks no test.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import axe from "axe-core";
import { chromium } from "playwright-core";
import type { Browser, BrowserContext, CDPSession, Page } from "playwright-core";
import { LANGUAGES, mergeWords, say } from "../../src/kernel/words.ts";
import type { Language, WordParams, WordTables } from "../../src/kernel/words.ts";
import { temporaryFolder } from "./at-exit.ts";
import { needDebian } from "./debian.ts";
import type { Owner } from "./process.ts";

const CHROMIUM = "/usr/bin/chromium";
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const PAGE_TIMEOUT_MS = 30_000;
const LAUNCH_TIMEOUT_MS = 30_000;
/** A page is quiet when nothing was asked of the box for this long. */
const QUIET_MS = 150;
const QUIET_TIMEOUT_MS = 30_000;
/** One look at a time, which the browser repeats: whoever asks first for a dialog and then presses has lost one. */
const TOP = "dialog[open], body:not(:has(dialog[open]))";
/** Streams, which never end: of events, and of what changes in the key-value store. */
const STREAMS = /\/(?:events|kv\/watch|log)(?:\?|$)/;
/** The browser's own text size; readers with weak eyes set it to the double. */
const TEXT_PX = 16;
const AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const root = resolve(import.meta.dirname, "../..");
const PICTURES = join(root, "screenshots/e2e");

export interface Look {
  width?: number;
  height?: number;
  dark?: boolean;
  language?: Language;
  /** The text size that the reader set in the browser. */
  textPercent?: number;
}

export interface BrowserOptions {
  owner: Owner;
  /** Name of a network namespace to run in. */
  namespace?: string | undefined;
  flags?: readonly string[];
}

/** Starts Chromium. It ends with its owner, and with this process. */
export async function openBrowser({ owner, namespace, flags = [] }: BrowserOptions): Promise<Browser> {
  await needDebian(["chromium"]);
  const executablePath = namespace === undefined ? CHROMIUM : programIn(namespace);
  const browser = await chromium.launch({ executablePath, args: [...FLAGS, ...flags], timeout: LAUNCH_TIMEOUT_MS });
  owner.after(async () => browser.close());
  return browser;
}

/** It is driven over a pipe, so that no socket has to cross into the namespace. */
function programIn(namespace: string): string {
  const file = join(temporaryFolder("chromium"), "chromium");
  writeFileSync(file, `#!/bin/sh\nexec ip netns exec ${namespace} ${CHROMIUM} "$@"\n`, { mode: 0o700 });
  return file;
}

let tables: WordTables | undefined;

/** What the pages call something in a language. An unknown key is an error. */
export function word(language: Language, key: string, params: WordParams = {}): string {
  tables ??= mergeWords(...wordFolders().map(readTables));
  const said = say(tables, language, key, params);
  if (said === key) throw new Error(`no word has the key ${key}`);
  return said;
}

function wordFolders(): string[] {
  const own = readdirSync(join(root, "src/services")).map((name) => `src/services/${name}/ui`);
  return ["ui/src/words", ...own].filter((folder) => existsSync(join(root, folder, "en.json")));
}

function readTables(folder: string): WordTables {
  const read = (language: Language): Record<string, string> =>
    JSON.parse(readFileSync(join(root, folder, `${language}.json`), "utf8")) as Record<string, string>;
  return Object.fromEntries(LANGUAGES.map((language) => [language, read(language)])) as unknown as WordTables;
}

/** Texts that are run in the page: this program is checked with Node's types, not the browser's. */
const IN_PAGE = {
  axe: `axe.run(document, { runOnly: ${JSON.stringify(AXE_RULES)}, resultTypes: ["violations"] })`,
  /** Pixels that stick out to the right, and by what. */
  wide: `(() => {
    const window = document.documentElement;
    if (window.scrollWidth <= window.clientWidth) return "";
    const out = [...document.querySelectorAll("body *")].filter(
      (one) => one.getBoundingClientRect().right > window.clientWidth + 1,
    );
    const names = out.slice(-3).map((one) => one.tagName.toLowerCase() + "." + one.className);
    return (window.scrollWidth - window.clientWidth) + " px: " + names.join(", ");
  })()`,
};

interface AxeAnswer {
  violations: { id: string; help: string; nodes: { target: string[]; any: { message: string }[] }[] }[];
}

/** One reader with a browser of their own: cookies, language, window. */
export class Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly origin: string;
  readonly language: Language;
  /** All that was seen and should not be; `check` throws it. */
  readonly problems: string[] = [];
  /** Addresses asked for, newest last. */
  readonly requests: string[] = [];
  /** Bytes as they travelled, headers included, by address. */
  readonly transferred = new Map<string, number>();
  private readonly allowed: RegExp[] = [];
  private readonly others = new Set<string>();
  private readonly session: CDPSession;
  private readonly pending = new Map<string, { url: string; loader: string }>();
  /** The load of the page that is now in the window. */
  private loader = "";
  private lastMs = performance.now();

  private constructor(page: Page, session: CDPSession, origin: string, language: Language) {
    this.page = page;
    this.context = page.context();
    this.origin = origin;
    this.language = language;
    this.session = session;
  }

  /** `origin` is all that the page may ask anything of. */
  static async begin(browser: Browser, origin: string, look: Look = {}): Promise<Visit> {
    const { width = 1280, height = width < 500 ? 720 : 800, dark = false, language = "en", textPercent = 100 } = look;
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme: dark ? "dark" : "light",
      reducedMotion: "reduce",
      locale: language,
    });
    context.setDefaultTimeout(PAGE_TIMEOUT_MS);
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    const visit = new Visit(page, session, origin, language);
    await visit.watch();
    if (textPercent !== 100) {
      const standard = (TEXT_PX * textPercent) / 100;
      await session.send("Page.setFontSizes", { fontSizes: { standard, fixed: standard } });
    }
    return visit;
  }

  /** What the pages call something in this reader's language. */
  say(key: string, params: WordParams = {}): string {
    return word(this.language, key, params);
  }

  /** From now on, an error in the console like this is part of the test: each is forgiven. */
  allow(pattern: RegExp): void {
    this.allowed.push(pattern);
  }

  /** The reader wants to hear or see something from there: from now on the page may ask it. */
  allowOrigin(origin: string): void {
    this.others.add(origin);
  }

  /** Presses a button by its word: in the dialog on top while one is open, also one that is only just opening. */
  async press(key: string, params: WordParams = {}): Promise<void> {
    const top = this.page.locator(TOP).last();
    await top.getByRole("button", { name: this.say(key, params), exact: true }).click();
  }

  async open(path: string): Promise<void> {
    const answer = await this.page.goto(this.origin + path, { waitUntil: "load" });
    if (answer && !answer.ok()) throw new Error(`${path} answered ${answer.status()}`);
    await this.quiet();
  }

  /** Until the page stands and asks for nothing more. */
  async quiet(): Promise<void> {
    await this.page.locator("h1").first().waitFor();
    const endMs = performance.now() + QUIET_TIMEOUT_MS;
    for (;;) {
      // Nobody tells the end of what the page before this one had asked.
      const asks = [...this.pending.values()].filter(({ url, loader }) => loader === this.loader && !STREAMS.test(url));
      if (asks.length === 0 && performance.now() - this.lastMs > QUIET_MS) return;
      if (performance.now() > endMs) throw new Error(`the page is not quiet: ${asks.map(({ url }) => url).join(" ")}`);
      await sleep(25);
    }
  }

  /** Throws all problems since the last check, and what axe-core and the width of the page say now. */
  async check(where: string): Promise<void> {
    // Given over the debugging protocol, which the page's content security policy does not concern.
    await this.page.evaluate(axe.source);
    const { violations } = await this.page.evaluate<AxeAnswer>(IN_PAGE.axe);
    for (const { id, help, nodes } of violations) {
      const places = nodes.slice(0, 3).map((node) => `${node.target.join(" ")} (${node.any[0]?.message ?? ""})`);
      this.problems.push(`axe ${id}: ${help}: ${places.join("; ")}`);
    }
    const wide = await this.page.evaluate<string>(IN_PAGE.wide);
    if (wide !== "") this.problems.push(`wider than the window by ${wide}`);
    this.throwProblems(where);
  }

  /** As `check`, without looking at the page. */
  throwProblems(where: string): void {
    const found = this.problems.splice(0);
    if (found.length > 0) throw new Error(`${where}, ${this.page.url()}:\n  ${found.join("\n  ")}`);
  }

  /** A picture for people to look at; it proves nothing. */
  async shoot(name: string): Promise<void> {
    mkdirSync(PICTURES, { recursive: true });
    await this.page.screenshot({ path: join(PICTURES, `${name}.png`) });
  }

  async end(): Promise<void> {
    await this.context.close();
  }

  private async watch(): Promise<void> {
    this.page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") this.noteError(message.text());
    });
    this.page.on("pageerror", (error) => this.noteError(error.stack || error.message));
    this.session.on("Network.requestWillBeSent", ({ requestId, loaderId, request }) => {
      if (requestId === loaderId) this.loader = loaderId;
      this.requests.push(request.url);
      if (!this.mayAsk(request.url)) this.problems.push(`a request left the origin: ${request.url}`);
      this.pending.set(requestId, { url: request.url, loader: loaderId });
      this.lastMs = performance.now();
    });
    const ended = (requestId: string, bytes: number): void => {
      const url = this.pending.get(requestId)?.url ?? requestId;
      this.transferred.set(url, (this.transferred.get(url) ?? 0) + bytes);
      this.pending.delete(requestId);
      this.lastMs = performance.now();
    };
    this.session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) =>
      ended(requestId, encodedDataLength),
    );
    this.session.on("Network.loadingFailed", ({ requestId }) => ended(requestId, 0));
    await this.session.send("Network.enable");
  }

  private mayAsk(url: string): boolean {
    if (url === "about:blank" || url.startsWith("data:")) return true;
    // The browser's own viewer of PDF files is a page of the browser.
    if (url.startsWith("chrome-extension:")) return true;
    return URL.canParse(url) && (new URL(url).origin === this.origin || this.others.has(new URL(url).origin));
  }

  private noteError(text: string): void {
    if (!this.allowed.some((pattern) => pattern.test(text))) this.problems.push(`in the console: ${text}`);
  }
}
