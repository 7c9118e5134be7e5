/**
 * What goes wrong with images, disks and files of wishes, on a real box with a real engine: an image that was changed
 * on its way or is none, a pool that is full, YAML that is meant to hurt. Each is refused with a reason, leaves
 * nothing, and what follows works.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { machine } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { before, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { systemClock } from "../../src/kernel/clock.ts";
import { isFailure } from "../../src/kernel/errors.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { openEngine } from "../../src/platform/engine/engine.ts";
import { idRanges } from "../../src/platform/engine/id-ranges.ts";
import { HOST_SLIVERS_MAX } from "../../src/protocols/compute/constants.ts";
import { containerEngine } from "../../src/services/compute/host/container-engine.ts";
import { tinyImage } from "../engine/images.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { CommandRefused, startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { startLxd } from "../support/lxd.ts";
import type { Lxd } from "../support/lxd.ts";
import { eventually } from "../support/process.ts";
import { atEnd } from "../e2e/at-end.ts";

const SEEN_TIMEOUT_MS = 60_000;
const MADE_TIMEOUT_MS = 120_000;
const MIB = 2 ** 20;
const POOL_MIB = 160;

interface Slice {
  running: number;
  slivers: { state: string; trouble: string | null }[];
}

let lxd: Lxd;
let box: Box;
let image: string;
const here = temporaryFolder("faults");

before(async () => {
  image = await tinyImage();
  lxd = await startLxd({ owner: atEnd, poolMib: POOL_MIB });
  box = await startBox({
    ...{ name: "Forn", owner: "Anna", newCommunity: "Barri" },
    ...{ env: { LXD_DIR: lxd.folder }, until: atEnd },
  });
  await box.cli(["files", "give", "1GiB", "--json"]);
  await eventually("a storage server", SEEN_TIMEOUT_MS, async () => {
    const { grid } = await box.api<{ grid: { reachable: number } }>("/files/status");
    return grid.reachable === 1;
  });
  const lend = ["--cores", "4", "--memory", "1GiB", "--disk", "640MiB", "--to", "community", "--json"];
  await box.cli(["compute", "lend", ...lend]);
});

/** The code, and what was said. */
async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof CommandRefused) return error.message;
    throw error;
  }
  return "done";
}

/** Answers before the slivers are made. */
const apply = async (text: string) => {
  const file = join(here, "slice.yaml");
  writeFileSync(file, text);
  return refusal(box.cli(["slice", "apply", file]));
};
const show = (name: string) => box.cli<Slice>(["compute", "show", name, "--json"]);

async function nothingIsLeft(): Promise<void> {
  await eventually("nothing is left", MADE_TIMEOUT_MS, async () => {
    const csv = await lxd.lxc(["list", "--all-projects", "--format", "csv", "--columns", "n"]);
    return csv.trim() === "" && (await box.cli<unknown[]>(["compute", "lent", "--json"])).length === 0;
  });
}

const sharesOf = (data: string) =>
  readdirSync(join(data, "files", "storage", "shares"), { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name));

test("an image whose bytes were changed on their way is not taken, and the next try is", async () => {
  const engine = openEngine({ clock: systemClock(), random: seededRandom(1), socket: lxd.socket });
  await engine.projects.create({ name: "faults", config: { "features.images": "true", "features.profiles": "true" } });
  const good = readFileSync(image);
  let given: Buffer = good;
  const open = () => ({
    hash: "",
    bytes: given.length,
    name: "",
    box: "",
    arch: "",
    cap: "",
    account: "",
    content: Readable.from([given]),
  });
  const host = containerEngine({
    ...{ engine, project: "faults", unpackedBytesMax: () => 64 * MIB },
    images: { open } as never,
    nics: { deviceOf: async () => undefined, nicOf: async () => undefined, attached: async () => {} },
  });
  const stop = new AbortController();
  const hash = spawnSync("sha256sum", [image]).stdout.toString().slice(0, 64);
  const fetch = async () => {
    try {
      await host.fetchImage(hash, stop.signal);
      return "done";
    } catch (error) {
      if (!isFailure(error, "image-bad")) throw error;
      return String(error.params["said"]);
    }
  };
  for (const at of [20, good.length >> 1, good.length - 3]) {
    given = Buffer.from(good);
    given[at]! ^= 1;
    assert.notEqual(await fetch(), "done");
    assert.equal(await host.hasImage(hash, stop.signal), false);
  }
  // A whole image, of the same files, which is not the one that was meant.
  given = gzipSync(gunzipSync(good), { level: 1 });
  assert.match(await fetch(), /SHA-256/);
  given = good.subarray(0, -1);
  assert.notEqual(await fetch(), "done");
  assert.deepEqual(await host.inside.images.list(), []);
  given = good;
  assert.equal(await fetch(), "done");
  assert.equal(await host.hasImage(hash, stop.signal), true);
});

test("shares that were damaged where they lie: told, nothing imported; mended, the same slice runs", async () => {
  const before = new Set(sharesOf(box.data));
  await box.cli(["files", "put", image, "/tiny.tar.gz", "--json"]);
  await box.cli(["compute", "images", "add", "tiny", "/tiny.tar.gz", "--json"]);
  const shares = sharesOf(box.data).filter((file) => !before.has(file));
  assert.ok(shares.length >= 3, `${shares.length} shares`);
  const flip = () => {
    for (const file of shares) {
      const bytes = readFileSync(file);
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(file, bytes);
    }
  };
  flip();
  await apply("name: web\nimage: tiny\nmemory: 64MiB\ndisk: 64MiB\n");
  await eventually("it is told", MADE_TIMEOUT_MS, async () => {
    const { slivers } = await show("web");
    return slivers[0]?.trouble === "files-damaged" || slivers[0]?.trouble === "files-unreachable";
  });
  const projects = (await lxd.lxc(["project", "list", "--format", "csv"])).split("\n");
  const own = projects.map((line) => line.split(",")[0]!).find((name) => name.startsWith("comu-"));
  assert.equal((await lxd.lxc(["image", "list", "--project", own!, "--format", "csv"])).trim(), "");
  flip();
  await eventually("it runs", MADE_TIMEOUT_MS, async () => (await show("web")).running === 1);
  assert.equal((await show("web")).slivers[0]?.trouble, null);
  await box.cli(["compute", "delete", "web", "--yes"]);
  await nothingIsLeft();
});

test("what is no image is refused where it is published, with the reason", async () => {
  const folder = join(here, "image");
  mkdirSync(join(folder, "rootfs", "etc"), { recursive: true });
  mkdirSync(join(folder, "templates"));
  writeFileSync(join(folder, "metadata.yaml"), "architecture: x86_64\n");
  writeFileSync(join(folder, "templates", "x.tpl"), "x");
  const pack = (name: string, ...words: string[]) => {
    const file = join(here, `${name}.tar.gz`);
    const { status, stderr } = spawnSync("tar", ["-C", folder, "-czf", file, ...words]);
    assert.equal(status, 0, stderr.toString());
    return file;
  };
  const files: [string, string, RegExp][] = [];
  const add = (name: string, file: string, said: RegExp) => files.push([name, file, said]);
  add("slip", pack("slip", "--transform", "s,^rootfs/etc,../../../etc,", "metadata.yaml", "rootfs"), /leads out/);
  add("bare", pack("bare", "rootfs"), /no metadata/);
  add("rootless", pack("rootless", "metadata.yaml"), /no rootfs/);
  writeFileSync(join(here, "words.tar.gz"), "these are words\n".repeat(100));
  add("words", join(here, "words.tar.gz"), /no tarball/);
  writeFileSync(join(here, "cut.tar.gz"), readFileSync(image).subarray(0, -1000));
  add("cut", join(here, "cut.tar.gz"), /cannot be unpacked/);
  symlinkSync("/etc", join(folder, "rootfs", "far"));
  const template = 'templates: { "/far/cron.d/x": { when: [create], template: x.tpl } }\n';
  writeFileSync(join(folder, "metadata.yaml"), `architecture: x86_64\n${template}`);
  add("template", pack("template", "metadata.yaml", "templates", "rootfs"), /through a link/);
  for (const [name, file, said] of files) {
    await box.cli(["files", "put", file, `/${name}.tar.gz`, "--json"]);
    const answer = await refusal(box.cli(["compute", "images", "add", name, `/${name}.tar.gz`]));
    assert.match(answer, /compute-image-bad/, name);
    assert.match(answer, said, name);
  }
  const names = (await box.cli<{ name: string }[]>(["compute", "images", "ls", "--json"])).map(({ name }) => name);
  assert.deepEqual(names, ["tiny"]);
});

test("an image for other processors is told apart before anything is asked for or made", async () => {
  const other = machine() === "aarch64" ? "x86_64" : "aarch64";
  const folder = join(here, "other");
  mkdirSync(join(folder, "rootfs"), { recursive: true });
  writeFileSync(join(folder, "metadata.yaml"), `architecture: ${other}\n`);
  const file = join(here, "other.tar.gz");
  spawnSync("tar", ["-C", folder, "-czf", file, "metadata.yaml", "rootfs"]);
  await box.cli(["files", "put", file, "/other.tar.gz", "--json"]);
  const add = (...words: string[]) => box.cli<{ arch: string }>(["compute", "images", "add", "other", ...words]);
  assert.match(
    await refusal(add("/other.tar.gz", "--arch", machine())),
    new RegExp(`compute-image-bad.*${other}`, "s"),
  );
  assert.equal((await add("/other.tar.gz", "--json")).arch, other);
  const offers = ["compute", "offers", "--image", "other", "--memory", "64MiB", "--disk", "64MiB", "--json"];
  const told = (await box.cli<{ fits: number; why: string }[]>(offers)).map(({ fits, why }) => [fits, why]);
  assert.deepEqual(told, [[0, "other-architecture"]]);
  const launched = await refusal(box.cli(["compute", "launch", "far", "other"]));
  assert.match(launched, new RegExp(`compute-image-arch.*${other}.*${machine()}`, "s"));
  assert.match(await apply("name: far\nimage: other\n"), /compute-image-arch/);
  assert.deepEqual(await box.cli(["compute", "ls", "--json"]), []);
  await box.cli(["compute", "images", "rm", "other", "--json"]);
});

test("no more slivers are promised than the engine has ids for, and it says so", async () => {
  const limit = await idRanges();
  assert.ok(
    limit !== undefined && limit < HOST_SLIVERS_MAX,
    `Debian's package of LXD gives root ids for 151: ${limit}`,
  );
  const lend = (slivers: number) => refusal(box.cli(["compute", "lend", "--slivers", String(slivers)]));
  assert.match(await lend(HOST_SLIVERS_MAX), new RegExp(`compute-too-few-ids.*${limit}`, "s"));
  assert.equal(await lend(limit), "done");
  const set = (lendSlivers: number) =>
    box.api("/settings", { method: "PATCH", body: { values: { compute: { lendSlivers } } } });
  await set(HOST_SLIVERS_MAX);
  const { lending } = await box.api<{ lending: { slivers: number } }>("/compute/status");
  assert.equal(lending.slivers, limit);
  await set(16);
});

test("a small file that would unpack to more than the host lends is not taken by it", async () => {
  const folder = join(here, "bomb");
  mkdirSync(join(folder, "rootfs"), { recursive: true });
  writeFileSync(join(folder, "metadata.yaml"), "architecture: x86_64\n");
  writeFileSync(join(folder, "rootfs", "zeros"), Buffer.alloc(700 * MIB));
  const file = join(here, "bomb.tar.gz");
  spawnSync("tar", ["-C", folder, "-czf", file, "metadata.yaml", "rootfs"]);
  assert.ok(readFileSync(file).length < 2 * MIB);
  await box.cli(["files", "put", file, "/bomb.tar.gz", "--json"]);
  await box.cli(["compute", "images", "add", "bomb", "/bomb.tar.gz", "--json"]);
  await apply("name: boom\nimage: bomb\nmemory: 64MiB\ndisk: 64MiB\n");
  await eventually("it is told", MADE_TIMEOUT_MS, async () => (await show("boom")).slivers[0]?.trouble === "image-bad");
  const shown = await box.cli<string>(["compute", "show", "boom"]);
  assert.match(shown, /image-bad/);
  await box.cli(["compute", "delete", "boom", "--yes"]);
  await nothingIsLeft();
});

test("a pool that is full: told, no orphan, the books agree; with room it is made", async () => {
  const wish = (name: string) => apply(`name: ${name}\nimage: tiny\nmemory: 64MiB\ndisk: 200MiB\n`);
  await wish("eater");
  await eventually("it runs", MADE_TIMEOUT_MS, async () => (await show("eater")).running === 1);
  const exec = (command: string) => box.cli(["compute", "exec", "eater", command, "--json"]);
  await exec("dd if=/dev/urandom of=/fill bs=1M count=400; dd if=/dev/urandom of=/fill2 bs=4k; true");
  await wish("second");
  await eventually(
    "it is told",
    MADE_TIMEOUT_MS,
    async () => (await show("second")).slivers[0]?.trouble === "engine-full",
  );
  const instances = async () =>
    (await lxd.lxc(["list", "--all-projects", "--format", "csv", "--columns", "n"])).trim().split("\n").filter(Boolean);
  const lent = (await box.cli<{ sliver: string }[]>(["compute", "lent", "--json"])).map(({ sliver }) => sliver);
  assert.equal(lent.length, 2);
  // An instance is one that the books have, or none.
  for (const name of await instances()) assert.ok(lent.includes(name.replace("sliver-", "")), name);
  await exec("rm -f /fill /fill2; sync");
  await eventually("it runs", MADE_TIMEOUT_MS, async () => (await show("second")).running === 1);
  for (const name of ["eater", "second"]) await box.cli(["compute", "delete", name, "--yes"]);
  await nothingIsLeft();
});

test("YAML that is wrong, or meant to hurt, is refused with its line", async () => {
  const good = "name: web\nimage: tiny\n";
  const laughs = [
    "a: &a [x,x,x,x,x,x,x,x,x]",
    ...["b", "c", "d", "e", "f", "g", "h"].map((key, at) => {
      const before = "abcdefgh"[at]!;
      return `${key}: &${key} [${Array.from({ length: 9 }, () => `*${before}`).join(",")}]`;
    }),
  ].join("\n");
  assert.match(await apply(`${good}${laughs}\n`), /compute-bad-file/);
  assert.match(await apply(`${good}slivers: many\n`), /Line 3/);
  assert.match(await apply(`${good}apart: [zone]\n`), /Line 3/);
  assert.match(await apply(`${good}\nmemroy: 1GiB\n`), /Line 4.*memroy/s);
  assert.match(await apply(`${good}name: again\n`), /Line 3/);
  assert.match(await apply(`${good}stopped: !!js/function "x"\n`), /Line 3/);
  assert.match(await apply(`${good}#${"x".repeat(MIB)}\n`), /too-large/);
  assert.deepEqual(await box.cli(["compute", "ls", "--json"]), []);
});
