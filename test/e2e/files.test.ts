/**
 * The page of files with a real box behind it: uploads by dropping files and folders, which go on after a closed page
 * and a killed box; previews, links that strangers open and that are taken back, trash, versions, a folder of a
 * thousand files, the space given, devices.
 */
import assert from "node:assert/strict";
import { appendFileSync, readFileSync, readdirSync, renameSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { before, test } from "node:test";
import type { Browser } from "playwright-core";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { Visit, openBrowser } from "../support/browser.ts";
import { needDebian } from "../support/debian.ts";
import { eventually, runOk } from "../support/process.ts";
import { atEnd } from "./at-end.ts";
import {
  PDF,
  chooseFiles,
  deed,
  downloadedHash,
  dropFiles,
  hashOf,
  machineFolder,
  noise,
  row,
  silence,
  slowUploads,
  tray,
  uploaded,
} from "./files-page.ts";
import { startFirst } from "./quarter.ts";
import { PASSWORD, signIn } from "./sign-in.ts";

const STORED_MS = 60_000;
const SEEN_MS = 30_000;
const LARGE = noise(24 * 1024 * 1024, 7);
/** One piece takes a second or two. */
const SLOW_BYTES_PER_SECOND = 4 * 1024 * 1024;
const STANDSTILL_BYTES_PER_SECOND = 1_024;
const MANY = 1_000;
const SOUND_SECONDS = 400;
/** A picture of one red point. */
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==",
  "base64",
);

/** Texts that are run in the page: this program is checked with Node's types, not the browser's. */
const IN_PAGE = {
  listenTo: (second: number) => `(async () => {
    const sound = document.querySelector("audio");
    if (sound.readyState === 0) await new Promise((done) => sound.addEventListener("loadedmetadata", done));
    sound.currentTime = ${second};
    await new Promise((done) => sound.addEventListener("seeked", done));
    return { duration: sound.duration, at: sound.currentTime };
  })()`,
};

interface Status {
  grid: { enough: boolean };
}

let browser: Browser;
let box: Box;

before(async () => {
  browser = await openBrowser({ owner: atEnd });
  box = await startFirst(atEnd);
});

test("a box gives space by its page", async () => {
  const visit = await signIn(browser, box, { width: 360, language: "ca" });
  await visit.open("/files");
  await visit.page.getByText(visit.say("files.grid-none")).waitFor();
  await visit.check("no space yet");
  await visit.shoot("files-none");
  await visit.page.getByRole("link", { name: visit.say("files.give"), exact: true }).click();
  const slider = visit.page.getByRole("slider", { name: visit.say("files.give-how-much") });
  await slider.focus();
  await visit.page.keyboard.press("ArrowRight");
  await visit.page.keyboard.press("ArrowRight");
  await visit.press("shell.save");
  await visit.page.getByText(visit.say("files.give-used")).waitFor();
  await eventually("a server answers", SEEN_MS, async () => (await box.api<Status>("/files/status")).grid.enough);
  await visit.check("giving");
  await visit.shoot("files-space");
  await visit.end();
});

test("files and a folder are dropped, listed and looked at", async () => {
  const visit = await signIn(browser, box);
  await visit.open("/files");
  const fotos = machineFolder("Fotos", {
    "plaça.png": PNG,
    "2026/notes.txt": "bon dia\nveïnes\n",
    ".DS_Store": "litter",
    "buit.txt": "",
  });
  await dropFiles(visit, [fotos], async () => {
    await visit.page.getByText(visit.say("files.drop-here", { name: visit.say("files.title") })).waitFor();
    await visit.shoot("files-over");
  });
  await uploaded(visit, 3, STORED_MS);
  await visit.check("uploaded");
  await visit.page.getByRole("link", { name: "Fotos", exact: true }).click();
  await row(visit, "2026").waitFor();
  assert.equal(await visit.page.locator(".files-row").count(), 3, "what systems leave behind is left out");
  await visit.page.getByRole("link", { name: "plaça.png", exact: true }).click();
  const dialog = visit.page.getByRole("dialog");
  await dialog.getByAltText("plaça.png").waitFor();
  await eventually("the picture is one", SEEN_MS, () =>
    visit.page.evaluate<boolean>("document.querySelector('dialog img').naturalWidth === 1"),
  );
  await visit.check("a picture");
  await visit.shoot("files-picture");
  await visit.page.goBack();
  await dialog.waitFor({ state: "detached" });
  await visit.page.getByRole("link", { name: "2026", exact: true }).click();
  await visit.page.getByRole("link", { name: "notes.txt", exact: true }).click();
  await dialog.locator("pre").getByText("veïnes").waitFor();
  await visit.page.reload();
  await dialog.locator("pre").getByText("veïnes").waitFor();
  await visit.check("a text");
  assert.equal(
    await downloadedHash(visit, () =>
      dialog
        .getByRole("button", { name: visit.say("files.download") })
        .first()
        .click(),
    ),
    hashOf("bon dia\nveïnes\n"),
  );
  visit.throwProblems("looking");
  await visit.end();
});

test("a PDF is shown, and a sound is heard from the middle without the whole of it", async () => {
  const visit = await signIn(browser, box);
  await visit.open("/files");
  const folder = machineFolder("media", { "full.pdf": PDF, "so.wav": silence(SOUND_SECONDS) });
  await dropFiles(visit, [folder]);
  await uploaded(visit, 2, STORED_MS);
  await visit.page.getByRole("link", { name: "media", exact: true }).click();
  await visit.page.getByRole("link", { name: "full.pdf", exact: true }).click();
  await eventually("the browser's viewer has it", SEEN_MS, () =>
    visit.page.frames().some((frame) => frame.url().startsWith("chrome-extension:")),
  );
  await visit.shoot("files-pdf");
  const ranges: (string | undefined)[] = [];
  visit.page.on("response", (answer) => {
    if (answer.url().includes("/files/open/")) ranges.push(answer.headers()["content-range"]);
  });
  await visit.page.getByRole("button", { name: visit.say("files.next") }).click();
  await visit.page.locator("audio").waitFor();
  const heard = await visit.page.evaluate<{ duration: number; at: number }>(IN_PAGE.listenTo(SOUND_SECONDS - 10));
  assert.deepEqual(heard, { duration: SOUND_SECONDS, at: SOUND_SECONDS - 10 });
  const isInside = (range: string | undefined) => /^bytes [1-9]\d+-/.test(range ?? "");
  assert.ok(ranges.some(isInside), `a part of the sound: ${ranges.join(", ")}`);
  await visit.check("a sound");
  visit.throwProblems("media");
  await visit.end();
});

test("the list of servers is saved, and another one taken in and off again", async () => {
  const visit = await signIn(browser, box);
  await visit.open("/files/space");
  await visit.page.getByText(visit.say("files.lists"), { exact: true }).click();
  const save = () => visit.press("files.servers-export");
  const [download] = await Promise.all([visit.page.waitForEvent("download"), save()]);
  const text = readFileSync(await download.path(), "utf8");
  assert.match(text, /pb:\/\//, "it names where the server is");
  // The same server under another name is another one.
  const other = text.replace(/v0-[a-z2-7]{52}/, (id) => `v0-${[...id.slice(3)].toReversed().join("")}`);
  const file = join(
    machineFolder("lists", { "servers.yaml": other.replace(/nickname: .*/, "nickname: amiga") }),
    "servers.yaml",
  );
  await chooseFiles(visit, () => visit.press("files.servers-import"), [file]);
  await visit.page
    .locator(".toast")
    .getByText(visit.say("files.servers-added", { count: 1 }))
    .waitFor();
  const drop = visit.page.getByRole("button", { name: `${visit.say("files.server-drop")}: amiga` });
  await drop.waitFor();
  await visit.check("a server of a list");
  await drop.click();
  await drop.waitFor({ state: "detached" });
  visit.throwProblems("lists");
  await visit.end();
});

test("an upload goes on after the page was closed in the middle", async () => {
  const film = join(machineFolder("films", { "film.bin": LARGE }), "film.bin");
  const first = await signIn(browser, box);
  await first.open("/files");
  await slowUploads(first, SLOW_BYTES_PER_SECOND);
  await dropFiles(first, [film]);
  await someSent(first, "film.bin");
  await first.shoot("files-uploading");
  await first.end();
  const before_ = await sent("film.bin");
  assert.ok(before_ > 0 && before_ < LARGE.length, `${before_} bytes were sent when the page was closed`);
  const visit = await signIn(browser, box, { width: 360, language: "es" });
  await visit.open("/files");
  await tray(visit)
    .getByText(visit.say("files.up-unheld", { count: 1 }))
    .waitFor();
  await visit.press("files.tray-open");
  await visit.check("unfinished");
  await visit.shoot("files-unfinished");
  const again = `${visit.say("files.up-choose-again")}: film.bin`;
  await chooseFiles(visit, () => visit.page.getByRole("button", { name: again }).click(), [film]);
  await uploaded(visit, 1, STORED_MS);
  assert.ok(before_ <= sentAgainFrom(visit), "what was sent is not sent again");
  await visit.page.getByRole("link", { name: "film.bin", exact: true }).click();
  const dialog = visit.page.getByRole("dialog");
  const save = dialog.getByRole("button", { name: visit.say("files.download") }).first();
  assert.equal(await downloadedHash(visit, () => save.click()), hashOf(LARGE));
  visit.throwProblems("going on");
  await visit.end();
});

test("an upload goes on by itself after the box was killed in the middle; pause and cancel", async () => {
  const film = join(machineFolder("films", { "altre.bin": noise(LARGE.length, 9) }), "altre.bin");
  const visit = await signIn(browser, box);
  // The browser itself notes what has no answer.
  visit.allow(/Failed to load resource|ERR_/);
  await visit.open("/files");
  await slowUploads(visit, SLOW_BYTES_PER_SECOND);
  await dropFiles(visit, [film]);
  await eventually("a piece is there", STORED_MS, async () => (await sent("altre.bin")) > 0);
  await box.kill();
  await tray(visit).getByText(visit.say("files.up-again-soon")).waitFor({ timeout: SEEN_MS });
  await visit.shoot("files-killed");
  await box.restart();
  await slowUploads(visit, 0);
  await uploaded(visit, 1, STORED_MS);
  await visit.page.getByRole("link", { name: "altre.bin", exact: true }).click();
  const dialog = visit.page.getByRole("dialog");
  const save = dialog.getByRole("button", { name: visit.say("files.download") }).first();
  assert.equal(await downloadedHash(visit, () => save.click()), hashOf(noise(LARGE.length, 9)));
  await visit.page.keyboard.press("Escape");
  await slowUploads(visit, SLOW_BYTES_PER_SECOND);
  const third = join(machineFolder("films", { "tercer.bin": noise(LARGE.length, 11) }), "tercer.bin");
  await dropFiles(visit, [third]);
  await someSent(visit, "tercer.bin");
  await visit.press("files.up-pause");
  await tray(visit).getByText(visit.say("files.up-paused"), { exact: true }).waitFor();
  const paused = await sent("tercer.bin");
  await visit.check("paused");
  await tray(visit)
    .getByRole("button", { name: `${visit.say("shell.cancel")}: tercer.bin` })
    .click();
  await eventually("the box has forgotten it", SEEN_MS, async () => (await sent("tercer.bin")) < 0);
  assert.ok(paused > 0);
  await visit.end();
});

test("a folder is saved as one .zip; what cannot be fetched is said", async () => {
  await needDebian(["unzip"]);
  const visit = await signIn(browser, box);
  await visit.open("/files");
  const save = deed(visit, "Fotos", "files.download-zip");
  const [download] = await Promise.all([visit.page.waitForEvent("download"), save]);
  assert.equal(download.suggestedFilename(), "Fotos.zip");
  assert.equal(await runOk(["unzip", "-p", await download.path(), "Fotos/2026/notes.txt"]), "bon dia\nveïnes\n");
  visit.throwProblems("a folder");
  // The browser itself notes the refusal.
  visit.allow(/status of 503/);
  const shares = join(box.data, "files", "storage", "shares");
  const isOfFilm = (path: string) => /\/\d+$/.test(path) && statSync(join(shares, path)).size > LARGE.length / 4;
  const slots = new Set(
    (readdirSync(shares, { recursive: true }) as string[]).filter(isOfFilm).map((one) => dirname(one)),
  );
  assert.ok(slots.size > 0, "no shares of the film");
  for (const slot of slots) renameSync(join(shares, slot), join(shares, `${slot}.away`));
  await deed(visit, "film.bin", "files.download");
  const said = visit.say("error.files-unreachable", { found: 0, needed: 3 });
  await visit.page.locator(".toast").getByText(said).waitFor({ timeout: SEEN_MS });
  await visit.check("it is said");
  await visit.shoot("files-away");
  for (const slot of slots) renameSync(join(shares, `${slot}.away`), join(shares, slot));
  await visit.end();
});

test("a name that is there already is a question; older versions come back", async () => {
  const visit = await signIn(browser, box, { dark: true, language: "ca" });
  // The browser itself notes the refusal.
  visit.allow(/status of 409/);
  await visit.open("/files");
  const folder = machineFolder("papers", { "acta.txt": "primera\n" });
  const acta = join(folder, "acta.txt");
  await chooseFiles(visit, () => visit.press("files.upload"), [acta]);
  await uploaded(visit, 1, STORED_MS);
  appendFileSync(acta, "segona\n");
  await chooseFiles(visit, () => visit.press("files.upload"), [acta]);
  await tray(visit)
    .getByText(visit.say("files.up-exists", { count: 1 }))
    .waitFor();
  await visit.check("the question");
  await visit.shoot("files-question");
  await visit.press("files.up-replace");
  await uploaded(visit, 2, STORED_MS);
  await visit.page.getByRole("link", { name: "acta.txt", exact: true }).click();
  const dialog = visit.page.getByRole("dialog");
  await dialog.locator("pre").getByText("segona").waitFor();
  await dialog
    .getByRole("button", { name: new RegExp(`^${visit.say("files.version-restore")}`) })
    .first()
    .click();
  await dialog
    .locator("pre")
    .getByText(/^primera\s*$/)
    .waitFor({ timeout: SEEN_MS });
  await visit.check("versions");
  await visit.shoot("files-versions");
  visit.throwProblems("versions");
  await visit.end();
});

test("rename, move, search, remove and take that back, by mouse and by keyboard", async () => {
  const visit = await signIn(browser, box);
  await visit.open("/files");
  await visit.press("files.new-folder");
  const dialog = visit.page.getByRole("dialog");
  await dialog.getByLabel(visit.say("files.name"), { exact: true }).fill("Actes v1.2");
  await visit.check("a new folder");
  await visit.press("files.make-folder");
  await row(visit, "Actes v1.2").waitFor();
  await deed(visit, "acta.txt", "files.rename");
  await dialog.getByLabel(visit.say("files.name"), { exact: true }).fill("acta de maig.txt");
  await visit.press("files.rename-go");
  await row(visit, "acta de maig.txt").waitFor();
  await deed(visit, "acta de maig.txt", "files.move");
  await dialog.getByRole("button", { name: "Actes v1.2" }).click();
  await visit.check("where to");
  await visit.press("files.move-here", { name: "Actes v1.2" });
  await row(visit, "acta de maig.txt").waitFor({ state: "detached" });
  await visit.page.getByRole("searchbox").fill("maig");
  await visit.page.getByText(visit.say("files.found-count", { count: 1 })).waitFor();
  await visit.check("found");
  await visit.page.getByRole("searchbox").fill("");
  await visit.page.getByRole("link", { name: "Actes v1.2", exact: true }).click();
  await row(visit, "acta de maig.txt").waitFor();
  // What looks like the name of a file is an address like any other.
  await visit.page.reload();
  await row(visit, "acta de maig.txt").locator("a").focus();
  await visit.page.keyboard.press("Space");
  await visit.page.getByText(visit.say("files.chosen", { count: 1 })).waitFor();
  await visit.check("chosen");
  await visit.page.keyboard.press("Delete");
  const toast = visit.page.locator(".toast");
  // A message with a way back stays while the pointer is on it.
  await toast.getByText(visit.say("files.removed", { name: "acta de maig.txt" })).hover();
  await visit.page.getByText(visit.say("files.none-here")).waitFor();
  await toast.getByRole("button", { name: visit.say("shell.undo") }).click();
  await row(visit, "acta de maig.txt").waitFor();
  await deed(visit, "acta de maig.txt", "files.remove");
  await visit.page.getByText(visit.say("files.none-here")).waitFor();
  await visit.page.getByRole("link", { name: visit.say("files.tab-trash"), exact: true }).click();
  await row(visit, "acta de maig.txt").waitFor();
  await visit.check("the trash");
  await visit.shoot("files-trash");
  await visit.page.getByRole("button", { name: `${visit.say("files.restore")}: acta de maig.txt` }).click();
  await visit.page.getByText(visit.say("files.trash-empty")).waitFor();
  visit.throwProblems("deeds");
  await visit.end();
});

test("a link is opened by a stranger and kept on another box, until it is taken back", async () => {
  const visit = await signIn(browser, box);
  await visit.open("/files");
  await deed(visit, "Fotos", "files.share");
  const dialog = visit.page.getByRole("dialog");
  await dialog.getByText(visit.say("files.share-write"), { exact: true }).click();
  await visit.check("sharing");
  await visit.press("files.share-go");
  const link = (await dialog.locator("code").textContent()) ?? "";
  await visit.check("the link");
  await visit.shoot("files-share");
  const stranger = await Visit.begin(browser, box.url, { width: 360, language: "ca" });
  const { pathname, hash } = new URL(link);
  await stranger.open(pathname + hash);
  await stranger.page.locator("h1", { hasText: "Fotos" }).waitFor();
  await stranger.page.getByText(/fins a 8,4.MB per fitxer/).waitFor();
  await stranger.check("what a stranger sees");
  const saveAll = () => stranger.press("files.download-zip");
  const [zip] = await Promise.all([stranger.page.waitForEvent("download"), saveAll()]);
  assert.equal(await runOk(["unzip", "-p", await zip.path(), "Fotos/2026/notes.txt"]), "bon dia\nveïnes\n");
  await stranger.shoot("files-link");
  const gift = join(machineFolder("gifts", { "regal.txt": "per a tu\n" }), "regal.txt");
  await chooseFiles(stranger, () => stranger.press("files.upload"), [gift]);
  await stranger.page.getByRole("link", { name: "regal.txt", exact: true }).click();
  await stranger.page.getByRole("dialog").locator("pre").getByText("per a tu").waitFor();
  await stranger.page.keyboard.press("Escape");
  await stranger.page.getByRole("link", { name: "2026", exact: true }).click();
  await stranger.page.getByRole("link", { name: "notes.txt", exact: true }).waitFor();
  stranger.throwProblems("a stranger");

  const { code } = await box.cli<{ code: string }>(["invite", "--json"]);
  const other = await startBox({ name: "Ateneu", owner: "Bernat", join: code, until: atEnd });
  const friend = await signIn(browser, other);
  await friend.open("/files/shared");
  await friend.page.getByLabel(friend.say("files.link-paste"), { exact: true }).fill(link);
  await friend.press("files.link-add");
  await friend.page.getByRole("link", { name: "Fotos", exact: true }).click();
  await friend.page.getByRole("link", { name: "plaça.png", exact: true }).click();
  await friend.page.getByRole("dialog").getByAltText("plaça.png").waitFor();
  await friend.check("kept on another box");
  await friend.page.keyboard.press("Escape");

  await visit.page.keyboard.press("Escape");
  await visit.open("/files/shared");
  await visit.check("links that I gave");
  await visit.page.getByRole("button", { name: new RegExp(`^${visit.say("files.unshare")}`) }).click();
  await visit.press("files.unshare");
  await visit.page.getByText(visit.say("files.shares-none")).waitFor();
  stranger.allow(/status of (?:404|410)/);
  await stranger.page.reload();
  await stranger.page.getByText(stranger.say("files.link-gone")).waitFor();
  await stranger.check("a link that is gone");
  friend.allow(/status of (?:404|410)/);
  await friend.page.reload();
  await friend.page.getByText(friend.say("error.files-link-gone")).waitFor();
  visit.throwProblems("sharing");
  for (const one of [visit, stranger, friend]) await one.end();
});

test("a folder of a thousand files: sent, listed, walked through by keyboard", async () => {
  const files = Object.fromEntries(
    Array.from({ length: MANY }, (_, at) => [`f${String(at).padStart(4, "0")}.txt`, `file ${at}\n`]),
  );
  const folder = machineFolder("Mil", files);
  const visit = await signIn(browser, box);
  await visit.open("/files");
  const sinceMs = performance.now();
  await dropFiles(visit, [folder]);
  await uploaded(visit, MANY, 2 * STORED_MS);
  console.log(`${MANY} small files: ${((performance.now() - sinceMs) / 1000).toFixed(1)} s`);
  await visit.check("all are sent");
  await visit.press("files.up-clear");
  await visit.page.getByRole("link", { name: "Mil", exact: true }).click();
  await visit.page.getByText(visit.say("files.count", { count: MANY })).waitFor();
  assert.ok((await visit.page.locator(".files-row").count()) < 100, "only what is in view is drawn");
  await row(visit, "f0000.txt").locator("a").focus();
  await visit.page.keyboard.press("End");
  await visit.page.locator('.files-name:focus:has-text("f0999.txt")').waitFor();
  await visit.page.keyboard.press("Control+a");
  await visit.page.getByText(visit.say("files.chosen", { count: MANY })).waitFor();
  await visit.check("a thousand");
  await visit.shoot("files-thousand");
  visit.throwProblems("a thousand");
  await visit.end();
});

test("devices get a password that is shown once, and lose it; large text on a small screen", async () => {
  const visit = await signIn(browser, box, { width: 360, language: "ca" });
  await visit.open("/files/devices");
  await visit.page.getByText(visit.say("files.doors-closed")).waitFor();
  await visit.press("files.device-add");
  const dialog = visit.page.getByRole("dialog");
  await dialog.getByLabel(visit.say("files.device-name"), { exact: true }).fill("Portàtil");
  await visit.check("a device");
  await visit.press("files.device-go");
  await dialog.getByText(visit.say("files.device-once")).waitFor();
  await visit.check("the password");
  await visit.shoot("files-device");
  await visit.press("files.device-noted");
  await visit.page.getByRole("button", { name: `${visit.say("files.device-drop")}: Portàtil` }).click();
  await visit.press("files.device-drop");
  await visit.page.getByText(visit.say("files.devices-none")).waitFor();
  await visit.open("/files");
  const last = visit.page.locator(".files-row").last();
  await last.getByRole("button").last().click();
  const lowest = last.locator(".menu-list").getByText(visit.say("files.remove"), { exact: true });
  await eventually("the whole menu of the last row is in view", SEEN_MS, async () => {
    const [menu, bar] = [await lowest.boundingBox(), await visit.page.locator(".rail").boundingBox()];
    return menu !== null && bar !== null && menu.y + menu.height <= bar.y;
  });
  visit.throwProblems("devices");
  for (const path of ["/files", "/files/in/Fotos", "/files/space", "/files/devices", "/files/trash", "/files/shared"]) {
    const large = await signIn(browser, box, { width: 360, language: "ca", textPercent: 200 });
    await large.open(path);
    await large.check(`large text, ${path}`);
    await large.end();
  }
  await visit.end();
});

test("a file is dragged onto a folder, two are copied together, and a guest sees how the space is", async () => {
  const visit = await signIn(browser, box);
  await visit.open("/files");
  await row(visit, "film.bin").dragTo(row(visit, "Fotos"));
  await visit.page
    .locator(".toast")
    .getByText(visit.say("files.moved", { count: 1, name: "Fotos" }))
    .hover();
  await row(visit, "film.bin").waitFor({ state: "detached" });
  await visit.page
    .locator(".toast")
    .getByRole("button", { name: visit.say("shell.undo") })
    .click();
  await row(visit, "film.bin").waitFor();
  await row(visit, "film.bin").locator(".files-size").click();
  await row(visit, "altre.bin")
    .locator(".files-size")
    .click({ modifiers: ["Control"] });
  await visit.page.getByText(visit.say("files.chosen", { count: 2 })).waitFor();
  await visit.press("files.copy");
  await visit.press("files.copy-here", { name: visit.say("files.title") });
  await row(visit, "film (2).bin").waitFor();
  visit.throwProblems("dragging and copying");
  await visit.end();

  const { link } = await box.cli<{ link: string }>(["people", "invite", "--role", "guest", "--json"]);
  const { pathname, hash } = new URL(link);
  const guest = await Visit.begin(browser, box.url, { width: 360, language: "es" });
  await guest.open(pathname + hash);
  await guest.page.getByLabel(guest.say("welcome.owner"), { exact: true }).fill("Gil");
  await guest.page.getByLabel(guest.say("welcome.password"), { exact: true }).fill(PASSWORD);
  await guest.page.getByRole("button", { name: guest.say("accept.go") }).click();
  await guest.page.locator(".shell").waitFor();
  await guest.open("/files");
  await guest.page.getByText(guest.say("files.for-members"), { exact: true }).waitFor();
  assert.equal(await guest.page.getByRole("button", { name: guest.say("files.upload") }).count(), 0);
  await guest.check("a guest");
  await guest.shoot("files-guest");
  await guest.end();
});

/** What the box has of an upload that is not done; below 0 when it knows of none. */
async function sent(name: string): Promise<number> {
  const all = await box.api<{ path: string; receivedBytes: number; state: string }[]>("/files/uploads");
  return all.find(({ path, state }) => path === `/${name}` && state === "receiving")?.receivedBytes ?? -1;
}

/** Until the box has a piece; from then on next to nothing leaves the machine, so that the rest is still to come. */
async function someSent(visit: Visit, name: string): Promise<void> {
  await eventually("a piece is there", STORED_MS, async () => (await sent(name)) > 0);
  await slowUploads(visit, STANDSTILL_BYTES_PER_SECOND);
}

/** Where the first piece began that this visit sent. */
function sentAgainFrom(visit: Visit): number {
  const offsets = visit.requests.flatMap((url) => /\/files\/uploads\/.*offset=(\d+)/.exec(url)?.[1] ?? []);
  return Math.min(...offsets.map(Number));
}
