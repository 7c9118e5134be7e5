/**
 * Adding a service is adding a folder: a copy of the project gets src/services/radio and its place in the list, and
 * nothing else. Then the command line, the API, its description, the announcements and the pages have it, the types
 * hold, and the rules of the house are kept.
 */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { before, test } from "node:test";
import { chromium } from "playwright-core";
import { houseRules } from "../tidy/house.ts";
import { importRules } from "../tidy/imports.ts";
import { completenessRules } from "../tidy/completeness.ts";
import { readTree } from "../tidy/tree.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { needDebian } from "../support/debian.ts";
import { eventually, freePort, run, runOk, start } from "../support/process.ts";
import { RADIO_FILES, RADIO_PORT, withRadio } from "./radio.ts";

const root = resolve(import.meta.dirname, "../..");
const copy = temporaryFolder("sample-service");
const data = temporaryFolder("sample-box");
const program = [process.execPath, join(copy, "dist/comu.mjs")];
const PASSWORD = "correct horse battery";
const BUILD_TIMEOUT_MS = 120_000;
const SEEN_TIMEOUT_MS = 30_000;

let url = "";
let port = 0;

/** A command of the copy for its box. */
async function comu(...words: string[]): Promise<unknown> {
  const text = await runOk([...program, ...words, "--json", "--data", data]);
  return JSON.parse(text) as unknown;
}

before(async () => {
  await needDebian(["chromium"]);
  for (const name of ["src", "ui", "packaging", "package.json", "comu"]) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  for (const name of ["tsconfig.base.json", "tsconfig.json", "tsconfig.ui.json"])
    cpSync(join(root, name), join(copy, name));
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  for (const [name, text] of Object.entries(RADIO_FILES)) {
    const path = join(copy, "src/services/radio", name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  const list = join(copy, "src/services/index.ts");
  writeFileSync(list, withRadio(readFileSync(list, "utf8")));
});

test("the types hold with it", async () => {
  for (const project of ["tsconfig.json", "tsconfig.ui.json"]) {
    const tsc = [process.execPath, join(root, "node_modules/.bin/tsc"), "-p", join(copy, project)];
    const { code, stdout } = await run(tsc, { cwd: copy, timeoutMs: BUILD_TIMEOUT_MS });
    assert.equal(code, 0, stdout);
  }
});

test("it keeps the rules of the house", () => {
  const tree = readTree(copy);
  const found = [...houseRules, ...importRules, ...completenessRules].flatMap((rule) => rule.find(tree));
  assert.deepEqual(
    found.filter((line) => /services\/radio|radio\//.test(line)),
    [],
  );
});

test("it is built, and a box starts with it", async (t) => {
  await runOk([process.execPath, "packaging/build.ts"], { cwd: copy, timeoutMs: BUILD_TIMEOUT_MS });
  port = await freePort();
  url = `http://127.0.0.1:${port}`;
  writeFileSync(join(copy, "password"), `${PASSWORD}\n`, { mode: 0o600 });
  const who = [
    "--name",
    "Forn",
    "--owner",
    "Anna",
    "--password-file",
    join(copy, "password"),
    "--new-community",
    "Barri",
  ];
  const where = [
    "--data",
    data,
    "--port",
    String(port),
    "--mesh-port",
    String(await freePort()),
    "--bind",
    "127.0.0.1",
  ];
  const box = start([...program, "up", "--json", ...who, ...where], { name: "box", env: { COMU_PROFILE: "test" } });
  await box.waitForLine(/^\{"url":.*"setUp":true/, SEEN_TIMEOUT_MS);
  const parts = (await comu("parts")) as { name: string; state: string }[];
  assert.equal(parts.find((part) => part.name === "radio")?.state, "running");
  t.diagnostic(`box at ${url}`);
});

test("the command line has it", async () => {
  assert.deepEqual(await comu("radio", "ls"), []);
  assert.deepEqual(await comu("radio", "add", "Ràdio del barri"), { name: "Ràdio del barri", by: null });
  assert.deepEqual(await comu("radio", "ls"), [{ name: "Ràdio del barri", by: null }]);
  assert.match(await runOk([...program, "radio", "--help"]), /ls.*The stations that are known here/);
});

test("the API and its description have it", async () => {
  const described = (await (await fetch(`${url}/api/v1/openapi.json`)).json()) as { paths: Record<string, object> };
  assert.deepEqual(Object.keys(described.paths["/radio/stations"] ?? {}).toSorted(), ["get", "post"]);
  assert.equal((await fetch(`${url}/api/v1/radio/stations`)).status, 401);
  const signedIn = await fetch(`${url}/api/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "Anna", password: PASSWORD }),
  });
  const { csrf } = (await signedIn.json()) as { csrf: string };
  const cookie = signedIn.headers.getSetCookie()[0]!.split(";")[0]!;
  const headers = { cookie, "content-type": "application/json", "x-comu-csrf": csrf, "x-comu-language": "ca" };
  const add = (name: string) =>
    fetch(`${url}/api/v1/radio/stations`, { method: "POST", headers, body: JSON.stringify({ name }) });
  assert.deepEqual(await (await add("Ràdio de la plaça")).json(), { name: "Ràdio de la plaça", by: "Anna" });
  await add("Ràdio del mercat");
  const full = await add("Una més");
  assert.equal(full.status, 507);
  const { error } = (await full.json()) as { error: { code: string; message: string } };
  assert.deepEqual([error.code, error.message], ["stations-full", "Ja hi ha 3 emissores."]);
});

test("the community sees it announced", async () => {
  interface Seen {
    title: string;
    type: string;
    port: number;
    state: string;
  }
  const seen = await eventually("the radio is in the list of services", SEEN_TIMEOUT_MS, async () => {
    return ((await comu("services", "ls")) as Seen[]).find((one) => one.title === "Sample radio");
  });
  assert.deepEqual([seen.type, seen.port, seen.state], ["_icecast._tcp", RADIO_PORT, "up"]);
});

test("the pages have it", async () => {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage({ locale: "en-GB" });
    await page.goto(`${url}/radio`);
    await page.locator('input[autocomplete="username"]').fill("Anna");
    await page.locator('input[autocomplete="current-password"]').fill(PASSWORD);
    await page.keyboard.press("Enter");
    await page.locator('nav a[href="/radio"]').first().waitFor();
    await page.locator("ul.stations li").first().waitFor();
    assert.equal(await page.locator("main h1").textContent(), "Radio");
    assert.deepEqual(await page.locator("ul.stations li").allTextContents(), [
      "Ràdio del barri",
      "Ràdio de la plaça",
      "Ràdio del mercat",
    ]);
  } finally {
    await browser.close();
  }
});
