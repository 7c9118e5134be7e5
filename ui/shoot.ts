/**
 * Pictures of every page, for people to look at before they call a page done: wide, 360 px, dark, Catalan, empty and
 * full, into screenshots/. On each page axe-core looks for what somebody could stumble over, and no request may leave
 * the origin. At the end: how long a key press takes in a list of 5,000, and how heavy the first page is.
 *
 *   node ui/shoot.ts [--only SUBSTRING] [--url http://a-running-box:7000 --owner NAME --password-file FILE]
 */
import { mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import axe from "axe-core";
import { type Browser, type Page, chromium } from "playwright-core";
import { build } from "vite";
import { serve } from "./dev/server.ts";
import type { Size } from "./dev/world.ts";
import { wordFiles } from "./virtual.ts";

const root = resolve(import.meta.dirname, "..");
const OUT = join(root, "screenshots");
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
const SETTLE_MS = 350;
const PICTURE_HEIGHT_MAX = 4_000;

interface Look {
  name: string;
  width: number;
  dark?: boolean;
  language: string;
  size: Size;
  textPercent?: number;
}

const LOOKS: readonly Look[] = [
  { name: "wide", width: 1280, language: "en", size: "small" },
  { name: "narrow", width: 360, language: "ca", size: "small" },
  { name: "dark", width: 1280, dark: true, language: "ca", size: "full" },
  { name: "empty", width: 1280, language: "es", size: "empty" },
  { name: "full-narrow", width: 360, dark: true, language: "es", size: "full" },
  { name: "text-200", width: 360, language: "ca", size: "small", textPercent: 200 },
];

interface Scene {
  name: string;
  path: string;
  role?: string;
  size?: Size;
  /** What to press before the picture, by its accessible name in any language. */
  press?: RegExp;
}

const SCENES: readonly Scene[] = [
  { name: "welcome", path: "/", role: "public", size: "new" },
  { name: "sign-in", path: "/sign-in", role: "public" },
  { name: "accept", path: "/accept#abc", role: "public" },
  { name: "public", path: "/", role: "public" },
  { name: "home", path: "/" },
  { name: "services", path: "/services" },
  { name: "services-own", path: "/services/own" },
  { name: "services-heard", path: "/services/heard" },
  { name: "service", path: "/services/first" },
  { name: "publish", path: "/services", press: /^(?:Publish|Publica|Publicar)$/ },
  { name: "boxes", path: "/boxes" },
  { name: "box-details", path: "/boxes/second" },
  { name: "invitations", path: "/boxes/invitations" },
  { name: "invite", path: "/boxes", press: /^(?:Invite a box|Convida una caixa|Invitar una caja)$/ },
  { name: "community", path: "/boxes/community" },
  { name: "mesh", path: "/mesh" },
  { name: "mesh-member", path: "/mesh/member/portatil-de-la-rosa" },
  { name: "mesh-keys", path: "/mesh/keys" },
  { name: "mesh-key-show", path: "/mesh/keys", press: /^(?:Show the keys|Mostra les claus|Mostrar las claves)$/ },
  { name: "mesh-events", path: "/mesh/events" },
  { name: "kv", path: "/kv" },
  { name: "kv-off", path: "/kv", size: "empty" },
  { name: "kv-keys", path: "/kv/keys" },
  { name: "kv-key", path: "/kv/key/cmFkaW86dm9sdW0" },
  { name: "kv-key-bytes", path: "/kv/key/AP_-gA" },
  { name: "kv-put", path: "/kv/keys", size: "small", press: /^(?:Put a key|Posa una clau|Poner una clave)$/ },
  { name: "kv-edit", path: "/kv/key/bm9tcy9iaWJsaW90ZWNh", size: "small", press: /^(?:Change|Canvia|Cambiar)$/ },
  { name: "kv-leave", path: "/kv", size: "small", press: /^(?:Leave the store|Deixa el magatzem|Dejar el almacén)$/ },
  { name: "files", path: "/files" },
  { name: "files-folder", path: "/files/in/Fotos" },
  { name: "files-picture", path: "/files/view/Pla%C3%A7a%2C%20de%20bon%20mat%C3%AD%2Epng" },
  { name: "files-weak", path: "/files/view/Festa%20major%2Emp4" },
  { name: "files-new-folder", path: "/files", press: /^(?:New folder|Carpeta nova|Carpeta nueva)$/ },
  { name: "files-menu", path: "/files", size: "small", press: /^(?:More|Més|Más) .*Fotos$/ },
  { name: "files-shared", path: "/files/shared" },
  { name: "files-trash", path: "/files/trash" },
  { name: "files-devices", path: "/files/devices" },
  { name: "files-device", path: "/files/devices", press: /^(?:Add a device|Afegeix un aparell|Añadir un aparato)$/ },
  { name: "files-space", path: "/files/space" },
  {
    name: "files-recover",
    path: "/files/space",
    press: /^(?:I have the words|Tinc les paraules|Tengo las palabras) /,
  },
  {
    name: "files-recovery-make",
    path: "/files/space",
    size: "empty",
    press: /^(?:Make a recovery phrase|Fes una frase de recuperació|Hacer una frase de recuperación)$/,
  },
  { name: "files-guest", path: "/files", role: "guest" },
  { name: "files-link", path: "/shared#k7f3m2xqk7f3m2xq-abc", role: "public" },
  { name: "files-link-gone", path: "/shared", role: "public" },
  { name: "compute", path: "/compute" },
  { name: "compute-launch", path: "/compute", press: /^(?:New slice|Slice nou|Slice nuevo)$/ },
  { name: "compute-delete", path: "/compute", size: "small", press: /^(?:Delete|Esborra|Borrar) web$/ },
  { name: "compute-lend", path: "/compute/lend" },
  { name: "compute-images", path: "/compute/images" },
  { name: "compute-sliver", path: "/compute/slivers/web/0" },
  { name: "compute-sliver-files", path: "/compute/slivers/web/0/files" },
  { name: "compute-sliver-snapshots", path: "/compute/slivers/web/0/snapshots" },
  { name: "compute-sliver-ports", path: "/compute/slivers/web/0/ports" },
  { name: "this-box", path: "/box" },
  { name: "health", path: "/box/health", press: /^(?:Look now|Mira-ho ara|Mirar ahora)$/ },
  { name: "parts", path: "/box/parts" },
  { name: "settings", path: "/box/settings" },
  { name: "log", path: "/box/log" },
  { name: "people", path: "/people" },
  { name: "me", path: "/people/me" },
  { name: "help", path: "/help" },
  { name: "lost", path: "/nowhere" },
  { name: "search", path: "/", press: /^(?:Search|Cerca|Buscar)$/ },
  { name: "gallery", path: "/gallery" },
];

const { values: flags } = parseArgs({
  options: {
    only: { type: "string" },
    look: { type: "string" },
    url: { type: "string" },
    owner: { type: "string" },
    "password-file": { type: "string" },
  },
});

async function open(browser: Browser, look: Look, origin: string): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: look.width, height: look.width < 500 ? 720 : 800 },
    colorScheme: look.dark ? "dark" : "light",
    reducedMotion: "reduce",
    locale: look.language,
  });
  const page = await context.newPage();
  page.on("request", (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith("data:"))
      problems.push(`a request left the origin: ${request.url()}`);
  });
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`${look.name} ${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`${look.name} ${page.url()}: ${error.stack ?? error.message}`));
  return page;
}

const problems: string[] = [];
/** Of all words. */
const KEYS = new Set(
  wordFiles("en").flatMap((file) => Object.keys(JSON.parse(readFileSync(file, "utf8")) as Record<string, string>)),
);

interface AxeResult {
  violations: { id: string; help: string; nodes: { target: string[]; any: { message: string }[] }[] }[];
}

/** Scripts for the page are text here: this program is checked with Node's types, not the browser's. */
const IN_PAGE = {
  axe: `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"] })`,
  tooWide: "document.documentElement.scrollWidth - document.documentElement.clientWidth",
  lines: `document.body.innerText.split("\\n").map((line) => line.trim())`,
  height: "document.documentElement.scrollHeight",
  textSize: (percent: number) => `document.documentElement.style.fontSize = "${percent}%"`,
  /** Types into the filter and waits for the paint, letter by letter. */
  typing: `(async () => {
    const field = document.querySelector(".filters input");
    const measured = [];
    for (const text of ["r", "ra", "rad", "radi", "radio", "radio s", "radio sa", ""]) {
      const beforeMs = performance.now();
      field.value = text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      measured.push(Math.round(performance.now() - beforeMs));
    }
    return measured;
  })()`,
};

async function inspect(page: Page, where: string): Promise<void> {
  // Given over the debugging protocol, which the page's content security policy does not concern.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResult>(IN_PAGE.axe);
  for (const { id, help, nodes } of violations) {
    const places = nodes.slice(0, 3).map((node) => `${node.target.join(" ")} (${node.any[0]?.message ?? ""})`);
    problems.push(`axe, ${where}: ${id}: ${help}: ${places.join("; ")}`);
  }
  const lines = await page.evaluate<string[]>(IN_PAGE.lines);
  for (const line of new Set(lines)) if (KEYS.has(line)) problems.push(`${where}: a word without its text: ${line}`);
  const wide = await page.evaluate<number>(IN_PAGE.tooWide);
  if (wide > 0) problems.push(`${where}: ${wide} px wider than the window`);
}

async function shoot(page: Page, look: Look, scene: Scene, origin: string): Promise<void> {
  await page.goto(origin + scene.path, { waitUntil: "load" });
  if (look.textPercent) await page.evaluate(IN_PAGE.textSize(look.textPercent));
  await page.locator("h1").first().waitFor();
  await page.waitForTimeout(SETTLE_MS);
  if (scene.press) {
    const button = page.getByRole("button", { name: scene.press }).first();
    await button.click();
    await page.waitForTimeout(SETTLE_MS);
    const make = page.getByRole("button", { name: /^(?:Make the code|Crea el codi|Crear el código)$/ });
    if (await make.count()) {
      await make.click();
      await page.waitForTimeout(SETTLE_MS);
    }
  }
  await inspect(page, `${look.name}/${scene.name}`);
  // A bar that is fixed to the window would stand in the middle of a long picture.
  if (look.size !== "full" && !(await page.locator("dialog[open]").count())) {
    const height = await page.evaluate<number>(IN_PAGE.height);
    await page.setViewportSize({ width: look.width, height: Math.min(Math.max(height, 720), PICTURE_HEIGHT_MAX) });
    await page.waitForTimeout(SETTLE_MS / 3);
  }
  await page.screenshot({ path: join(OUT, `${look.name}-${scene.name}.png`) });
}

/** Milliseconds from a key press to the painted list, for each letter of a word, with 5,000 services. */
async function timeFilter(browser: Browser, folder: string): Promise<void> {
  const { url, server } = await serve(folder, "full", "host");
  const page = await open(browser, LOOKS[0]!, url);
  await page.goto(`${url}/services`);
  await page.locator(".service").first().waitFor();
  const times = await page.evaluate<number[]>(IN_PAGE.typing);
  console.log(`a key press over 5,000 services, until painted: ${times.join(", ")} ms (most ${Math.max(...times)} ms)`);
  await page.context().close();
  server.close();
}

/** Bytes of the first page as they travel, compressed. */
async function weigh(browser: Browser, folder: string, role: string): Promise<void> {
  const { url, server } = await serve(folder, "small", role);
  const page = await open(browser, LOOKS[0]!, url);
  const files: string[] = [];
  page.on("response", (response) => files.push(new URL(response.url()).pathname));
  await page.goto(url, { waitUntil: "networkidle" }).catch(() => undefined);
  await page.locator("h1").first().waitFor();
  const sizes = files
    .filter((file) => !file.startsWith("/api/"))
    .map((file) => {
      const name = file === "/" ? "index.html" : file.slice(1);
      const names = readdirSync(join(folder, name, ".."));
      const base = name.split("/").at(-1) ?? "";
      const gz = names.includes(`${base}.gz`) ? `${name}.gz` : name;
      return readFileSync(join(folder, gz)).length;
    });
  const total = sizes.reduce((sum, size) => sum + size, 0);
  console.log(`first page for a ${role}: ${sizes.length} files, ${(total / 1000).toFixed(1)} kB gzip`);
  await page.context().close();
  server.close();
}

/** A real box: signs in and takes the same pictures. */
async function shootBox(browser: Browser, url: string): Promise<void> {
  for (const look of LOOKS.filter((one) => one.size !== "empty")) {
    const page = await open(browser, look, url);
    await page.goto(`${url}/sign-in`);
    await page.locator("input[autocomplete=username]").fill(flags.owner ?? "");
    await page
      .locator("input[autocomplete=current-password]")
      .fill(readFileSync(flags["password-file"] ?? "", "utf8").trim());
    await page.keyboard.press("Enter");
    await page.locator(".shell").waitFor();
    for (const scene of SCENES) {
      if (scene.role || scene.path.endsWith("first") || scene.path.endsWith("second") || scene.name === "gallery")
        continue;
      if (!flags.only || scene.name.includes(flags.only)) await shoot(page, look, scene, url);
    }
    await page.context().close();
  }
}

async function shootCanned(browser: Browser, folder: string): Promise<void> {
  const { makeWorld } = await import("./dev/world.ts");
  for (const look of LOOKS.filter((one) => !flags.look || one.name === flags.look)) {
    const world = makeWorld(look.size);
    for (const scene of SCENES) {
      if (flags.only && !scene.name.includes(flags.only)) continue;
      const service = world.services[0];
      const box = world.boxes[6] ?? world.boxes[0];
      if (scene.path.endsWith("first") && !service) continue;
      const path = scene.path.replace("first", encodeURIComponent(service?.id ?? "")).replace("second", box?.id ?? "");
      const { url, server } = await serve(folder, scene.size ?? look.size, scene.role ?? "host");
      const page = await open(browser, look, url);
      await shoot(page, look, { ...scene, path }, url).catch((error: unknown) =>
        problems.push(`${look.name}/${scene.name}: ${String(error)}`),
      );
      await page.context().close();
      server.closeAllConnections();
      server.close();
    }
    console.log(`${look.name}: done`);
  }
}

mkdirSync(OUT, { recursive: true });
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
try {
  if (flags.url) await shootBox(browser, flags.url);
  else {
    const folder = join(OUT, ".built");
    await build({ configFile: join(root, "ui/vite.config.ts"), mode: "gallery", logLevel: "warn" });
    await shootCanned(browser, folder);
    if (!flags.only) {
      await timeFilter(browser, folder);
      for (const role of ["public", "host"]) await weigh(browser, folder, role);
    }
  }
} finally {
  await browser.close();
}
for (const problem of new Set(problems)) console.log(`PROBLEM ${problem}`);
console.log(problems.length === 0 ? "no problem found" : `${new Set(problems).size} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
