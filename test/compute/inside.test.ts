/**
 * What is inside a sliver, from another box and from the host's own: files in and out, logs, figures, snapshots and
 * going back to one, with each limit and each refusal, and nothing of it for another member.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  FOLDER_ENTRIES_MAX,
  INSIDE_FILE_BYTES_MAX,
  INSIDE_PIECE_BYTES_MAX,
  SLIVER_SNAPSHOTS_MAX,
} from "../../src/services/compute/constants.ts";
import { insideEndpoints } from "../../src/services/compute/contract-inside.ts";
import { peopleContract } from "../../src/services/people/contract.ts";
import { tinyImage } from "../engine/images.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { COMU_COMMAND, CommandRefused, startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { Caller } from "../endpoints/caller.ts";
import { inputFor } from "../endpoints/inputs.ts";
import { startLxd } from "../support/lxd.ts";
import type { Lxd } from "../support/lxd.ts";
import { eventually, start } from "../support/process.ts";
import { launchAll } from "./home-and-host.ts";

const SEEN_TIMEOUT_MS = 60_000;
const MIB = 2 ** 20;

interface Slice {
  running: number;
  slivers: { id: string; box: string; state: string; usedMemoryBytes: number | null; processes: number | null }[];
}
interface Listed {
  entries: { name: string; kind: string; bytes: number; mode: string }[];
  isCut: boolean;
}

let lxd: Lxd;
/** The home of the slices `far`, whose sliver is on the other one, and `near`, whose sliver it has itself. */
let home: Box;
let host: Box;
const here = temporaryFolder("inside");
const ends: (() => unknown)[] = [];
const owner = { after: (run: () => unknown) => void ends.push(run) };

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof CommandRefused) return error.code;
    throw error;
  }
  return "done";
}

const inside = <T>(words: readonly string[], box = home) => box.cli<T>(["compute", ...words, "--json"]);
const exec = (command: string, place = "far") => inside<{ stdout: string }>(["exec", place, command]);
const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

const COMMUNITY = ["--cores", "4", "--memory", "512MiB", "--to", "community"];
const SMALL = ["tiny", "--memory", "64MiB", "--disk", "64MiB"];

/** Only this one of the two lends while the slice is made. */
async function launchOn(box: Box, name: string, disk: string): Promise<void> {
  await box.cli(["compute", "lend", ...COMMUNITY, "--disk", disk]);
  await box.api("/settings", { method: "PATCH", body: { values: { compute: { lendFirst: "arrival" } } } });
  await eventually(`${box.name} offers`, SEEN_TIMEOUT_MS, async () => {
    const offers = await inside<{ box: string; fits: number }[]>(["offers", "--memory", "64MiB", "--disk", "64MiB"]);
    return offers.length === 1 && offers[0]!.box === box.name && offers[0]!.fits > 0;
  });
  const { slivers } = await launchAll<Slice>(home, [name, ...SMALL, "--json"]);
  assert.deepEqual(
    slivers.map((one) => [one.box, one.state]),
    [[box.name, "running"]],
  );
}

before(async () => {
  lxd = await startLxd({ owner, poolMib: 1024 });
  const other = await startLxd({ owner, poolMib: 512 });
  const env = { LXD_DIR: lxd.folder };
  host = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri", until: owner, env });
  const { code } = await host.api<{ code: string }>("/invitations", { method: "POST", body: { uses: 1 } });
  home = await startBox({ name: "Molí", owner: "Biel", join: code, until: owner, env: { LXD_DIR: other.folder } });
  await host.cli(["files", "give", "1GiB"]);
  await eventually("a storage server", SEEN_TIMEOUT_MS, async () => {
    const { grid } = await home.api<{ grid: { reachable: number } }>("/files/status");
    return grid.reachable >= 1;
  });
  copyFileSync(await tinyImage(), join(here, "tiny.tar.gz"));
  await home.cli(["files", "put", join(here, "tiny.tar.gz"), "/tiny.tar.gz"]);
  await home.cli(["compute", "images", "add", "tiny", "/tiny.tar.gz"]);
  await launchOn(host, "far", "1GiB");
  await host.cli(["compute", "unlend"]);
  await launchOn(home, "near", "128MiB");
});
after(async () => {
  for (const end of ends.toReversed()) await end();
});

for (const place of ["far", "near/0"]) {
  test(`${place}: files go in and out whole, and are listed with their size`, async () => {
    const bytes = randomBytes(2 * INSIDE_PIECE_BYTES_MAX + 12_345);
    const [from, to] = [join(here, "from"), join(here, "to")];
    writeFileSync(from, bytes);
    await inside(["files", "put", place, "/srv/data", from]);
    const { entries, isCut } = await inside<Listed>(["files", "ls", place, "/srv"]);
    assert.deepEqual(
      [isCut, entries.map((one) => [one.name, one.kind, one.bytes, one.mode])],
      [false, [["data", "file", bytes.length, "644"]]],
    );
    await home.cli(["compute", "files", "get", place, "/srv/data", to]);
    assert.equal(hash(readFileSync(to)), hash(bytes));
    const { stdout } = await exec("sha256sum /srv/data", place.split("/")[0]);
    assert.equal(stdout.split(" ")[0], hash(bytes));
    // In the place of the one before, and an empty one.
    writeFileSync(from, "");
    await inside(["files", "put", place, "/srv/data", from]);
    const again = await inside<Listed>(["files", "ls", place, "/srv"]);
    assert.deepEqual(
      again.entries.map((one) => one.bytes),
      [0],
    );
  });
}

test("what is no file, no folder or no path is refused, and a full disk gives its room back", async () => {
  const file = join(here, "small");
  writeFileSync(file, "small");
  const get = (path: string) => refusal(home.cli(["compute", "files", "get", "far", path]));
  const put = (path: string, from = file) => refusal(inside(["files", "put", "far", path, from]));
  assert.equal(await get("/srv/none"), "compute-file-unknown");
  assert.equal(await get("/srv"), "compute-file-refused");
  assert.equal(await get("/dev/zero"), "compute-file-refused");
  for (const path of ["srv", "/srv/../etc/passwd", "/srv/./data"]) assert.equal(await get(path), "bad-input", path);
  assert.equal(await refusal(inside(["files", "ls", "far", "/none"])), "compute-file-unknown");
  assert.equal(await refusal(inside(["files", "ls", "far/7", "/"])), "compute-sliver-unknown");
  assert.equal(await put("/srv"), "compute-file-refused");
  assert.equal(await put("/srv/"), "compute-file-refused");
  assert.equal(await put("/none/data"), "compute-file-unknown");
  const offset = INSIDE_FILE_BYTES_MAX + 1;
  const query = new URLSearchParams({ path: "/srv/x", upload: "abcdefgh", offset: String(offset), isLast: "true" });
  const beyond = await home.ask(`/api/v1/compute/slivers/far/content?${query}`, { method: "PUT" });
  assert.equal(beyond.status, 400);
  const big = join(here, "big");
  writeFileSync(big, randomBytes(80 * MIB));
  assert.equal(await put("/srv/big", big), "compute-sliver-full");
  const { entries } = await inside<Listed>(["files", "ls", "far", "/srv"]);
  assert.deepEqual(
    entries.map(({ name }) => name),
    ["data"],
  );
});

test("an upload that is given up is taken away, and a piece that is missing makes no file", async () => {
  const put = (offset: number, isLast: boolean) => {
    const input = { path: "/srv/up/x", upload: "abcdefgh", offset: String(offset), isLast: String(isLast) };
    const path = `/api/v1/compute/slivers/far/content?${new URLSearchParams(input)}`;
    return home.ask<{ error?: { code: string } }>(path, { method: "PUT", body: "twelve byte" });
  };
  const names = async () => (await inside<Listed>(["files", "ls", "far", "/srv/up"])).entries.map(({ name }) => name);
  await exec("mkdir /srv/up");
  assert.equal((await put(0, false)).status, 200);
  assert.deepEqual(await names(), [".comu-abcdefgh.part"]);
  const gone = new URLSearchParams({ path: "/srv/up/x", upload: "abcdefgh" });
  await home.api(`/compute/slivers/far/content?${gone}`, { method: "DELETE" });
  assert.deepEqual(await names(), []);
  await put(0, false);
  // Written again at its beginning: what was further on is left from before.
  const [part] = (await inside<Listed>(["files", "ls", "far", "/srv/up"])).entries;
  assert.equal((await put(part!.bytes, false)).status, 200);
  assert.equal((await put(0, true)).body.error?.code, "compute-file-refused");
  assert.deepEqual(await names(), []);
  await put(0, false);
  assert.equal((await put(100, false)).body.error?.code, "compute-file-refused");
  assert.deepEqual(await names(), []);
});

test("of a folder with more files than are told the rest is left out, and it says so", async () => {
  await exec(`mkdir /tmp/many; cd /tmp/many; for i in $(seq ${FOLDER_ENTRIES_MAX + 1}); do : > f$i; done`);
  const { entries, isCut } = await inside<Listed>(["files", "ls", "far", "/tmp/many"]);
  assert.deepEqual([entries.length, isCut], [FOLDER_ENTRIES_MAX, true]);
});

test("logs: the console, the system's own, plain text only, followed until nobody reads", async () => {
  const log = (...words: string[]) => home.cli<string>(["compute", "logs", "far", ...words]);
  await exec("printf 'one\\n\\033[31mred\\033[0m\\033]0;title\\007\\n' > /dev/console");
  await eventually("the console says it", SEEN_TIMEOUT_MS, async () => (await log()).includes("red"));
  const said = await log("--lines", "100");
  assert.match(said, /red/);
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(said, /[\u0000-\u0009\u000b-\u001f\u007f]/);
  assert.equal(await refusal(log("--source", "system")), "compute-no-log");
  await exec("for i in 1 2 3 4; do echo line $i >> /var/log/messages; done");
  assert.equal(await log("--source", "system", "--lines", "2"), "line 3\nline 4\n");
  for (const source of ["system", "console"]) {
    const words = ["compute", "logs", "far", "--follow", "--lines", "1", "--source", source, "--data", home.data];
    const following = start([...COMU_COMMAND, ...words], { name: `logs ${source}` });
    await following.waitForLine(/./);
    await exec(`echo later ${source} >> ${source === "system" ? "/var/log/messages" : "/dev/console"}`);
    await following.waitForLine(new RegExp(`later ${source}`));
    await following.stop();
  }
  await eventually("nothing goes on in the sliver", SEEN_TIMEOUT_MS, async () => {
    const { stdout } = await exec("ps");
    return !stdout.includes("tail -n");
  });
});

test("figures: what it uses now, in the slice and by itself, and nothing when it is stopped", async () => {
  interface Now {
    now: { cores: number | null; memoryBytes: number; diskBytes: number | null; processes: number } | null;
  }
  await exec("(while :; do :; done) > /dev/null 2>&1 & echo $! > /tmp/busy");
  await eventually("its cores are counted", SEEN_TIMEOUT_MS, async () => {
    const { now } = await inside<Now>(["figures", "far"]);
    return (
      now !== null && now.memoryBytes > 0 && now.processes > 1 && (now.diskBytes ?? 0) > 0 && (now.cores ?? 0) > 0.05
    );
  });
  await exec("kill $(cat /tmp/busy)");
  const { slivers } = await inside<Slice>(["show", "far"]);
  assert.ok((slivers[0]!.usedMemoryBytes ?? 0) > 0 && (slivers[0]!.processes ?? 0) > 0);
  await inside(["stop", "near"]);
  await eventually("near is stopped", SEEN_TIMEOUT_MS, async () => {
    return (await inside<Slice>(["show", "near"])).slivers[0]!.state === "stopped";
  });
  await eventually(
    "it uses nothing",
    SEEN_TIMEOUT_MS,
    async () => (await inside<Now>(["figures", "near"])).now === null,
  );
  // Its files and snapshots are there all the same.
  assert.equal((await inside<Listed>(["files", "ls", "near", "/srv"])).entries.length, 1);
});

interface Snapshot {
  name: string;
  takenAt: string;
}
const snapshot = (...words: string[]) => inside<Snapshot[]>(["snapshot", ...words]);

test("snapshots: taken, gone back to, deleted; a name twice, an unknown one and one too many are refused", async () => {
  await exec("mkdir /srv/keep; echo before > /srv/keep/state");
  assert.deepEqual(
    (await snapshot("take", "far", "first")).map(({ name }) => name),
    ["first"],
  );
  assert.equal(await refusal(snapshot("take", "far", "first")), "compute-snapshot-exists");
  for (const name of ["First", "a_", "a/b", "x".repeat(41)]) {
    assert.equal(await refusal(snapshot("take", "far/0", name)), "bad-input", name);
  }
  await exec("echo after > /srv/keep/state; echo new > /srv/keep/new");
  assert.equal(await refusal(inside(["snapshot", "restore", "far", "first"])), "yes-needed");
  await snapshot("restore", "far", "first", "--yes");
  await eventually("it runs again, as it was", SEEN_TIMEOUT_MS, async () => {
    const { slivers } = await inside<Slice>(["show", "far"]);
    return (
      slivers[0]!.state === "running" && (await exec("cat /srv/keep/state; ls /srv/keep")).stdout === "before\nstate\n"
    );
  });
  assert.equal(await refusal(snapshot("restore", "far", "none", "--yes")), "compute-snapshot-unknown");
  assert.equal(await refusal(snapshot("delete", "far", "none", "--yes")), "compute-snapshot-unknown");
  for (let count = 1; count < SLIVER_SNAPSHOTS_MAX; count += 1) await snapshot("take", "far", `more-${count}`);
  assert.equal(await refusal(snapshot("take", "far", "too-many")), "compute-snapshots-full");
  await snapshot("delete", "far", "first", "--yes");
  // Without a name it gets the time.
  const all = await snapshot("take", "far");
  assert.match(all.at(-1)!.name, /^at-\d{8}-\d{6}$/);
  assert.ok(all.every(({ takenAt }) => Math.abs(Date.parse(takenAt) - Date.now()) < 600_000));
});

test("a snapshot counts like the disk of its sliver, also after a restart, and its room comes back", async () => {
  const lent = async (box: Box) => (await inside<{ snapshots: number }[]>(["lent"], box)).map((one) => one.snapshots);
  const used = async (box: Box) =>
    (await inside<{ used: { diskBytes: number } }>(["status"], box)).used.diskBytes / MIB;
  assert.deepEqual([await lent(host), await used(host)], [[SLIVER_SNAPSHOTS_MAX], 64 * (1 + SLIVER_SNAPSHOTS_MAX)]);
  await host.kill();
  await host.restart();
  assert.deepEqual([await lent(host), await used(host)], [[SLIVER_SNAPSHOTS_MAX], 64 * (1 + SLIVER_SNAPSHOTS_MAX)]);
  // The lease of what has snapshots is renewed as any other.
  await inside(["renew", "far", "--days", "40"]);
  assert.equal((await inside<{ slivers: { trouble: string | null }[] }>(["show", "far"])).slivers[0]!.trouble, null);
  await snapshot("take", "near", "one");
  assert.equal(await refusal(snapshot("take", "near", "two")), "compute-snapshot-no-room");
  await snapshot("delete", "near", "one", "--yes");
  await snapshot("take", "near", "two");
});

test("nobody else sees or changes anything inside, from another box or with another account", async () => {
  const insides: readonly (readonly string[])[] = [
    ...[
      ["files", "ls", "far", "/"],
      ["files", "get", "far", "/etc/passwd"],
      ["logs", "far"],
      ["figures", "far"],
    ],
    ...[
      ["snapshot", "ls", "far"],
      ["snapshot", "take", "far"],
      ["files", "put", "far", "/x", join(here, "small")],
    ],
    ...[
      ["snapshot", "restore", "far", "more-1", "--yes"],
      ["snapshot", "delete", "far", "more-1", "--yes"],
    ],
  ];
  // The host's owner has the sliver on the own box, and no door to it here.
  for (const words of insides) assert.equal(await refusal(host.cli(["compute", ...words])), "compute-slice-unknown");
  const invitation = { method: "POST", body: { role: "member" } };
  const { link } = await home.api<{ link: string }>("/people-invitations", invitation);
  const carla = new Caller("member", home.url, "127.0.77.9");
  const accepted = { token: new URL(link).hash.slice(1), name: "Carla", password: "correct horse battery" };
  assert.equal((await carla.call(peopleContract.endpoints.accept, accepted)).status, 200);
  for (const [key, endpoint] of Object.entries(insideEndpoints)) {
    const input = { ...inputFor(`compute.${key}`, endpoint), sliver: "far" };
    const { status, body } = await carla.call(endpoint, input);
    const { code } = (body as { error: { code: string } }).error;
    assert.deepEqual([key, status, code], [key, 404, "compute-slice-unknown"]);
  }
});

test("what is deleted takes its snapshots with it", async () => {
  for (const name of ["far", "near"]) await home.cli(["compute", "delete", name, "--yes"]);
  await eventually("nothing is left", SEEN_TIMEOUT_MS, async () => {
    const list = await lxd.lxc(["list", "--all-projects", "--format", "csv"]);
    const used = await inside<{ used: { diskBytes: number } }>(["status"], host);
    return list.trim() === "" && used.used.diskBytes === 0;
  });
});
