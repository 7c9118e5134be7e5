/** What tests do on the page of files as a person does: drop, choose, press, and look at what was stored. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Locator } from "playwright-core";
import { temporaryFolder } from "../support/at-exit.ts";
import type { Visit } from "../support/browser.ts";

/** Bytes that repeat in no useful way, the same for the same seed. */
export function noise(bytes: number, seed: number): Buffer {
  const made = Buffer.alloc(bytes);
  let state = seed >>> 0 || 1;
  for (let at = 0; at + 4 <= bytes; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    made.writeUInt32LE(state, at);
  }
  return made;
}

/** A folder of the reader's machine with these files, which may lie in folders. */
export function machineFolder(name: string, files: Readonly<Record<string, string | Buffer>>): string {
  const folder = join(temporaryFolder("machine"), name);
  mkdirSync(folder);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

/** Drags files and folders of the machine over the page, and lets go. `over` is looked at in between. */
export async function dropFiles(visit: Visit, paths: readonly string[], over?: () => Promise<void>): Promise<void> {
  const session = await visit.context.newCDPSession(visit.page);
  const { width, height } = visit.page.viewportSize()!;
  const at = { x: width / 2, y: height / 2, data: { items: [], files: [...paths], dragOperationsMask: 1 } };
  for (const type of ["dragEnter", "dragOver"] as const) await session.send("Input.dispatchDragEvent", { type, ...at });
  await over?.();
  await session.send("Input.dispatchDragEvent", { type: "drop", ...at });
  await session.detach();
}

/** From now on so many bytes a second leave the reader's machine; 0: as fast as it goes. */
export async function slowUploads(visit: Visit, bytesPerSecond: number): Promise<void> {
  const session = await visit.context.newCDPSession(visit.page);
  await session.send("Network.enable");
  await session.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: bytesPerSecond || -1,
  });
}

/** Chooses files in the browser's own dialog, which `press` opens. */
export async function chooseFiles(visit: Visit, press: () => Promise<void>, paths: readonly string[]): Promise<void> {
  const [chooser] = await Promise.all([visit.page.waitForEvent("filechooser"), press()]);
  await chooser.setFiles([...paths]);
}

export function tray(visit: Visit): Locator {
  return visit.page.locator(".files-tray");
}

/** Until the tray says that so many files are done. */
export async function uploaded(visit: Visit, count: number, timeoutMs: number): Promise<void> {
  await tray(visit).getByText(visit.say("files.up-done", { count }), { exact: true }).waitFor({ timeout: timeoutMs });
}

export function row(visit: Visit, name: string): Locator {
  return visit.page
    .locator(".files-row")
    .filter({ has: visit.page.locator(".files-name").getByText(name, { exact: true }) });
}

/** Opens the menu of a row and chooses. */
export async function deed(visit: Visit, name: string, key: string): Promise<void> {
  await visit.page.getByRole("button", { name: visit.say("files.deeds", { name }), exact: true }).click();
  await row(visit, name).locator(".menu-list").getByText(visit.say(key), { exact: true }).click();
}

/** The hash of what `press` downloads. */
export async function downloadedHash(visit: Visit, press: () => Promise<void>): Promise<string> {
  const [download] = await Promise.all([visit.page.waitForEvent("download"), press()]);
  return hashOf(readFileSync(await download.path()));
}

export function hashOf(content: Buffer | string): string {
  return createHash("sha256").update(content).digest("hex");
}

/** A page of paper that says so, as small as it may be. */
export const PDF = `%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj
4 0 obj<</Length 44>>stream
BT /F1 24 Tf 50 100 Td (Hola PDF) Tj ET
endstream endobj
5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
trailer<</Root 1 0 R>>
`;

/** Silence of so many seconds, one byte a sample (WAVE, PCM). */
export function silence(seconds: number, rate = 8_000): Buffer {
  const length = rate * seconds;
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + length, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate, 28);
  head.writeUInt16LE(1, 32);
  head.writeUInt16LE(8, 34);
  head.write("data", 36);
  head.writeUInt32LE(length, 40);
  return Buffer.concat([head, Buffer.alloc(length, 128)]);
}
