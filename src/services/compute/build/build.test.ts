/** Recipes of apps, and the life of a building: with a Debian that is made at once, or never. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isFailure } from "../../../kernel/errors.ts";
import { createLog } from "../../../kernel/log.ts";
import { virtualClock } from "../../../kernel/virtual-clock.ts";
import type { buildDebian } from "../../../platform/debian/build.ts";
import { debianErrors } from "../../../platform/debian/errors.ts";
import type { FilesClient } from "../../files/client.ts";
import { filesErrors } from "../../files/errors.ts";
import {
  APP_COMMANDS_MAX,
  APP_COMMAND_CHARS_MAX,
  APP_FILES_BYTES_MAX,
  APP_FILES_MAX,
  APP_FILE_CHARS_MAX,
  APP_PACKAGES_MAX,
} from "../constants.ts";
import type { Images } from "../images.ts";
import { Builder } from "./builder.ts";
import { loadApp, readApp } from "./recipe.ts";

async function code(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (!isFailure(error)) throw error;
    return [error.code, error.params["line"], error.params["reason"]].filter((one) => one !== undefined).join(" ");
  }
  return "done";
}

/** A member's files: text by path; a number is a file of so many bytes, of which none is given. */
function filesOf(all: Record<string, string | number>): Parameters<typeof loadApp>[0] {
  return {
    async read(path) {
      const found = all[path];
      if (found === undefined) throw filesErrors.fail("files-not-found", { params: { path } });
      const text = typeof found === "string" ? found : "";
      const bytes = typeof found === "string" ? Buffer.byteLength(found) : found;
      const content = (async function* () {
        yield Buffer.from(text);
      })();
      return { entry: { name: "", path, bytes } as never, content };
    },
  };
}

test("an app's recipe is data, and what is wrong has its line", async () => {
  const install = await readApp("titles: { en: x }\ninstall:\n  packages: [nano]\n");
  assert.deepEqual(install, { packages: ["nano"], files: [], commands: [] });
  assert.match(await code(readApp("titles: { en: x }\n")), /compute-bad-file 1 install/);
  assert.match(await code(readApp("install:\n  package: [nano]\n")), /compute-bad-file 2 install.package/);
  assert.match(await code(readApp("install:\n  packages:\n    - --force\n")), /compute-bad-file 3/);
  for (const path of ["etc/x", "/a/../b", "/a//b", "/a/", "//a", "/"]) {
    assert.match(await code(readApp(`install:\n  files:\n    - { path: ${path}, text: x }\n`)), /bad-file 3/, path);
  }
  for (const from of ["/etc/shadow", "../x", "a/../../x", ".."]) {
    assert.match(await code(readApp(`install:\n  files:\n    - { path: /x, from: ${from} }\n`)), /bad-file 3/, from);
  }
  assert.match(await code(readApp("install:\n  files:\n    - { path: /x }\n")), /either from or text/);
  assert.match(await code(readApp("install:\n  files:\n    - { path: /x, text: x, mode: 755 }\n")), /bad-file 3/);
});

test("limits of a recipe are reached and not passed", async () => {
  const text = (install: object) => JSON.stringify({ install });
  const many = <T>(count: number, one: (at: number) => T) => Array.from({ length: count }, (_, at) => one(at));
  const packages = (count: number) => text({ packages: many(count, (at) => `p${at}`) });
  assert.equal(await code(readApp(packages(APP_PACKAGES_MAX))), "done");
  assert.match(await code(readApp(packages(APP_PACKAGES_MAX + 1))), /bad-file/);
  const files = (count: number) => text({ files: many(count, (at) => ({ path: `/f${at}`, text: "" })) });
  assert.equal(await code(readApp(files(APP_FILES_MAX))), "done");
  assert.match(await code(readApp(files(APP_FILES_MAX + 1))), /bad-file/);
  const commands = (count: number) => text({ commands: many(count, () => "true") });
  assert.equal(await code(readApp(commands(APP_COMMANDS_MAX))), "done");
  assert.match(await code(readApp(commands(APP_COMMANDS_MAX + 1))), /bad-file/);
  const long = (length: number) => text({ commands: ["x".repeat(length)] });
  assert.equal(await code(readApp(long(APP_COMMAND_CHARS_MAX))), "done");
  assert.match(await code(readApp(long(APP_COMMAND_CHARS_MAX + 1))), /bad-file/);
  assert.match(await code(readApp(`#${"x".repeat(APP_FILE_CHARS_MAX)}`)), /too long/);
  const stop = new AbortController();
  const app = "install: { files: [{ path: /x, from: x }] }";
  const room = APP_FILES_BYTES_MAX - app.length;
  assert.equal(await code(loadApp(filesOf({ "/app/app.yaml": app, "/app/x": room }), "/app", stop.signal)), "done");
  const over = loadApp(filesOf({ "/app/app.yaml": app, "/app/x": room + 1 }), "app", stop.signal);
  assert.equal(await code(over), "compute-app-too-large");
  assert.equal(await code(loadApp(filesOf({ "/app/app.yaml": app }), "/app", stop.signal)), "compute-app-unknown");
  const found = await loadApp(filesOf({ "/a/app.yaml": app, "/a/x": "hello" }), "/a", stop.signal);
  assert.deepEqual(found.files, [{ path: "/x", mode: 0o644, content: Buffer.from("hello") }]);
});

type Build = typeof buildDebian;

async function builderWith(build: Build, taken: readonly string[] = []) {
  const base = await mkdtemp(join(tmpdir(), "comu-builder-"));
  const folder = join(base, "image-build");
  const published: unknown[] = [];
  const stored: string[] = [];
  const files = {
    files: () => ({
      async makeFolder() {
        throw filesErrors.fail("files-exists");
      },
      async write(path: string, content: AsyncIterable<Uint8Array>) {
        for await (const piece of content) stored.push(`${path} ${Buffer.from(piece).toString()}`);
      },
    }),
  } as unknown as FilesClient;
  const images = {
    checkNew(name: string) {
      if (taken.includes(name)) throw debianErrors.fail("debian-failed");
    },
    async publish(wish: unknown) {
      published.push(wish);
      return wish;
    },
  } as unknown as Images;
  const clock = virtualClock();
  const log = createLog({ clock, level: "error", write: () => {} });
  const builder = new Builder({ clock, log, folder, files, images, changed: () => {}, build });
  const recipe = { suite: "bookworm", packages: [], files: [], commands: [] };
  const begin = (name = "debian") => builder.begin({ account: "anna", name, recipe, architecture: "x86_64" });
  return { base, folder, published, stored, builder, begin };
}

test("a building: one at a time, stored, published by its hash, nothing left", async () => {
  const { base, folder, builder, begin, published, stored } = await builderWith(
    async (_recipe, options) => {
      options.progress("download", 20);
      const file = join(options.folder, "image.tar.gz");
      writeFileSync(file, "an image");
      return { file, bytes: 8 };
    },
    ["taken"],
  );
  assert.equal(await code(begin("taken")), "debian-failed");
  assert.equal(builder.now.state, "none");
  await begin();
  assert.match(await code(begin("other")), /compute-building/);
  await builder.wait();
  assert.deepEqual([builder.now.state, builder.now.percent, existsSync(folder)], ["done", 100, false]);
  assert.deepEqual(stored, ["/Images/debian.tar.gz an image"]);
  const [{ known }] = published as [{ known: { hash: string; bytes: number } }];
  assert.deepEqual([known.bytes, known.hash.length], [8, 64]);
  await rm(base, { recursive: true });
});

test("what fails, is ended or was killed leaves nothing and says why", async () => {
  const failing = await builderWith(async () => {
    throw debianErrors.fail("debian-package-bad", { params: { said: "x" }, cause: new Error("the last lines") });
  });
  await failing.begin();
  await failing.builder.wait();
  assert.deepEqual([failing.builder.now.state, failing.builder.now.log], ["failed", "the last lines"]);
  assert.equal(existsSync(failing.folder), false);

  const endless = await builderWith(
    (_recipe, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  );
  assert.equal(await code(endless.builder.cancel()), "compute-no-building");
  await endless.begin();
  await endless.builder.cancel();
  assert.deepEqual([endless.builder.now.state, existsSync(endless.folder)], ["cancelled", false]);

  const killed = await builderWith(async () => ({ file: "", bytes: 0 }));
  mkdirSync(join(killed.folder, "debian"), { recursive: true });
  writeFileSync(join(killed.folder, "building.json"), '{"name":"web","suite":"trixie","beganMs":5}');
  await killed.builder.start();
  const { state, name, failure } = killed.builder.now;
  assert.deepEqual([state, name, failure?.code], ["failed", "web", "compute-build-interrupted"]);
  assert.equal(existsSync(killed.folder), false);
  for (const { base } of [failing, endless, killed]) await rm(base, { recursive: true });
});
