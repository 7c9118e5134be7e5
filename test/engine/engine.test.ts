/** Each thing that the client can do, done with a real engine. */
import assert from "node:assert/strict";
import { createReadStream, statSync } from "node:fs";
import { Readable } from "node:stream";
import { after, test } from "node:test";
import { systemClock } from "../../src/kernel/clock.ts";
import { isFailure } from "../../src/kernel/errors.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { RUN_OUTPUT_BYTES_MAX } from "../../src/platform/engine/constants.ts";
import { openEngine } from "../../src/platform/engine/engine.ts";
import type { EngineEvent } from "../../src/platform/engine/events.ts";
import { limitConfig } from "../../src/platform/engine/instances.ts";
import { BRIDGE, startLxd } from "../support/lxd.ts";
import { needDebian } from "../support/debian.ts";
import { eventually } from "../support/process.ts";
import { tinyImage } from "./images.ts";

const MIB = 2 ** 20;
/** Whatever is only waited for. */
const SEEN_MS = 60_000;
const BIG_BYTES = 20 * MIB;

await needDebian(["lxd", "dnsmasq-base", "nftables", "btrfs-progs"]);
const lxd = await startLxd();
after(() => lxd.stop());
const engine = openEngine({ clock: systemClock(), random: seededRandom(1), socket: lxd.socket });
const { instances, images, commands, files } = engine;
const tarball = await tinyImage();
const image = await images.import(createReadStream(tarball), { sizeBytes: statSync(tarball).size });
const root = { type: "disk", path: "/", pool: "default", size: "200MiB" };
await instances.create({ name: "home", image, description: "at home", devices: { root } });
await instances.start("home");
await instances.create({ name: "idle", image });

async function code(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (isFailure(error)) return error.code;
    throw error;
  }
  return "done";
}

test("the engine says what it is and can, and why it cannot", async () => {
  const info = await engine.info();
  assert.equal(info.product, "lxd");
  assert.match(info.version, /^5\./);
  assert.equal(info.trusted, true);
  assert.deepEqual(info.can.container, { possible: true });
  assert.ok(info.storageDrivers.includes("dir") && info.storageDrivers.includes("btrfs"));
  assert.ok(info.cpus >= 1 && info.memoryBytes > 2 ** 28 && info.extensions.size > 100);
  const machine = info.can["virtual-machine"];
  assert.ok(machine.possible || machine.why.length > 0);
});

test("images: listed, got, refused twice, refused when they are others, or none", async () => {
  const [one] = await images.list();
  assert.equal(one!.fingerprint, image);
  assert.equal(one!.sizeBytes, statSync(tarball).size);
  assert.equal(one!.properties["os"], "busybox");
  assert.equal((await images.get(image.slice(0, 12))).fingerprint, image);
  const again = images.import(createReadStream(tarball));
  await assert.rejects(again, (error) => isFailure(error, "already-exists") && error.params["name"] === image);
  const wrong = images.import(createReadStream(tarball), { fingerprint: "0".repeat(64) });
  assert.equal(await code(wrong), "image-bad");
  const cut = images.import(createReadStream(tarball, { end: 300_000 }), { fingerprint: image });
  assert.equal(await code(cut), "image-bad");
  assert.equal(await code(images.import(Readable.from([Buffer.from("no tarball")]))), "image-bad");
  assert.equal(await code(images.get("0".repeat(64))), "no-such-image");
  assert.equal(await code(images.delete("0".repeat(64))), "no-such-image");
  assert.equal((await images.list()).length, 1);
});

test("a sliver's life: created, started, renamed, stopped, deleted, with an event for each", async () => {
  const events: EngineEvent[] = [];
  let up = false;
  const watch = engine.watch({ event: (one) => events.push(one), up: () => (up = true) });
  await eventually("news come", SEEN_MS, () => up);
  const name = "life";
  await instances.create({ name, image, description: "a test", config: limitConfig({ memoryBytes: 64 * MIB }) });
  assert.equal(await code(instances.create({ name, image })), "already-exists");
  assert.equal((await instances.get(name)).status, "stopped");
  await instances.start(name);
  assert.equal(await code(instances.start(name)), "instance-state");
  assert.equal(await code(instances.delete(name)), "instance-state");
  const one = await instances.get(name);
  assert.deepEqual([one.status, one.image, one.description, one.profiles], ["running", image, "a test", ["default"]]);
  await instances.freeze(name);
  assert.equal((await instances.get(name)).status, "frozen");
  await instances.unfreeze(name);
  await instances.restart(name, { graceMs: 0 });
  await instances.stop(name, { graceMs: 0 });
  assert.equal(await code(instances.stop(name, { graceMs: 0 })), "instance-state");
  await instances.rename(name, "afterlife");
  assert.equal(await code(instances.get(name)), "no-such-instance");
  await instances.delete("afterlife");
  assert.equal(await code(instances.delete("afterlife")), "no-such-instance");
  await eventually("the last event", SEEN_MS, () => events.some((event) => event.action === "instance-deleted"));
  watch.stop();
  const seen = events.map((event) => `${event.action} ${event.source}`);
  for (const wanted of ["instance-created /instances/life", "instance-started /instances/life"]) {
    assert.ok(seen.includes(wanted), seen.join(", "));
  }
});

test("an init that ignores being asked to stop is stopped by force", async () => {
  await instances.create({ name: "deaf", image });
  await files.write("deaf", "/etc/inittab", Buffer.from("::respawn:/bin/sleep 3600\n"));
  await instances.start("deaf");
  await commands.run("deaf", ["sh", "-c", "kill -STOP 1; true"]);
  await instances.stop("deaf", { graceMs: 1_000 });
  assert.equal((await instances.get("deaf")).status, "stopped");
  await instances.delete("deaf");
});

test("what is not there, cannot be taken or cannot be done has its code", async () => {
  assert.equal(await code(instances.create({ name: "x", image: "0".repeat(64) })), "no-such-image");
  assert.equal(await code(instances.create({ name: "x", image, profiles: ["none"] })), "engine-has-no");
  assert.equal(await code(instances.create({ name: "x", image, config: { nonsense: "1" } })), "engine-bad-request");
  assert.equal(await code(instances.update("idle", { config: { "limits.memory": "blue" } })), "engine-bad-request");
  assert.equal(await code(instances.state("none")), "no-such-instance");
  assert.equal(await code(commands.run("none", ["true"])), "no-such-instance");
  assert.equal(await code(commands.run("idle", ["true"])), "instance-state");
  assert.deepEqual((await instances.list()).map((one) => one.name).toSorted(), ["home", "idle"]);
});

test("limits act on a running container at once", async () => {
  await instances.update("home", { config: limitConfig({ cpus: 0.2, memoryBytes: 64 * MIB }) });
  const { config, description } = await instances.get("home");
  assert.deepEqual([config["limits.cpu.allowance"], description], ["20ms/100ms", "at home"]);
  assert.equal(config["limits.memory"], `${64 * MIB}B`);
  const before = (await instances.state("home")).cpuNs;
  const startMs = performance.now();
  await commands.run("home", ["timeout", "2", "sh", "-c", "while :; do :; done"]);
  const share = ((await instances.state("home")).cpuNs - before) / 1e6 / (performance.now() - startMs);
  assert.ok(share > 0.02 && share < 0.3, `${share} of a core`);
  await instances.update("home", { config: { "limits.cpu.allowance": "" } });
  assert.equal((await instances.get("home")).config["limits.cpu.allowance"], undefined);
});

test("snapshots: taken, listed, gone back to, deleted", async () => {
  await files.write("idle", "/srv/note", Buffer.from("before"));
  await instances.snapshot("idle", "s1");
  assert.equal(await code(instances.snapshot("idle", "s1")), "already-exists");
  await files.write("idle", "/srv/note", Buffer.from("after"));
  assert.deepEqual(
    (await instances.snapshots("idle")).map((one) => one.name),
    ["s1"],
  );
  assert.equal(await code(instances.restore("idle", "s2")), "engine-has-no");
  await instances.restore("idle", "s1");
  assert.equal((await files.read("idle", "/srv/note")).toString(), "before");
  await instances.deleteSnapshot("idle", "s1");
  assert.equal(await code(instances.deleteSnapshot("idle", "s1")), "engine-has-no");
});

test("what it uses: memory, processes, time, disk, addresses and bytes", async () => {
  const state = await eventually("it has an address", SEEN_MS, async () => {
    const found = await instances.state("home");
    return found.networks[0]?.addresses.some((one) => one.family === "inet") ? found : undefined;
  });
  assert.equal(state.status, "running");
  assert.ok(state.pid > 1 && state.processes >= 1 && state.cpuNs > 0 && state.memoryBytes > 0);
  assert.ok(state.diskBytes! > 0 && state.networks[0]!.sentBytes > 0);
  const all = await instances.states();
  assert.equal(all.find((one) => one.name === "home")!.state!.pid, state.pid);
  assert.equal(all.find((one) => one.name === "idle")!.state!.processes, 0);
  const leases = await engine.networks.leases(BRIDGE);
  assert.ok(leases.some((one) => one.hostname === "home"));
});

test("a command: both outputs, its input, its exit code, its environment and folder", async () => {
  const said = await commands.run("home", ["sh", "-c", 'echo "$A $(pwd) $(id -u)"; echo bad >&2; exit 7'], {
    ...{ environment: { A: "b" }, folder: "/tmp" },
  });
  assert.deepEqual([said.exitCode, String(said.stdout), String(said.stderr)], [7, "b /tmp 0\n", "bad\n"]);
  const input = Buffer.alloc(RUN_OUTPUT_BYTES_MAX, "x");
  assert.ok((await commands.run("home", ["cat"], { input })).stdout.equals(input));
  assert.equal((await commands.run("home", ["sh", "-c", "kill -9 $$"])).exitCode, 137);
  assert.equal((await commands.run("home", ["/no/such"])).exitCode, 127);
  assert.equal((await commands.run("home", ["/etc/hostname"])).exitCode, 126);
  const other = await commands.run("home", ["id", "-u"], { user: 1000, group: 1000 });
  assert.equal(String(other.stdout), "1000\n");
});

test("a command that says too much, takes too long or is not wanted any more is ended", async () => {
  const much = commands.run("home", ["head", "-c", String(RUN_OUTPUT_BYTES_MAX + 1), "/dev/zero"]);
  assert.equal(await code(much), "engine-answer-too-large");
  assert.equal(await code(commands.run("home", ["sleep", "987"], { timeoutMs: 300 })), "engine-timeout");
  const stop = new AbortController();
  const unwanted = commands.run("home", ["sleep", "987"], { signal: stop.signal });
  setTimeout(() => stop.abort(new Error("no longer wanted")), 300);
  await assert.rejects(unwanted, /no longer wanted/);
  await eventually("nothing sleeps", SEEN_MS, async () => {
    const { stdout } = await commands.run("home", ["ps"]);
    return !String(stdout).includes("sleep 987");
  });
});

test("a stream larger than all buffers waits for who reads it slowly", async () => {
  const command = await commands.begin("home", ["head", "-c", String(BIG_BYTES), "/dev/zero"]);
  let bytes = 0;
  let largest = 0;
  for await (const chunk of command.stdout as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    largest = Math.max(largest, command.stdout.readableLength);
  }
  assert.equal(bytes, BIG_BYTES);
  assert.equal(await command.ended, 0);
  assert.ok(largest < MIB, `${largest} bytes waited`);
});

test("a terminal has its size, is resized, and ends with its shell", async () => {
  const shell = await commands.begin("home", ["sh"], { terminal: { columns: 91, rows: 17 } });
  let said = "";
  shell.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  shell.stdin.write("stty size\n");
  await eventually("its size", SEEN_MS, () => said.includes("17 91"));
  shell.resize(50, 20);
  await eventually(
    "its new size",
    SEEN_MS,
    () => {
      shell.stdin.write("stty size\n");
      return said.includes("20 50");
    },
    200,
  );
  shell.stdin.write("exit 5\n");
  assert.equal(await shell.ended, 5);
});

test("the console: one types there, leaves, and comes again", async () => {
  for (const visit of ["first", "second"]) {
    const console = await commands.console("home", { columns: 80, rows: 24 });
    let said = "";
    console.stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
    // What is typed in the first moment may be lost.
    await eventually("a login", SEEN_MS, () => console.stream.write("\n") && said.includes("login:"), 300);
    console.stream.write("root\n");
    await eventually("a shell", SEEN_MS, () => said.includes("~ #"));
    console.stream.write(`echo ${visit}-${"visit"}; exit\n`);
    await eventually("its answer", SEEN_MS, () => said.includes(`${visit}-visit\r`));
    console.stream.end();
    await console.ended;
  }
  assert.match(await commands.consoleLog("home"), /login/);
});

test("files go in and come out, whole and streaming, running or not", async () => {
  for (const name of ["home", "idle"]) {
    await files.makeFolder(name, "/srv/d", { mode: 0o700 });
    await files.write(name, "/srv/d/a b", Buffer.from("hello"), { mode: 0o640, user: 1000, group: 1001 });
    const found = await files.open(name, "/srv/d/a b");
    const { content, ...facts } = found;
    (content as Readable).resume();
    assert.deepEqual(facts, { type: "file", mode: 0o640, user: 1000, group: 1001 });
    assert.equal(String(await files.read(name, "/srv/d/a b")), "hello");
    assert.deepEqual((await files.open(name, "/srv/d")).content, ["a b"]);
    assert.equal((await files.open(name, "/bin/sh")).content, "/bin/busybox");
    assert.equal(await code(files.read(name, "/srv/none")), "engine-has-no");
    assert.equal(await code(files.write(name, "/srv/none/x", Buffer.from("x"))), "engine-has-no");
    assert.equal(await code(files.read(name, "/srv/d")), "engine-bad-request");
    assert.equal(await code(files.read(name, "/srv/d/a b", 4)), "engine-answer-too-large");
    await files.remove(name, "/srv/d/a b");
    await files.remove(name, "/srv/d");
    assert.equal(await code(files.remove(name, "/srv/d")), "engine-has-no");
  }
  assert.equal(await code(files.read("none", "/x")), "no-such-instance");
  const piece = Buffer.alloc(MIB, 7);
  await files.write("home", "/srv/big", Readable.from(Array.from({ length: BIG_BYTES / MIB }, () => piece)));
  assert.equal((await files.read("home", "/srv/big")).length, BIG_BYTES);
});

test("networks, profiles, pools and projects are made, changed and taken away", async () => {
  const config = { "ipv4.address": "10.98.0.1/24", "ipv6.address": "none" };
  await engine.networks.create({ name: "n2", type: "bridge", description: "two", config });
  assert.equal(await code(engine.networks.create({ name: "n2", type: "bridge" })), "already-exists");
  await engine.networks.update("n2", { config: { "ipv4.nat": "true" } });
  const network = await engine.networks.get("n2");
  assert.deepEqual([network.type, network.managed, network.description], ["bridge", true, "two"]);
  assert.deepEqual([network.config["ipv4.nat"], network.config["ipv4.address"]], ["true", "10.98.0.1/24"]);
  await engine.networks.delete("n2");
  assert.equal(await code(engine.networks.get("n2")), "engine-has-no");
  await engine.profiles.create({ name: "p2", devices: { root: { type: "disk", path: "/", pool: "default" } } });
  assert.equal((await engine.profiles.get("p2")).devices["root"]!["pool"], "default");
  await engine.profiles.delete("p2");
  await engine.pools.create({ name: "second", driver: "dir" });
  assert.deepEqual((await engine.pools.list()).map((one) => one.driver).toSorted(), ["btrfs", "dir"]);
  const space = await engine.pools.space("default");
  assert.ok(space.usedBytes > 0 && space.usedBytes < space.totalBytes);
  await engine.pools.delete("second");
});

test("a project's instances are not those of another", async () => {
  const shared = { "features.images": "false", "features.profiles": "false", "features.networks": "false" };
  await engine.projects.create({ name: "slice", config: shared });
  const inside = engine.inProject("slice");
  assert.deepEqual(await inside.instances.list(), []);
  assert.equal(await code(inside.commands.run("home", ["true"])), "no-such-instance");
  await inside.instances.create({ name: "guest", image });
  await inside.instances.start("guest");
  const { stdout } = await inside.commands.run("guest", ["hostname"]);
  assert.equal(String(stdout), "guest\n");
  assert.equal((await inside.instances.get("guest")).project, "slice");
  assert.equal(await code(instances.get("guest")), "no-such-instance");
  await inside.instances.stop("guest", { graceMs: 0 });
  await inside.instances.delete("guest");
  // One bridge has one name server, whatever the projects of its guests.
  await inside.instances.create({ name: "home", image });
  assert.equal(await code(inside.instances.start("home")), "already-exists");
  await inside.instances.delete("home");
  await engine.projects.delete("slice");
});
