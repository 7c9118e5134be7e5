/**
 * Care on real storage servers: of ten, three are destroyed and three others come. Without anybody asking, every file,
 * folder and former version has all its pieces again, and is what it was. A restart of care in between changes nothing.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { createLog } from "../../src/kernel/log.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { systemRandom } from "../../src/kernel/system-random.ts";
import { createResolver } from "../../src/platform/resolve.ts";
import { openStore } from "../../src/platform/store.ts";
import { careAccounts, createChecks } from "../../src/services/files/care/accounts.ts";
import { createCare } from "../../src/services/files/care/care.ts";
import { careStore } from "../../src/services/files/care/care-store.ts";
import { createNotes } from "../../src/services/files/care/notes.ts";
import { createPace } from "../../src/services/files/care/pace.ts";
import { encodingOf } from "../../src/services/files/encoding.ts";
import { createGrid } from "../../src/services/files/grid/community-grid.ts";
import { KeyPool } from "../../src/services/files/grid/key-pool.ts";
import { ServerList } from "../../src/services/files/grid/server-list.ts";
import { StorageClient } from "../../src/services/files/grid/storage-client.ts";
import { Tree } from "../../src/services/files/tree/tree.ts";
import { StorageBox } from "../grid/storage-box.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { eventually } from "../support/process.ts";
import type { Owner } from "../support/process.ts";
import { GridWorkers } from "../../src/services/files/grid/encode-pool.ts";
import { parseCap } from "../../src/protocols/grid/caps.ts";
import type { KnownCap } from "../../src/protocols/grid/caps.ts";
import { needsOf } from "./immutable-grid.ts";
import { announcedOf, placeOf } from "./storage-clients.ts";
import { bytesOf, content, noise } from "./tree-box.ts";

const SERVERS = 10;
const DESTROYED = 3;
const WHOLE_TIMEOUT_MS = 60_000;
/** A server that does not answer in time on a busy machine leaves a file weak: looked at again, as within the hour. */
const TIMES = { lookMs: 100, settledMs: 300, weakMs: 1000 };

const clock = systemClock();
const random = systemRandom();

async function start(owner: Owner) {
  const folder = temporaryFolder("care");
  const store = openStore(join(folder, "box.sqlite"));
  const log = createLog({ clock, level: "error", write: (line) => process.stderr.write(`${line}\n`) });
  const resolver = createResolver({ clock });
  const list = new ServerList({ log, open: (place) => new StorageClient(place, { clock, random, resolver }) });
  const keyPool = new KeyPool({ clock });
  await keyPool.start();
  const wanted = { needed: 3, total: 10, happy: 0, segmentKiB: 64 };
  const workers = new GridWorkers({ clock });
  const { crypto, codeOf, secrets } = needsOf(() => list.servers(), workers);
  const grid = createGrid({
    ...{ crypto, codeOf, workers, secrets, clock, random, keyPool },
    servers: () => list.servers(),
    encoding: () => encodingOf(wanted, list.servers().length),
  });
  const tree = new Tree({
    ...{ gridOf: () => grid, store, crypto, clock, random, spoolFolder: join(folder, "spool") },
    settings: { trashDays: () => 30, quotaBytes: () => undefined },
  });
  await tree.start();
  const rows = careStore(store);
  const notes = new Map<string, string>();
  const checkingOf = createChecks({ clock, crypto, rows, gridOf: () => grid });
  const care = () =>
    createCare({
      ...{ clock, log, rows, changed: () => {}, times: TIMES },
      pace: createPace(clock, () => 1e9),
      deposits: { leave: async () => {}, tend: async () => {}, grid: async () => undefined },
      accounts: async () => careAccounts(tree, () => grid, checkingOf),
      notes: createNotes({ note: (name) => notes.get(name), setNote: (name, text) => void notes.set(name, text) }),
    });
  owner.after(async () => {
    await tree.stop();
    list.close();
    await keyPool.stop();
    await workers.close();
    store.close();
  });
  return { grid, tree, list, rows, care };
}

const placesOf = (boxes: readonly (readonly [string, StorageBox])[]) =>
  boxes.map(([id, box]) => placeOf(announcedOf(id, box.announcement(id))));

test("three of ten servers are destroyed: everything is whole again, unattended", async (t) => {
  const { grid, tree, list, rows, care } = await start(t);
  const boxes: [string, StorageBox][] = [];
  const add = async (id: string) => boxes.push([id, await StorageBox.start({ owner: t })]);
  for (let n = 0; n < SERVERS; n += 1) await add(`v0-first${n}`);
  list.set("mesh", placesOf(boxes));
  const isUp = () => grid.servers().every((server) => server.state() === "up");
  await eventually("all servers answer", WHOLE_TIMEOUT_MS, isUp);
  const files = tree.files("anna");
  await files.makeFolder("/album");
  const contents = new Map<string, Uint8Array>();
  for (const [path, bytes] of [
    ["/letter", 200],
    ["/album/small", 5_000],
    ["/album/large", 300_000],
  ] as const) {
    await files.write(path, content(noise(bytes / 2)));
    contents.set(path, noise(bytes));
    await files.write(path, content(contents.get(path)!));
  }
  await files.write("/gone", content(noise(700)));
  await files.remove("/gone");

  let carer = care();
  carer.start();
  const all = 2 + 2 * 3 + 1;
  const counts = () => rows.counts("anna");
  await eventually("all was looked at", WHOLE_TIMEOUT_MS, () => counts().healthy === all);
  await eventually(
    "and again when the servers had settled",
    WHOLE_TIMEOUT_MS,
    () => carer.status().state === "waiting",
  );

  const destroyedMs = clock.wallMs();
  for (const [, box] of boxes.splice(0, DESTROYED)) await box.stop();
  for (let n = 0; n < DESTROYED; n += 1) await add(`v0-later${n}`);
  list.set("mesh", placesOf(boxes));
  const isRepaired = () => {
    const kept = rows.verifyCaps("anna", "", 100).map(({ storageIndex }) => rows.health("anna", storageIndex)!);
    const isWhole = (one: (typeof kept)[number]) => one.good === 10 && one.state === "healthy" && one.servers >= 7;
    return kept.length === all && kept.every(isWhole) && kept.every(({ checkedMs }) => checkedMs > destroyedMs);
  };
  const hasSome = () =>
    rows.verifyCaps("anna", "", 100).some((one) => {
      return rows.health("anna", one.storageIndex)!.checkedMs > destroyedMs;
    });
  await eventually("it has begun", WHOLE_TIMEOUT_MS, hasSome);
  await carer.stop();
  carer = care();
  carer.start();
  await eventually("all is whole", WHOLE_TIMEOUT_MS, isRepaired);
  assert.deepEqual(counts(), { healthy: all, weak: 0, lost: 0 });
  t.diagnostic(`whole again after ${Math.round(clock.wallMs() - destroyedMs)} ms`);
  await carer.stop();
  for (const [path, wanted] of contents) {
    const { content: read } = await files.read(path);
    assert.ok((await bytesOf(read)).equals(wanted), path);
    const cap = parseCap((await files.caps(path)).read!) as KnownCap;
    const checked = await grid.check(cap, { verify: true });
    assert.deepEqual([checked.state, checked.good, checked.damaged.length], ["healthy", 10, 0], path);
  }
});
