/**
 * The page Mesh: who answers and how far it is, measuring, showing and changing the key, and what happens elsewhere
 * seen without a reload.
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

const SEEN_MS = 30_000;

interface Key {
  epoch: number;
  fingerprint: string;
  key?: string;
}

let browser: Browser;
let first: Box;
let second: Box;

before(async () => {
  browser = await openBrowser({ owner: atEnd });
  first = await startFirst(atEnd);
  const { code } = await first.cli<{ code: string }>(["invite", "--json"]);
  second = await startBox({ name: "Ateneu", owner: "Bernat", join: code, until: atEnd });
  await eventually("a distance is known", SEEN_MS, async () => {
    const members = await first.api<{ rttMs: number | null }[]>("/mesh/members");
    return members.length === 2 && members.every(({ rttMs }) => rttMs !== null);
  });
});

test("a member's drawer measures the round trip", async () => {
  const visit = await signIn(browser, first, { width: 360, language: "ca" });
  await visit.open("/mesh");
  await visit.page.getByRole("link", { name: "Ateneu", exact: true }).click();
  const drawer = visit.page.getByRole("dialog");
  await drawer.getByRole("button", { name: visit.say("mesh.measure"), exact: true }).click();
  const [before_] = visit.say("mesh.measured", { measured: "|", estimate: "|" }).split("|");
  await drawer.getByRole("status").getByText(before_!.trim()).waitFor({ timeout: SEEN_MS });
  await visit.check("the drawer, measured");
  await visit.shoot("mesh-measured");
  visit.throwProblems("measuring");
  await visit.end();
});

test("the keys are shown after a warning, and changed after a question", async () => {
  const visit = await signIn(browser, first);
  await visit.open("/mesh/keys");
  const [old] = await first.cli<Key[]>(["mesh", "keyring", "--reveal", "--json"]);
  await visit.page.getByText(old!.fingerprint).waitFor();
  assert.equal(await visit.page.getByText(old!.key!).count(), 0, "not before it is asked for");
  const dialog = visit.page.getByRole("dialog");
  const press = async (key: "mesh.key-show" | "mesh.key-change") => {
    const name = visit.say(key);
    await visit.page.getByRole("button", { name, exact: true }).click();
    await dialog.getByRole("button", { name, exact: true }).click();
  };
  await press("mesh.key-show");
  await visit.page.getByText(old!.key!).waitFor();
  await visit.check("keys shown");
  await press("mesh.key-change");
  await visit.page.getByText(visit.say("mesh.key-title", { epoch: 2 })).waitFor({ timeout: SEEN_MS });
  await visit.page.getByText(visit.say("mesh.key-holding", { holding: 2, count: 2 })).waitFor({ timeout: SEEN_MS });
  visit.throwProblems("keys");
  // The browser itself notes the refusal, so no problems are asked for afterwards.
  await press("mesh.key-change");
  await dialog.getByText(visit.say("error.key-change-running")).waitFor();
  await visit.end();
});

test("what happens elsewhere stands in the log without a reload, and kinds can be chosen", async () => {
  const visit = await signIn(browser, first);
  await visit.open("/mesh/events");
  const failed = visit.page.getByText(visit.say("mesh.event-failed", { name: "Ateneu" }));
  // A busy machine may have made it miss a probe before.
  const before_ = await failed.count();
  await second.kill();
  await eventually("its failure is in the log", SEEN_MS, async () => (await failed.count()) > before_);
  const joined = visit.page.getByText(visit.say("mesh.event-join", { name: "Ateneu", address: "" }).slice(0, 12));
  await joined.first().waitFor();
  await visit.page.getByLabel(visit.say("mesh.events-kind"), { exact: true }).selectOption("failed");
  await joined.first().waitFor({ state: "detached" });
  await failed.first().waitFor();
  await visit.page.getByLabel(visit.say("mesh.events-kind"), { exact: true }).selectOption("pardon");
  await visit.page.getByText(visit.say("mesh.events-none-kind")).waitFor();
  await visit.check("nothing of a kind");
  visit.throwProblems("events");
  await visit.end();
});
