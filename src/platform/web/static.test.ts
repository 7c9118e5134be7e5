/** The pages: types, compression, the shell for its own paths, nothing outside the folder, what is held in memory. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createStatic, UI_BYTES_MAX } from "./static.ts";

const folder = mkdtempSync(join(tmpdir(), "comu-static-"));
after(() => rmSync(folder, { recursive: true }));
const root = join(folder, "ui");
mkdirSync(join(root, "assets"), { recursive: true });
writeFileSync(join(folder, "secret.txt"), "secret");
writeFileSync(join(root, "index.html"), "<html>");
writeFileSync(join(root, "assets", "main-1a2b.js"), "plain");
writeFileSync(join(root, "assets", "main-1a2b.js.br"), "brotli");
writeFileSync(join(root, "assets", "main-1a2b.js.gz"), "gzip");
writeFileSync(join(root, "notes.bak"), "not for the web");

const text = async (answer: Response | undefined) =>
  answer ? `${answer.headers.get("content-encoding") ?? "-"} ${await answer.text()}` : undefined;

test("files with their type; built assets may be kept for ever, the page not", async () => {
  const files = createStatic(root);
  const page = files("/", "")!;
  assert.deepEqual(
    [page.headers.get("content-type"), page.headers.get("cache-control")],
    ["text/html; charset=utf-8", "no-cache"],
  );
  const script = files("/assets/main-1a2b.js", "")!;
  assert.equal(script.headers.get("content-type"), "text/javascript; charset=utf-8");
  assert.match(script.headers.get("cache-control")!, /immutable/);
});

test("every answer carries the headers that protect the page", () => {
  const files = createStatic(root);
  for (const path of ["/", "/boxes", "/assets/main-1a2b.js"]) {
    const { headers } = files(path, "br")!;
    assert.match(headers.get("content-security-policy")!, /script-src 'self';.*frame-ancestors 'none'/);
    assert.doesNotMatch(headers.get("content-security-policy")!, /unsafe/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("x-frame-options"), "DENY");
    assert.equal(headers.get("referrer-policy"), "no-referrer");
    assert.equal(headers.get("vary"), "accept-encoding");
  }
});

test("brotli before gzip before plain, by what the browser takes and what was built", async () => {
  const files = createStatic(root);
  const script = (accept: string) => text(files("/assets/main-1a2b.js", accept));
  assert.equal(await script("gzip, deflate, br, zstd"), "br brotli");
  assert.equal(await script("gzip"), "gzip gzip");
  assert.equal(await script("identity"), "- plain");
  assert.equal(await text(files("/", "br, gzip")), "- <html>");
});

test("the shell's own paths get the page; files that are missing, and kinds that are not served, do not", async () => {
  const files = createStatic(root);
  for (const path of ["/boxes", "/services/abc-def", "/assets", "/assets/", "//boxes"])
    assert.equal(await text(files(path, "")), "- <html>", path);
  for (const path of ["/assets/gone.js", "/favicon.ico", "/notes.bak", "/index.html.br", "/.env", "/a.b/"]) {
    const answer = files(path, "");
    assert.ok(answer === undefined || (await answer.text()) === "<html>", path);
  }
  assert.equal(files("/assets/gone.js", ""), undefined);
  assert.equal(files("/notes.bak", ""), undefined);
  assert.equal(files("/assets/main-1a2b.js.br", ""), undefined);
});

test("no path leads out of the folder", async () => {
  const files = createStatic(root);
  const paths = [
    "/../secret.txt",
    "/assets/../../secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e/secret.txt",
    "/..\\secret.txt",
    "/\0../secret.txt",
    `/${folder}/secret.txt`,
    "/./secret.txt",
  ];
  for (const path of paths) {
    assert.equal(files(path, ""), undefined, path);
  }
});

test("without a built page there are no pages", () => {
  const files = createStatic(join(folder, "nowhere"));
  assert.equal(files("/", ""), undefined);
  assert.equal(files("/index.html", ""), undefined);
});

test("no more than UI_BYTES_MAX is held in memory; the rest is read each time", async () => {
  const large = join(folder, "large");
  mkdirSync(large);
  const half = Math.floor(UI_BYTES_MAX * 0.6);
  for (const name of ["a.js", "b.js"]) writeFileSync(join(large, name), new Uint8Array(half).fill(97));
  writeFileSync(join(large, "small.js"), "small");
  const files = createStatic(large);
  for (const path of ["/a.js", "/b.js", "/small.js"]) files(path, "");
  for (const name of ["a.js", "b.js", "small.js"]) writeFileSync(join(large, name), "changed");
  const lengths = await Promise.all(
    ["/a.js", "/b.js", "/small.js"].map(async (path) => (await files(path, "")!.text()).length),
  );
  assert.deepEqual(lengths, [half, "changed".length, "small".length]);
});
