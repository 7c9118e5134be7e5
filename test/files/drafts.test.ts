/**
 * New files that go with the change of their folder: what it costs, and that nobody ever finds a folder that leads to
 * what is not there, whichever requests were done, lost, or cut in the middle.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../src/kernel/random.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { formatCap, parseCap } from "../../src/protocols/grid/caps.ts";
import type { KnownCap } from "../../src/protocols/grid/caps.ts";
import { createGrid } from "../../src/services/files/grid/community-grid.ts";
import { DRAFT_MAX_BYTES } from "../../src/services/files/grid/constants.ts";
import { goWith } from "../../src/services/files/grid/draft.ts";
import type { Draft } from "../../src/services/files/grid/draft.ts";
import { GridWorkers } from "../../src/services/files/grid/encode-pool.ts";
import type { Content, Encoding, Grid } from "../../src/services/files/grid/grid.ts";
import { KeyPool } from "../../src/services/files/grid/key-pool.ts";
import { ServerError } from "../../src/services/files/grid/server.ts";
import { BEFORE_BODY_MAX_BYTES, BEFORE_WRITES_MAX } from "../../src/services/files/grid/storage-client-constants.ts";
import { STORING_DRAFTS_MAX } from "../../src/services/files/tree/constants.ts";
import { bytesOf, content, treeBox } from "./tree-box.ts";
import { ENCODING, clientOf, shelves } from "./shelf-grid.ts";
import type { ShelfServer } from "./shelf-server.ts";

const keyPool = new KeyPool({ clock: systemClock() });
const workers = new GridWorkers({ clock: systemClock(), threads: 0 });

/** A box that knows these servers, and nothing yet. */
function gridOf(servers: readonly ShelfServer[], encoding: Partial<Encoding> = {}): Grid {
  const { leaseSecret, ...needs } = clientOf(servers, encoding);
  const secret = new Uint8Array(32).fill(7);
  return createGrid({
    ...needs,
    secrets: { lease: leaseSecret, convergence: secret, upload: secret },
    keyPool,
    workers,
  });
}

const asked = (servers: readonly ShelfServer[]) => servers.map((server) => server.asked.splice(0).join(" "));
const memory = (bytes: Uint8Array): Content => ({
  bytes: bytes.length,
  async *read(at = 0) {
    yield bytes.subarray(at);
  },
});

async function readAll(grid: Grid, cap: KnownCap): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of grid.download(cap)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

test("a small file is one request to each server, and so is a folder", async (t) => {
  await keyPool.start();
  t.after(() => keyPool.stop());
  const servers = shelves(5);
  const { files } = await treeBox(t, { grid: gridOf(servers) });
  await files.write("/first", content("x".repeat(100)));
  asked(servers);
  await files.write("/file", content("y".repeat(1000)));
  assert.deepEqual(asked(servers), Array(5).fill("write"));
  await files.makeFolder("/folder");
  assert.deepEqual(asked(servers), Array(5).fill("write"));
  await files.write("/folder/below", content("z".repeat(1000)));
  assert.deepEqual(asked(servers), Array(5).fill("write"), "what was just made is known");
  const other = await treeBox(t, { grid: gridOf(servers) });
  await other.files.attach("/anna", (await files.caps("/")).write!);
  const { content: found } = await other.files.read("/anna/folder/below");
  assert.equal((await bytesOf(found)).toString(), "z".repeat(1000));
});

test("many at once go with few changes; more than may be in memory wait", async (t) => {
  const servers = shelves(5);
  const { files } = await treeBox(t, { grid: gridOf(servers) });
  await files.write("/first", content("x".repeat(100)));
  asked(servers);
  const count = STORING_DRAFTS_MAX + 20;
  await Promise.all(Array.from({ length: count }, (_, i) => files.write(`/${i}`, content(`${i} `.repeat(100)))));
  const requests = asked(servers)[0]!.split(" ");
  assert.ok(
    requests.every((one) => one === "write" || one === "readTestWrite"),
    requests.join(" "),
  );
  assert.ok(requests.length <= 6, `${requests.length} requests for ${count} files`);
  assert.equal((await files.list("/")).length, count + 1);
});

test("in a large grid, and with others than our servers, files are stored before", async () => {
  const file = memory(Buffer.alloc(1000, "x"));
  assert.ok(await gridOf(shelves(10)).draftFile(file));
  assert.equal(await gridOf(shelves(11)).draftFile(file), undefined, "each file has servers of its own");
  assert.equal(await gridOf(shelves(2)).draftFile(file), undefined, "too few");
  assert.equal(await gridOf(shelves(5)).draftFile(memory(Buffer.alloc(DRAFT_MAX_BYTES + 1))), undefined);
  assert.equal(await gridOf(shelves(5)).draftFile(memory(Buffer.alloc(10))), undefined, "it is in its cap");
  const bend: ((server: ShelfServer) => unknown)[] = [
    (server) => (server.takesDrafts = false),
    (server) => (server.room = 0),
    (server) => (server.availability = "slow"),
  ];
  for (const one of bend) {
    const servers = shelves(5);
    one(servers[3]!);
    assert.equal(await gridOf(servers).draftFile(file), undefined);
    assert.equal(await gridOf(servers).draftMutable(new Uint8Array(0)), undefined);
  }
});

test("together they are no more than a request may have", () => {
  const servers = shelves(5);
  const plan = Array.from({ length: 10 }, (_, share) => ({
    server: servers[share % 5]!.id,
    share,
    known: { state: "absent" as const },
  }));
  const wish = { servers, encoding: ENCODING, needed: 3, total: 10, shareBytes: 1000 };
  const drafts = (count: number, shareBytes: number) =>
    Array.from({ length: count }, () => ({ needed: 3, total: 10, shareBytes }) as Draft);
  assert.equal(goWith(drafts(1, 1000), plan, wish), true);
  assert.equal(goWith(drafts(BEFORE_WRITES_MAX, 100), plan, wish), true);
  assert.equal(goWith(drafts(BEFORE_WRITES_MAX + 1, 100), plan, wish), false);
  assert.equal(goWith(drafts(1, BEFORE_BODY_MAX_BYTES / 2), plan, wish), false, "two shares to each");
  assert.equal(goWith(drafts(1, 1000), plan, { ...wish, total: 9 }), false, "shares of another number");
  assert.equal(goWith(drafts(1, 1000), plan.slice(1), wish), false, "a share that goes nowhere");
  const crowded = plan.map((one) => (one.server === servers[0]!.id ? { ...one, server: servers[1]!.id } : one));
  assert.equal(goWith(drafts(1, 1000), crowded, wish), false, "a server without any");
});

test("what cannot be stored keeps its own change out, and no other", async (t) => {
  const servers = shelves(5);
  const grid = gridOf(servers);
  let isBroken = false;
  const bent: Grid = {
    ...grid,
    draftFile: async (...wish) => {
      const draft = await grid.draftFile(...wish);
      if (!draft || !isBroken) return draft;
      isBroken = false;
      return { ...draft, needed: 4, store: () => Promise.reject(new Error("cannot be stored")) };
    },
  };
  const { files } = await treeBox(t, { grid: bent });
  await files.write("/first", content("x".repeat(100)));
  isBroken = true;
  const done = await Promise.allSettled(
    ["a", "b", "c"].map((name) => files.write(`/${name}`, content(name.repeat(99)))),
  );
  assert.deepEqual(done.map(({ status }) => status).toSorted(), ["fulfilled", "fulfilled", "rejected"]);
  assert.equal((await files.list("/")).length, 3);
});

const SEEDS = 50;
test("what a first attempt has left in part does not link to what could not be stored", async (t) => {
  const servers = shelves(5);
  const grid = gridOf(servers, { happy: 5 });
  const bent: Grid = {
    ...grid,
    draftFile: async (...wish) => {
      const draft = await grid.draftFile(...wish);
      const store = () => {
        for (const server of servers) server.revive();
        return Promise.reject(new Error("cannot be stored"));
      };
      return draft && { ...draft, store };
    },
  };
  const { files } = await treeBox(t, { grid: bent });
  await files.makeFolder("/folder");
  // Of the version before, this one's shares are too few to read it.
  servers[0]!.before = () => Promise.reject(new ServerError("no-room", servers[0]!.name, "full"));
  await assert.rejects(files.write("/folder/file", content("x".repeat(100))), /cannot be stored/);
  const cap = parseCap((await files.caps("/folder")).write!) as KnownCap;
  const { content: found, sequence } = await gridOf(servers).readMutable(cap);
  assert.equal(found.length, 0);
  assert.ok(sequence > 2n, "written over");
});

/** What may happen to a request at one server. */
const HARMS: readonly ((server: ShelfServer) => void)[] = [
  () => {},
  () => {},
  (server) => server.kill(),
  (server) => (server.after = broken(server)),
  (server) => (server.between = broken(server)),
  (server) => {
    server.before = () => Promise.reject(new ServerError("no-room", server.name, "full"));
  },
  (server) => {
    server.before = () => Promise.reject(new ServerError("conflict", server.name, "in progress"));
  },
  (server) => {
    // Takes changes of folders, and no new files.
    const full = () => Promise.reject(new ServerError("no-room", server.name, "full"));
    server.between = full;
    server.before = (request) => (request === "putWhole" || request === "allocate" ? full() : Promise.resolve());
  },
  (server) => {
    // Dies for good between a file and the folder.
    server.between = () => (server.kill(), broken(server)());
  },
];

const broken = (server: ShelfServer) => () => Promise.reject(new ServerError("unreachable", server.name, "it broke"));

test("whatever becomes of the requests, a folder leads only to what is there", { timeout: 200_000 }, async (t) => {
  let [good, bad] = [0, 0];
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = seededRandom(seed);
    const servers = shelves(3 + random.below(8));
    const happy = Math.max(2, Math.floor(servers.length * 0.6));
    const grid = gridOf(servers, { happy });
    const folder = await grid.createMutable("sdmf", Buffer.from(""));
    for (const server of servers) HARMS[random.float() < 0.5 ? 0 : random.below(HARMS.length)]!(server);
    const files = [1, 2].map((n) => Buffer.from(`${seed}/${n} `.repeat(50)));
    const drafts = (await Promise.all(files.map((one) => grid.draftFile(memory(one))))) as Draft[];
    const refused = new Set<Draft>();
    const store = async (one: Draft) => void (await one.store().catch(() => refused.add(one)));
    let storing: Promise<unknown> | undefined;
    const change = (before: Uint8Array) => {
      const links = drafts.filter((one) => !refused.has(one)).map(({ cap }) => formatCap(cap));
      const text = [...new Set([...Buffer.from(before).toString().split("\n"), ...links])].filter(Boolean).join("\n");
      return text === Buffer.from(before).toString() ? undefined : Buffer.from(text);
    };
    const outcome = await grid
      .modifyMutable(folder, change, {
        drafts: {
          all: drafts,
          store: async () => void (await (storing ??= Promise.all(drafts.map(store)))),
          areRefused: () => refused.size > 0,
        },
      })
      .then(
        () => "done",
        () => "failed",
      );
    for (const server of servers) server.revive();
    const reader = gridOf(servers, { happy });
    const { content: links } = await reader.readMutable(folder);
    const caps = Buffer.from(links).toString().split("\n").filter(Boolean);
    for (const cap of caps) {
      const found = await readAll(reader, parseCap(cap) as KnownCap);
      assert.ok(
        files.some((file) => file.toString() === found),
        `seed ${seed}`,
      );
    }
    if (outcome === "done") {
      good++;
      assert.equal(caps.length, drafts.length - refused.size, `seed ${seed}`);
      for (const cap of caps) {
        const { happiness } = await reader.check(parseCap(cap) as KnownCap, { verify: true });
        assert.ok(happiness >= happy, `seed ${seed}: acknowledged, and on ${happiness} servers of ${happy}`);
      }
    } else bad++;
  }
  t.diagnostic(`${good} done, ${bad} failed`);
  assert.ok(good > SEEDS / 4 && bad > 0);
});
