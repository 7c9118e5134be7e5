/**
 * A community of 51 boxes with 5,000 services: one real box, 50 neighbours with keys and records of their own, and
 * the page Services in Chromium, wide and narrow: how long from a key press until the result is painted, and whether
 * rows are there wherever one scrolls. Memory and the time of a list are printed too.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser } from "playwright-core";
import type { Category } from "../../src/services/discovery/kinds.ts";
import type { ServiceBody } from "../../src/services/discovery/body.ts";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { openBrowser } from "../support/browser.ts";
import type { Visit } from "../support/browser.ts";
import { startNeighbours } from "../support/neighbours.ts";
import { eventually } from "../support/process.ts";
import { atEnd } from "./at-end.ts";
import { signIn } from "./sign-in.ts";

const NEIGHBOURS = 50;
const SERVICES_EACH = 100;
const SERVICES = NEIGHBOURS * SERVICES_EACH;
const SEEN_TIMEOUT_MS = 60_000;
const KEY_PRESS_MS_MAX = 100;
const ROUNDS_MAX = 6;
const REST_FRAMES = 6;
const REST_TIMEOUT_MS = 15_000;
/** A calm typist. Long enough all together that the list is renewed in between. */
const KEY_PAUSE_MS = 200;
/** Types, empties, types again: 20 presses of the kinds that people make. */
const KEYS = [..."radio sant", ...Array.from({ length: 6 }, () => "Backspace"), ..." biB".slice(0, 4)];
const ZONES = ["raval", "sants", "gràcia", "poblenou", "horta", "sarrià", "clot", "born", "guinardó", "verneda"];
const PEOPLE = ["Anna", "Bernat", "Carme", "Dolors", "Enric", "Fina", "Gil", "Helena", "Ignasi", "Joana"];
const KINDS: readonly (readonly [title: string, type: string, category: Category, scheme: string])[] = [
  ["Parish radio", "_http._tcp", "radio", "http"],
  ["Class photos", "_http._tcp", "files", "http"],
  ["Song book", "_http._tcp", "web", "http"],
  ["Street sensors", "_mqtt._tcp", "sensors", "mqtt"],
  ["Biblioteca", "_http._tcp", "learning", "http"],
  ["Workshop shell", "_ssh._tcp", "remote", "ssh"],
  ["Printer", "_ipp._tcp", "print", "ipp"],
  ["Neighbourhood chat", "_xmpp-client._tcp", "chat", "xmpp"],
];

let browser: Browser;
let box: Box;

before(async () => {
  browser = await openBrowser({ owner: atEnd });
  // The intervals of a real box: in a test profile it would measure 5,000 services every five seconds.
  box = await startBox({
    name: "Forn",
    owner: "Anna",
    newCommunity: "Ciutat",
    env: { COMU_PROFILE: "" },
    until: atEnd,
  });
});

test("5,000 services of 50 neighbours reach the box", async () => {
  const port = await somethingToOpen();
  const { code } = await box.cli<{ code: string }>(["invite", "--uses", String(NEIGHBOURS), "--json"]);
  const sinceMs = performance.now();
  await startNeighbours({
    code,
    count: NEIGHBOURS,
    services: (neighbour) => servicesOf(neighbour, port),
    describe: (neighbour) => ({
      name: `Caixa ${neighbour + 1}`,
      owner: `${PEOPLE[neighbour % PEOPLE.length]} ${neighbour + 1}`,
      zone: ZONES[neighbour % ZONES.length]!,
    }),
    owner: atEnd,
  });
  const inMs = performance.now() - sinceMs;
  await eventually("all services are listed as up", SEEN_TIMEOUT_MS, async () => (await listed()) === SERVICES, 250);
  const allMs = performance.now() - sinceMs;
  console.log(
    `50 boxes in after ${(inMs / 1000).toFixed(1)} s, their 5,000 services after ${(allMs / 1000).toFixed(1)} s`,
  );
  assert.equal((await box.cli<unknown[]>(["services", "ls", "--json"])).length, SERVICES);
  const times: number[] = [];
  for (let turn = 0; turn < 5; turn += 1) {
    const beforeMs = performance.now();
    await box.api("/services");
    times.push(Math.round(performance.now() - beforeMs));
  }
  const { memory } = await box.api<{ memory: { rssBytes: number } }>("/status");
  console.log(
    `the list over the API: ${times.join(", ")} ms; the box's memory: ${(memory.rssBytes / 1e6).toFixed(0)} MB`,
  );
});

for (const [name, width] of [
  ["wide", 1280],
  ["narrow", 360],
] as const) {
  test(`${name}: a key press is painted within ${KEY_PRESS_MS_MAX} ms, and rows are where one scrolls`, async () => {
    const visit = await signIn(browser, box, { width });
    await visit.open("/services");
    await visit.page.locator(".service").first().waitFor();
    await visit.check(`${name}, 5,000 services`);
    await visit.shoot(`five-thousand-${name}`);
    let most = Infinity;
    // Once more when something else on the machine came in between; what is slow by itself is slow each time.
    for (let round = 1; round <= ROUNDS_MAX && most >= KEY_PRESS_MS_MAX; round += 1) {
      const times = await typeAll(visit);
      most = Math.max(...times);
      const median = times.toSorted((a, b) => a - b)[times.length >> 1];
      console.log(`${name}: ${times.length} key presses, median ${median} ms, most ${most} ms (${times.join(" ")})`);
    }
    assert.ok(most < KEY_PRESS_MS_MAX, `a key press took ${most} ms in the best of ${ROUNDS_MAX} rounds`);
    await visit.shoot(`five-thousand-${name}-filtered`);
    await visit.page.locator("input[type=search]").first().fill("");
    await scrollsWithoutHoles(visit);
    visit.throwProblems(name);
    await visit.end();
  });
}

/** In the page: from the event of the key until the frame after the one that draws its result. */
const WATCH_KEYS = `document.querySelector("input[type=search]").addEventListener("keydown", (event) => {
  window.pressed = new Promise((done) => {
    requestAnimationFrame(() => requestAnimationFrame(() => {
      const painted = document.querySelector("main [role=status]").textContent;
      done({ ms: Math.round(performance.now() - event.timeStamp), painted });
    }));
  });
}, { capture: true })`;

/** Presses the keys one by one; milliseconds until each was painted. */
async function typeAll(visit: Visit): Promise<number[]> {
  const { page } = visit;
  const field = page.locator("input[type=search]").first();
  await field.fill("");
  await field.click();
  await page.evaluate(WATCH_KEYS);
  const times: number[] = [];
  const found = new Set<string>();
  for (const key of KEYS) {
    await page.keyboard.press(key);
    const { ms, painted } = await page.evaluate<{ ms: number; painted: string }>("window.pressed");
    await sleep(KEY_PAUSE_MS);
    const settled = (await page.locator("main [role=status]").first().textContent()) ?? "";
    assert.equal(painted, settled, `painted after ${times.length + 1} keys`);
    found.add(settled);
    times.push(ms);
  }
  assert.ok(found.size > 3, "the filter filters");
  return times;
}

/** In the page: how many points down the middle of the list in view have no row below them. */
const HOLES = `(() => {
  const list = document.querySelector("ul.services").getBoundingClientRect();
  const from = Math.max(list.top, 0) + 4;
  const to = Math.min(list.bottom, innerHeight) - 4;
  let points = 0;
  let holes = 0;
  for (let y = from; y < to; y += 20) {
    points += 1;
    const below = document.elementsFromPoint(list.left + list.width / 2, y);
    if (!below.some((one) => one.closest("ul.services > li"))) holes += 1;
  }
  return { points, holes, height: document.documentElement.scrollHeight };
})()`;

/**
 * In the page: whether it comes to rest. The wheel scrolls on after its event; but drawing other rows must not move
 * the page, or it would never end.
 */
const COMES_TO_REST = `new Promise((done) => {
  let [at, frames] = [scrollY, 0];
  const fromMs = performance.now();
  const look = () => {
    frames = at === scrollY ? frames + 1 : 0;
    at = scrollY;
    if (frames >= REST_FRAMES) done(true);
    else if (performance.now() - fromMs > REST_TIMEOUT_MS) done(false);
    else requestAnimationFrame(look);
  };
  look();
})`
  .replace("REST_FRAMES", String(REST_FRAMES))
  .replace("REST_TIMEOUT_MS", String(REST_TIMEOUT_MS));

async function scrollsWithoutHoles(visit: Visit): Promise<void> {
  const { page } = visit;
  interface Seen {
    points: number;
    holes: number;
    height: number;
  }
  const { height } = await page.evaluate<Seen>(HOLES);
  assert.ok(height > SERVICES * 20, `the page is ${height} px high, too low for ${SERVICES} rows`);
  for (const share of [0, 0.35, 0.9, 1, 0.2]) {
    await page.evaluate(`scrollTo(0, ${Math.floor(height * share)})`);
    await page.mouse.move(100, 300);
    for (let turn = 0; turn < 2; turn += 1) await page.mouse.wheel(0, 700);
    assert.equal(await page.evaluate(COMES_TO_REST), true, `the page comes to rest at ${share}`);
    const seen = await page.evaluate<Seen>(HOLES);
    assert.ok(seen.points > 10, `the list is in view at ${share}`);
    assert.equal(seen.holes, 0, `holes at ${share} of the page`);
    const rows = await page.locator("ul.services > li").count();
    assert.ok(rows < 100, `${rows} rows are drawn at once`);
  }
}

async function listed(): Promise<number> {
  return (await box.api<{ state: string }[]>("/services")).filter(({ state }) => state === "up").length;
}

/** One page behind all of them, so that measuring finds something. */
async function somethingToOpen(): Promise<number> {
  const server = createServer((_request, response) => response.end("<!doctype html><title>Neighbour</title>"));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  atEnd.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function servicesOf(neighbour: number, port: number): ServiceBody[] {
  return Array.from({ length: SERVICES_EACH }, (_, index) => {
    const [title, type, category, scheme] = KINDS[(neighbour + index) % KINDS.length]!;
    return {
      type,
      title: `${title} ${neighbour + 1}.${index + 1}`,
      description: `From ${ZONES[index % ZONES.length]}, for everybody nearby.`,
      category,
      scope: "community",
      open: index === 0,
      host: null,
      port,
      path: scheme === "http" ? `/${index}` : "",
      scheme,
      version: "",
      sinceMs: Date.now() - index * 3_600_000,
    };
  });
}
