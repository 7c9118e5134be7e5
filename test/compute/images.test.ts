/**
 * Images made on a box: a Debian by debootstrap with an app's recipe, published, and a sliver made of it; one at a
 * time, ended by hand, by a killed daemon, by a recipe that is wrong. Nothing is left of what did not end well.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../src/kernel/clock.ts";
import { isFailure } from "../../src/kernel/errors.ts";
import { buildDebian } from "../../src/platform/debian/build.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { CommandRefused, startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { needDebian } from "../support/debian.ts";
import { startLxd } from "../support/lxd.ts";
import { eventually, run } from "../support/process.ts";

const SEEN_TIMEOUT_MS = 60_000;
/** On a busy machine; alone it takes a minute. */
const BUILT_TIMEOUT_MS = 900_000;

interface Building {
  state: string;
  stage: string;
  percent: number;
  image: { name: string; hash: string; bytes: number } | null;
  error: { code: string; message: string; advice: string } | null;
  log: string;
}

const APP = `titles: { en: "A page" }
install:
  packages: [busybox-static]
  files:
    - { path: /srv/www/index.html, from: pages/index.html }
    - path: /etc/systemd/system/page.service
      text: |
        [Service]
        ExecStart=/bin/busybox httpd -f -p 8080 -h /srv/www
        [Install]
        WantedBy=multi-user.target
    - { path: /bin/hello, text: "#!/bin/sh\\necho hello\\n", mode: "755" }
  commands:
    - systemctl enable page
    - if mount -t tmpfs none /mnt; then exit 1; fi
    - if echo x > /proc/sys/kernel/core_pattern; then exit 1; fi
    - ls -A /proc/1/root > /etc/seen || true
`;

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof CommandRefused) return error.code;
    throw error;
  }
  return "done";
}

const status = (box: Box) => box.api<Building>("/compute/image-build");
const left = (box: Box) => existsSync(join(box.data, "image-build"));

/** Whatever was started for the building: its processes have the folder in their words. */
async function processesOf(box: Box): Promise<string[]> {
  const { stdout } = await run(["ps", "-eo", "args"]);
  return stdout.split("\n").filter((line) => line.includes(join(box.data, "image-build")));
}

async function until(box: Box, what: string, isSo: (now: Building) => boolean): Promise<Building> {
  await eventually(what, BUILT_TIMEOUT_MS, async () => {
    const now = await status(box);
    if (!isSo(now) && now.state === "failed") throw new Error(JSON.stringify(now));
    return isSo(now);
  });
  return status(box);
}

test("a Debian is made on a box, with an app in it, and runs in a sliver", async (t) => {
  await needDebian(["debian-archive-keyring", "debootstrap", "util-linux"]);
  const lxd = await startLxd({ owner: t, poolMib: 1536 });
  const box = await startBox({
    ...{ name: "Forn", owner: "Anna", newCommunity: "Barri" },
    ...{ env: { LXD_DIR: lxd.folder }, until: t },
  });
  const begin = (body: object) => box.api<Building>("/compute/image-build", { method: "POST", body });
  const here = temporaryFolder("app");
  mkdirSync(join(here, "page", "pages"), { recursive: true });
  writeFileSync(join(here, "page", "app.yaml"), APP);
  writeFileSync(join(here, "page", "pages", "index.html"), "a page of the app\n");
  mkdirSync(join(here, "broken"));
  writeFileSync(join(here, "broken", "app.yaml"), "install:\n  files:\n    - { path: /a/../b, text: x }\n");

  // Without a storage server there is nowhere to put an image: that is said before the long work.
  assert.equal((await box.ask("/api/v1/compute/image-build", { method: "POST", body: {} })).status, 503);
  assert.equal((await status(box)).state, "none");
  await box.cli(["files", "give", "1GiB", "--json"]);
  await eventually("a storage server", SEEN_TIMEOUT_MS, async () => {
    const { grid } = await box.api<{ grid: { reachable: number } }>("/files/status");
    return grid.reachable === 1;
  });
  await box.cli(["files", "put", join(here, "page"), join(here, "broken"), "/", "--json"]);

  await t.test("wishes that cannot be are refused at once", async () => {
    const build = (...words: string[]) => refusal(box.cli(["compute", "images", "build", ...words]));
    assert.equal(await build("debian", "--app", "/none"), "compute-app-unknown");
    assert.equal(await build("debian", "--app", "/broken"), "compute-bad-file");
    assert.equal(await build("debian", "--suite", "Bookworm!"), "bad-input");
    assert.equal(await build("debian", "--packages", "nano,--force-yes"), "bad-input");
    assert.equal(await build("windows"), "bad-input");
    assert.equal(await refusal(box.cli(["compute", "images", "cancel"])), "compute-no-building");
    assert.equal(left(box), false);
  });

  await t.test("a release that is none is told by the mirror", async () => {
    assert.equal(await refusal(box.cli(["compute", "images", "build", "--suite", "nosuchrelease"])), "debian-failed");
  });

  await t.test("one at a time; cancelled, nothing is left", async () => {
    assert.equal((await begin({ wait: false })).state, "running");
    assert.equal(await refusal(box.cli(["compute", "images", "build"])), "compute-building");
    await until(box, "packages come", ({ stage, percent }) => stage === "unpack" || percent > 5);
    assert.notDeepEqual(await processesOf(box), []);
    await box.cli(["compute", "images", "cancel", "--json"]);
    assert.equal((await status(box)).state, "cancelled");
    assert.deepEqual(await processesOf(box), []);
    assert.equal(left(box), false);
  });

  await t.test("a killed daemon takes its building with it", async () => {
    await begin({ wait: false, name: "killed" });
    await until(box, "files are unpacked", ({ stage }) => stage === "unpack" || stage === "configure");
    await box.kill();
    await eventually("its processes are gone", SEEN_TIMEOUT_MS, async () => (await processesOf(box)).length === 0);
    assert.ok(readdirSync(join(box.data, "image-build")).length > 0);
    await box.restart();
    const { state, error } = await status(box);
    assert.deepEqual([state, error?.code], ["failed", "compute-build-interrupted"]);
    assert.equal(left(box), false);
  });

  await t.test("with an app: stages, a file, a record, a sliver that does what the app says", async () => {
    const stages = new Set<string>();
    let percent = 0;
    await begin({ wait: false, name: "page", app: "/page", packages: "netcat-openbsd" });
    const done = await until(box, "it is made", (now) => {
      assert.ok(now.percent >= percent);
      ({ percent } = now);
      stages.add(now.stage);
      return now.state === "done";
    });
    assert.equal(done.percent, 100);
    for (const stage of ["download", "configure", "packages"]) assert.ok(stages.has(stage), [...stages].join(" "));
    assert.equal(left(box), false);
    t.diagnostic(`${(done.image!.bytes / 1e6).toFixed(1)} MB`);
    const images = await box.cli<{ name: string; hash: string }[]>(["compute", "images", "ls", "--json"]);
    assert.deepEqual(
      images.map(({ name, hash }) => [name, hash]),
      [["page", done.image!.hash]],
    );
    const lend = ["--cores", "4", "--memory", "1GiB", "--disk", "2GiB", "--to", "community", "--json"];
    await box.cli(["compute", "lend", ...lend]);
    // A whole Debian takes longer to unpack than a command waits for.
    writeFileSync(join(here, "web.yaml"), "name: web\nimage: page\nmemory: 256MiB\ndisk: 800MiB\n");
    await box.cli(["slice", "apply", join(here, "web.yaml"), "--json"]);
    await eventually("it runs", BUILT_TIMEOUT_MS, async () => {
      const { running } = await box.cli<{ running: number }>(["compute", "show", "web", "--json"]);
      return running === 1;
    });
    const exec = async (command: string) =>
      (await box.cli<{ stdout: string }>(["compute", "exec", "web", command, "--json"])).stdout.trim();
    assert.equal(await exec("hello"), "hello");
    // The new system was the whole world of the commands: nothing of this machine is in what they saw.
    assert.doesNotMatch(await exec("cat /etc/seen"), /work|image-build/);
    assert.equal(
      await exec("ls /.build /.host 2>/dev/null; ls /etc/ssh/*key 2>/dev/null; cat /etc/machine-id | wc -l"),
      "1",
    );
    await eventually("its page is served", SEEN_TIMEOUT_MS, async () => {
      const page = await exec("printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -q 2 127.0.0.1 8080");
      return page.includes("a page of the app");
    });
    await box.cli(["compute", "delete", "web", "--yes"]);
  });
});

test("one that would be larger than allowed is given up, and leaves no process", async () => {
  const folder = temporaryFolder("large");
  const recipe = { suite: "bookworm", packages: [], files: [], commands: [] };
  const rest = { architecture: "x86_64", clock: systemClock(), env: process.env, progress: () => {} };
  const { signal } = new AbortController();
  const built = buildDebian(recipe, { folder, ...rest, signal, limits: { sizeMib: 30 } });
  await assert.rejects(built, (error) => isFailure(error, "debian-too-large"));
});
