/** The tree of files in a real instance, running and stopped: sizes, pieces, limits, links that lead nowhere. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createReadStream, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock } from "../../src/kernel/clock.ts";
import { isFailure } from "../../src/kernel/errors.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { SFTP_PIECE_BYTES, UNSIZED_FILE_BYTES_MAX } from "../../src/platform/engine/constants.ts";
import { openEngine } from "../../src/platform/engine/engine.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { needDebian } from "../support/debian.ts";
import { startLxd } from "../support/lxd.ts";
import { tinyImage } from "./images.ts";

const MIB = 2 ** 20;

await needDebian(["lxd", "dnsmasq-base", "nftables", "btrfs-progs"]);
const lxd = await startLxd({ poolMib: 512 });
after(() => lxd.stop());
const engine = openEngine({ clock: systemClock(), random: seededRandom(1), socket: lxd.socket });
const { tree, commands, instances } = engine;
const image = await engine.images.import(createReadStream(await tinyImage()));
const root = { type: "disk", path: "/", pool: "default", size: "64MiB" };
for (const name of ["runs", "stands"]) await instances.create({ name, image, profiles: [], devices: { root } });
await instances.start("runs");

async function code(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (isFailure(error)) return error.code;
    throw error;
  }
  return "done";
}

async function* once(...pieces: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

async function all(content: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces);
}

const read = async (name: string, path: string) => all((await tree.read(name, path)).content);

for (const name of ["runs", "stands"]) {
  test(`${name}: written in pieces, renamed into place, listed with its size, read, removed`, async () => {
    const bytes = randomBytes(3 * MIB + 17);
    const half = MIB + 5;
    assert.equal(await tree.write(name, "/srv/.part", 0, once(bytes.subarray(0, half))), half);
    // A piece that came twice changes nothing.
    await tree.write(name, "/srv/.part", 0, once(bytes.subarray(0, half)));
    await tree.write(name, "/srv/.part", half, once(bytes.subarray(half)));
    await tree.write(name, "/srv/file", 0, once(Buffer.from("before")));
    await tree.rename(name, "/srv/.part", "/srv/file");
    const { entries, isCut } = await tree.list(name, "/srv", 100);
    assert.equal(isCut, false);
    assert.deepEqual(
      entries.map((one) => [one.name, one.kind, one.bytes]),
      [["file", "file", bytes.length]],
    );
    assert.ok(Math.abs(entries[0]!.modifiedS - Date.now() / 1000) < 3600);
    const hash = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");
    assert.equal(hash(await read(name, "/srv/file")), hash(bytes));
    await tree.remove(name, "/srv/file");
    assert.equal(await code(tree.read(name, "/srv/file")), "engine-has-no");
    assert.equal(await code(tree.list(name, "/srv/none", 10)), "engine-has-no");
  });

  test(`${name}: links and dots lead nowhere outside`, async () => {
    const outside = join(temporaryFolder("outside"), "secret");
    writeFileSync(outside, "of the host");
    const lead = ["/srv/absolute", outside] as const;
    await lxd.lxc(["file", "push", outside, `${name}/srv/probe`]);
    await tree.remove(name, "/srv/probe");
    const words = { runs: ["sh", "-c", `ln -sf ${outside} ${lead[0]}; ln -sf ../../../../../..${outside} /srv/up`] };
    if (name === "runs") await commands.run(name, words.runs);
    else {
      // A stopped one gets its links while it runs.
      await instances.start(name);
      await commands.run(name, words.runs);
      await instances.stop(name, { graceMs: 0 });
    }
    for (const path of ["/srv/absolute", "/srv/up", outside, `/srv/../../../..${outside}`]) {
      assert.equal(await code(tree.read(name, path)), "engine-has-no", path);
    }
    // Writing through a link lands inside, or nowhere.
    await code(tree.write(name, "/srv/up", 0, once(Buffer.from("guest"))));
    assert.equal(await all(createReadStream(outside) as AsyncIterable<Buffer>).then(String), "of the host");
    const { entries } = await tree.list(name, "/srv", 10);
    assert.deepEqual(entries.map((one) => one.kind).toSorted(), ["link", "link"]);
  });
}

test("pipes, devices and folders are no files, and keep nobody waiting", async () => {
  await commands.run("runs", ["sh", "-c", "mkfifo /srv/pipe"]);
  for (const path of ["/srv/pipe", "/dev/zero", "/dev/null", "/srv"]) {
    assert.equal(await code(tree.read("runs", path)), "engine-bad-request", path);
    assert.equal(await code(tree.write("runs", path, 0, once(Buffer.from("x")))), "engine-bad-request", path);
  }
});

test("a file that does not say its size is read to its end, and no further than the limit", async () => {
  const { bytes, content } = await tree.read("runs", "/proc/1/status");
  assert.equal(bytes, undefined);
  assert.match(String(await all(content)), /^Name:/);
  const endless = await tree.read("runs", "/proc/kallsyms");
  assert.equal((await all(endless.content)).length, UNSIZED_FILE_BYTES_MAX);
});

test("a folder with more than is wanted is cut", async () => {
  await commands.run("runs", ["sh", "-c", "mkdir /tmp/many; cd /tmp/many; for i in $(seq 300); do : > f$i; done"]);
  const whole = await tree.list("runs", "/tmp/many", 300);
  assert.deepEqual([whole.entries.length, whole.isCut], [300, false]);
  const cut = await tree.list("runs", "/tmp/many", 299);
  assert.deepEqual([cut.entries.length, cut.isCut], [299, true]);
});

test("a full disk says so, and a reader that goes ends the reading", async () => {
  const much = async function* () {
    for (let at = 0; at < 100; at += 1) yield randomBytes(MIB);
  };
  assert.equal(await code(tree.write("runs", "/srv/full", 0, much())), "engine-full");
  await tree.remove("runs", "/srv/full");
  await tree.write("runs", "/srv/some", 0, once(randomBytes(20 * SFTP_PIECE_BYTES)));
  const { content } = await tree.read("runs", "/srv/some");
  for await (const _piece of content) break;
  assert.equal(content.destroyed, true);
  const stop = new AbortController();
  stop.abort(new Error("no longer wanted"));
  await assert.rejects(tree.list("runs", "/", 10, stop.signal), /no longer wanted/);
});
