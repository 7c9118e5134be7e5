/**
 * The browser of the tests sees what it should: each kind of problem is made on purpose once. Without this, a page
 * without problems would prove nothing.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { Visit, openBrowser, word } from "./browser.ts";

const GOOD = `<!doctype html><html lang="en"><head><title>Good</title><link rel="icon" href="data:,"></head>
  <body><main><h1>Good</h1><p>Room enough for everybody.</p></main></body></html>`;

const BAD: readonly (readonly [what: string, page: string, seen: RegExp])[] = [
  ["an error in the console", GOOD.replace("</main>", "<script>console.error('broken')</script></main>"), /broken/],
  ["an exception", GOOD.replace("</main>", "<script>nothing.here()</script></main>"), /nothing is not defined/],
  ["a request to elsewhere", GOOD.replace("<p>", "<img alt='' src='http://127.0.0.1:9/x.png'><p>"), /left the origin/],
  ["a missing file", GOOD.replace("<p>", "<img alt='' src='/gone.png'><p>"), /404/],
  ["what axe finds", GOOD.replace("<p>", "<p style='color: #ccc; background: #fff'>"), /axe color-contrast/],
  ["too wide", GOOD.replace("<p>", "<p style='width: 1400px'>"), /wider than the window by .*p\./],
];

test("problems of a page are seen, and a good page has none", async (t) => {
  const server = createServer((request, response) => {
    const index = Number(request.url?.slice(1));
    response.statusCode = request.url?.endsWith(".png") ? 404 : 200;
    response.setHeader("content-type", "text/html");
    response.end(BAD[index]?.[1] ?? GOOD);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => server.close());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const browser = await openBrowser({ owner: t });
  const visit = await Visit.begin(browser, origin, { width: 1000 });
  await visit.open("/good");
  await visit.check("a good page");
  assert.ok((visit.transferred.get(`${origin}/good`) ?? 0) > GOOD.length);
  for (const [index, [what, , seen]] of BAD.entries()) {
    await visit.open(`/${index}`);
    await assert.rejects(visit.check(what), seen, what);
  }
  visit.allow(/broken/);
  await visit.open("/0");
  await visit.check("an error that is allowed");
});

const PASSING = GOOD.replace(
  "</main>",
  `<button onclick="document.title = 'page'">Cancel</button>
  <dialog><button>Cancel</button></dialog>
  <script>
    const dialog = document.querySelector("dialog");
    dialog.showModal();
    dialog.querySelector("button").onclick = () => setTimeout(() => dialog.close(), 300);
  </script></main>`,
);

test("what is on top is pressed: a dialog, and the page as soon as the dialog is gone", async (t) => {
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(PASSING);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => server.close());
  const browser = await openBrowser({ owner: t });
  const visit = await Visit.begin(browser, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await visit.open("/");
  await visit.press("shell.cancel");
  assert.equal(await visit.page.title(), "Good", "the dialog's own button");
  await visit.page.evaluate("document.querySelector('dialog button').remove()");
  await visit.press("shell.cancel");
  assert.equal(await visit.page.title(), "page");
});

test("the reader's text size, colours and language reach the page", async (t) => {
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(GOOD);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => server.close());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const browser = await openBrowser({ owner: t });
  const visit = await Visit.begin(browser, origin, { width: 360, dark: true, language: "ca", textPercent: 200 });
  await visit.open("/");
  const seen = await visit.page.evaluate(
    `[getComputedStyle(document.documentElement).fontSize, innerWidth, navigator.language,
      matchMedia("(prefers-color-scheme: dark)").matches, matchMedia("(prefers-reduced-motion: reduce)").matches]`,
  );
  assert.deepEqual(seen, ["32px", 360, "ca", true, true]);
  assert.throws(() => word("en", "no.such-word"), /no word has the key/);
});
