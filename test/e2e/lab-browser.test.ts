/**
 * The whole way, on real input: five boxes in network namespaces, real servers behind their services, and Chromium in
 * the namespace of the fifth box, as a reader who sits there: sees what the other four offer, opens a page, listens
 * to the radio, copies an address, and sees a box go. Needs root.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { createLab } from "../lab/lab.ts";
import type { Host, Lab } from "../lab/lab.ts";
import { needServers, startDnsmasq, startIcecast, startMosquitto, startNginx, startSshd } from "../lab/servers.ts";
import type { LabServer } from "../lab/servers.ts";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { openBrowser } from "../support/browser.ts";
import type { Visit } from "../support/browser.ts";
import { eventually } from "../support/process.ts";
import { atEnd } from "./at-end.ts";
import { signIn } from "./sign-in.ts";

const SEEN_MS = 30_000;
const GREY_MS = 30_000;
const LISTEN_MS = 30_000;
const PEOPLE = [
  { host: "raval1", zone: "raval", box: "Forn", owner: "Anna" },
  { host: "raval2", zone: "raval", box: "Biblioteca", owner: "Bernat" },
  { host: "sants1", zone: "sants", box: "Ateneu", owner: "Carme" },
  { host: "sants2", zone: "sants", box: "Taller", owner: "Dolors" },
  { host: "gracia1", zone: "gracia", box: "Casal", owner: "Enric" },
] as const;
const READER = 4;

let lab: Lab;
const boxes: Box[] = [];
let visit: Visit;

before(async () => {
  await needServers();
  lab = createLab({ hosts: PEOPLE.map(({ host, zone }) => ({ name: host, zone, link: { rateMbit: 50 } })) }, atEnd);
  for (const { host, zone, box: name, owner } of PEOPLE) {
    const { namespace, address } = lab.host(host);
    const first = boxes[0];
    const community = first
      ? { join: (await first.cli<{ code: string }>(["invite", "--json"])).code }
      : { newCommunity: "Barri" };
    boxes.push(await startBox({ name, owner, zone, bind: address, namespace, ...community, until: atEnd }));
  }
  const { namespace } = boxes[READER]!;
  const browser = await openBrowser({ owner: atEnd, namespace, flags: ["--mute-audio"] });
  visit = await signIn(browser, boxes[READER]!);
});

test("what the other four offer appears on the fifth box's page", async () => {
  await visit.open("/services");
  const servers: readonly (readonly [index: number, type: string, server: LabServer])[] = [
    [0, "_http._tcp", await startNginx(hostOf(0), "Bakery", "Pa de pagès")],
    [1, "_icecast._tcp", await startIcecast(hostOf(1), "Parish radio")],
    [2, "_mqtt._tcp", await startMosquitto(hostOf(2), "Street sensors")],
    [3, "_ssh._tcp", await startSshd(hostOf(3), "Workshop shell")],
    [2, "_domain._udp", await startDnsmasq(hostOf(2), "Names", "barri.test", { forn: hostOf(0).address })],
  ];
  for (const [index, type, { port, title, path }] of servers) {
    const flags = ["--type", type, "--port", String(port), "--title", title, ...(path ? ["--path", path] : [])];
    await boxes[index]!.cli(["services", "publish", ...flags, "--json"]);
    await row(title).waitFor({ timeout: SEEN_MS });
    await row(title).getByText(PEOPLE[index]!.owner).waitFor();
  }
  const up = visit.page.locator(".service:not(.grey)");
  await eventually("all are up", SEEN_MS, async () => (await up.count()) === servers.length);
  await visit.check("the services of five boxes");
  await visit.shoot("lab-services");
});

test("opens the nginx page of a box in another zone", async () => {
  const link = visit.page.getByRole("link", { name: `${visit.say("discovery.open")}: Bakery` });
  const [tab] = await Promise.all([visit.context.waitForEvent("page"), link.click()]);
  await tab.waitForLoadState();
  assert.equal(await tab.locator("h1").textContent(), "Pa de pagès");
  assert.equal(new URL(tab.url()).host, `${hostOf(0).address}:8080`);
  await tab.close();
});

test("listens to the Icecast stream in the page", async () => {
  visit.allowOrigin(`http://${hostOf(1).address}:8000`);
  await visit.page.getByRole("button", { name: `${visit.say("discovery.listen")}: Parish radio` }).click();
  const player = visit.page.getByRole("region", { name: visit.say("discovery.player") });
  await player.locator("audio").waitFor();
  const heard = async (seconds: number): Promise<void> => {
    const done = await visit.page.evaluate<string>(`new Promise((done) => {
      const audio = document.querySelector("audio");
      const look = () => audio.currentTime >= ${seconds} && !audio.paused && done("");
      audio.addEventListener("timeupdate", look);
      look();
      setTimeout(() => done(audio.currentTime + " s, " + (audio.error?.message ?? "no error")), ${LISTEN_MS});
    })`);
    assert.equal(done, "", `${seconds} s are heard`);
  };
  await heard(1);
  await visit.check("listening");
  await visit.shoot("lab-listening");
  // It goes on while one looks at another part of the list.
  await row("Street sensors").getByRole("link").first().click();
  await visit.page.getByRole("dialog").waitFor();
  await heard(2.5);
  await visit.page.keyboard.press("Escape");
  await player.getByRole("button", { name: visit.say("discovery.stop") }).click();
  await player.waitFor({ state: "detached" });
});

test("copies the addresses of what a browser cannot open", async () => {
  for (const [title, wanted] of [
    ["Street sensors", `mqtt://${hostOf(2).address}:1883`],
    ["Workshop shell", `ssh://${hostOf(3).address}`],
    ["Names", `dns://${hostOf(2).address}`],
  ] as const) {
    await row(title).getByRole("button", { name: title }).click();
    await visit.page.getByText(visit.say("shell.copied")).first().waitFor();
    const field = visit.page.locator("input[type=search]").first();
    // The words may still be those of the copy before.
    await eventually(`${wanted} is what is pasted`, SEEN_MS, async () => {
      await field.fill("");
      await field.focus();
      await visit.page.keyboard.press("Control+V");
      return (await field.inputValue()).startsWith(wanted);
    });
    await field.fill("");
  }
});

test("a host that loses its power is seen to go, and all else stays", async () => {
  const sinceMs = performance.now();
  lab.killHost(hostOf(3));
  await visit.page.locator(".service.grey", { hasText: "Workshop shell" }).waitFor({ timeout: GREY_MS });
  console.log(`power cut: the row is grey after ${((performance.now() - sinceMs) / 1000).toFixed(1)} s`);
  await eventually("one row is grey and four are not", GREY_MS, async () => {
    const grey = await visit.page.locator(".service.grey").count();
    return grey === 1 && (await visit.page.locator(".service:not(.grey)").count()) === 4;
  });
  await visit.check("one box is gone");
  await visit.shoot("lab-power-cut");
});

function row(title: string) {
  return visit.page.locator(".service", { hasText: title });
}

function hostOf(index: number): Host {
  return lab.host(PEOPLE[index]!.host);
}
