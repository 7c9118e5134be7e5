/**
 * The page of the key-value store: a box takes part by its page, keys are put, listed, changed and removed there, with
 * others at them at the same time; and the ring of three boxes.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Browser } from "playwright-core";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { openBrowser } from "../support/browser.ts";
import { eventually } from "../support/process.ts";
import { atEnd } from "./at-end.ts";
import { startFirst } from "./quarter.ts";
import { signIn } from "./sign-in.ts";

const ON_MS = 30_000;
const SEEN_MS = 30_000;
const RING_MS = 120_000;

interface Ring {
  state: string;
  copies: number;
  slots: { copying: number };
}

let browser: Browser;
let first: Box;

before(async () => {
  browser = await openBrowser({ owner: atEnd });
  first = await startFirst(atEnd);
});

test("a box alone takes part by its page", async () => {
  const visit = await signIn(browser, first, { width: 360, language: "ca" });
  await visit.open("/kv/keys");
  await visit.page.getByText(visit.say("kv.list-off")).waitFor();
  await visit.check("keys while off");
  await visit.page.getByRole("link", { name: visit.say("kv.list-off-go") }).click();
  await visit.page.getByText(visit.say("kv.means-trust")).waitFor();
  await visit.check("off");
  await visit.shoot("kv-off");
  await visit.page.getByLabel(visit.say("kv.quota"), { exact: true }).selectOption("256 MiB");
  await visit.press("kv.take-part");
  await visit.page.getByText(visit.say("kv.survives-alone")).waitFor({ timeout: ON_MS });
  await visit.check("alone");
  await visit.shoot("kv-alone");
  await visit.end();
});

test("a key is put, listed, changed, and removed and brought back", async () => {
  const visit = await signIn(browser, first);
  await visit.open("/kv/keys");
  await visit.page.getByText(visit.say("kv.none-text")).waitFor();
  await visit.page
    .getByRole("button", { name: visit.say("kv.put"), exact: true })
    .first()
    .click();
  const dialog = visit.page.getByRole("dialog");
  await dialog.getByLabel(visit.say("kv.key"), { exact: true }).fill("radio/volum.json");
  await dialog.getByLabel(visit.say("kv.value"), { exact: true }).fill("11");
  await visit.check("the form");
  await visit.press("kv.put-go");
  await visit.page.getByRole("link", { name: "radio/volum.json", exact: true }).click();
  await dialog.locator("pre").getByText("11", { exact: true }).waitFor();
  await visit.check("the key");
  await visit.page.reload();
  await dialog.locator("pre").getByText("11", { exact: true }).waitFor();
  await visit.press("kv.delete");
  const toast = visit.page.locator(".toast");
  // A message with a way back stays while the pointer is on it.
  await toast.getByText(visit.say("kv.deleted", { key: "radio/volum.json" })).hover();
  await visit.page.getByText(visit.say("kv.none-text")).waitFor();
  await toast.getByRole("button", { name: visit.say("shell.undo") }).click();
  await visit.page.getByRole("link", { name: "radio/volum.json", exact: true }).waitFor();
  assert.equal(await valueOf("radio/volum.json"), "11");
  visit.throwProblems("putting and removing");
  await visit.end();
});

test("what others do is seen, and not written over unawares", async () => {
  const visit = await signIn(browser, first);
  await visit.open("/kv/keys");
  await visit.page.getByText(visit.say("kv.live")).waitFor({ timeout: SEEN_MS });
  await put("llista:compra", "pa");
  await visit.page.getByRole("link", { name: "llista:compra", exact: true }).click({ timeout: SEEN_MS });
  const dialog = visit.page.getByRole("dialog");
  await dialog.locator("pre").getByText("pa", { exact: true }).waitFor();
  await put("llista:compra", "pa i vi");
  await dialog.locator("pre").getByText("pa i vi", { exact: true }).waitFor({ timeout: SEEN_MS });
  await visit.press("kv.edit");
  await put("llista:compra", "oli");
  await dialog.getByLabel(visit.say("kv.value"), { exact: true }).fill("pa, vi i formatge");
  visit.throwProblems("before the conflict");
  // The browser itself notes the refusal.
  visit.allow(/412/);
  await visit.press("shell.save");
  await dialog.getByText(visit.say("kv.conflict")).waitFor();
  await dialog.locator("pre").getByText("oli", { exact: true }).waitFor();
  assert.equal(await valueOf("llista:compra"), "oli", "theirs stands until the reader says otherwise");
  await visit.check("a conflict");
  await visit.shoot("kv-conflict");
  await visit.press("kv.conflict-over");
  await dialog.locator("pre").getByText("pa, vi i formatge", { exact: true }).waitFor();
  assert.equal(await valueOf("llista:compra"), "pa, vi i formatge");
  visit.throwProblems("writing over");
  await visit.end();
});

test("a box alone leaves by its page, and finds its values again when it comes back", async () => {
  const visit = await signIn(browser, first, { language: "es" });
  await visit.open("/kv");
  await visit.press("kv.leave");
  await visit.page.getByRole("dialog").getByText(visit.say("kv.leave-alone")).waitFor();
  await visit.check("the question");
  await visit.press("kv.leave");
  await visit.page.getByText(visit.say("kv.means-trust")).waitFor({ timeout: ON_MS });
  await visit.press("kv.take-part");
  await visit.page.getByText(visit.say("kv.survives-alone")).waitFor({ timeout: ON_MS });
  assert.equal(await valueOf("radio/volum.json"), "11");
  visit.throwProblems("leaving");
  await visit.end();
});

test("three boxes: the ring, and what it survives", async () => {
  const others: Box[] = [];
  for (const [name, owner] of [
    ["Ateneu", "Bernat"],
    ["Taller", "Carme"],
  ] as const) {
    const { code } = await first.cli<{ code: string }>(["invite", "--json"]);
    const box = await startBox({ name, owner, join: code, until: atEnd });
    await box.api("/kv/take-part", { method: "POST", body: {} });
    others.push(box);
  }
  await eventually("three copies", RING_MS, async () => {
    const { copies, slots } = await first.api<Ring>("/kv/status");
    return copies === 3 && slots.copying === 0;
  });
  const visit = await signIn(browser, first, { dark: true });
  await visit.open("/kv");
  await visit.page.getByText(visit.say("kv.survives-three")).waitFor({ timeout: SEEN_MS });
  await visit.page.getByRole("img", { name: visit.say("kv.ring-label", { count: 3, up: 3 }) }).waitFor();
  assert.equal(await visit.page.locator(".kv-members > li").count(), 3);
  await visit.check("three boxes");
  await visit.shoot("kv-three");
  visit.throwProblems("the ring");
  await visit.end();
  const large = await signIn(browser, first, { width: 360, language: "ca", textPercent: 200 });
  for (const path of ["/kv", "/kv/keys", `/kv/key/${Buffer.from("llista:compra").toString("base64url")}`]) {
    await large.open(path);
    await large.check(`large text, ${path}`);
  }
  await large.end();

  await Promise.all(others.map((box) => box.kill()));
  const stuck = await signIn(browser, first, { width: 360, language: "ca" });
  await stuck.open("/kv");
  await stuck.press("kv.leave");
  await stuck.page.getByRole("dialog").getByText(stuck.say("kv.leave-others")).waitFor();
  await stuck.press("kv.leave");
  await stuck.page.getByText(stuck.say("kv.survives-leaving")).waitFor({ timeout: ON_MS });
  await stuck.check("leaving");
  await stuck.shoot("kv-leaving");
  await stuck.press("kv.stay");
  await stuck.page.getByText(stuck.say("kv.survives-stopped")).waitFor({ timeout: ON_MS });
  await stuck.end();
});

async function put(key: string, value: string): Promise<void> {
  await first.api("/kv/entry", { method: "POST", body: { key, value } });
}

async function valueOf(key: string): Promise<string> {
  return (await first.api<{ value: string }>(`/kv/entry?key=${encodeURIComponent(key)}`)).value;
}
