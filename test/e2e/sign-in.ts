/** Signing in at a box by its page, as its owner or as somebody else. */
import type { Browser } from "playwright-core";
import type { Box } from "../support/box.ts";
import { Visit } from "../support/browser.ts";
import type { Look } from "../support/browser.ts";

export const PASSWORD = "bread in the morning";

/** A visit that is signed in and stands on Home. Without a name, as the owner of the box. */
export async function signIn(browser: Browser, box: Box, look: Look = {}, name?: string): Promise<Visit> {
  const owner = name ?? (await box.api<{ owner: string }>("/status")).owner;
  if (name === undefined) await setPassword(box, owner);
  const visit = await Visit.begin(browser, box.url, look);
  await visit.open("/sign-in");
  await fillIn(visit, owner, PASSWORD);
  await visit.page.locator(".shell").waitFor();
  await visit.quiet();
  return visit;
}

export async function fillIn(visit: Visit, name: string, password: string): Promise<void> {
  await visit.page.getByLabel(visit.say("sign-in.name"), { exact: true }).fill(name);
  await visit.page.getByLabel(visit.say("sign-in.password"), { exact: true }).fill(password);
  await visit.page.getByRole("button", { name: visit.say("sign-in.go"), exact: true }).click();
}

const known = new WeakSet<Box>();

/** Over the socket, where the caller is the host: once, since a new password ends the sessions. */
async function setPassword(box: Box, owner: string): Promise<void> {
  if (known.has(box)) return;
  await box.api(`/people/${encodeURIComponent(owner)}/password`, { method: "PUT", body: { password: PASSWORD } });
  known.add(box);
}
