/** Uploads when servers freeze, fail, are full or are few; and uploads that are broken off and asked again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../src/kernel/errors.ts";
import { formatCap } from "../../src/protocols/grid/caps.ts";
import { PLACING_ROUNDS_MAX, SENDINGS_MAX } from "../../src/services/files/grid/constants.ts";
import { ServerError } from "../../src/services/files/grid/server.ts";
import {
  bytesOf as contentOf,
  encoding,
  get,
  processGrid,
  put,
  sameContent,
  serverProcess,
  testGrid,
  timed,
} from "./immutable-grid.ts";
import type { TestGrid, Watched } from "./immutable-grid.ts";

const SIZE = 4_000_000;
/** Well below the time after which a frozen server is given up; what is promised is shown in virtual time. */
const COST_MAX_MS = 8000;

/** Calls `act` before the request number `index` of this kind. */
function atRequest(server: Watched, kind: string, index: number, act: () => void): void {
  let seen = 0;
  server.before = async (what, signal) => {
    if (what !== kind) return;
    if (seen++ !== index) return;
    act();
    await server.before(what, signal);
  };
}

const sentBy = ({ servers }: TestGrid) => servers.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
const writesOf = (server: Watched) => server.asked.filter((what) => what === "write").length;

test("a server that freezes at any step costs little, and its shares go to others", { timeout: 180_000 }, async (t) => {
  const grid = await testGrid(t, 5);
  const how = encoding(3, 10, 4);
  const usual = await timed(() => put(grid.needs, contentOf(SIZE), how));
  for (const [kind, index] of [
    ["allocate", 0],
    ["write", 0],
    ["write", 1],
    ["write", 4],
    ["write", 7],
  ] as const) {
    const content = contentOf(SIZE + grid.servers[0]!.asked.length + 1);
    const victim = grid.servers[2]!;
    atRequest(victim, kind, index, () => victim.freeze());
    const { value, ms } = await timed(() => put(grid.needs, content, how));
    victim.before = async () => {};
    assert.equal(value.sent, 10, `${kind} ${index}`);
    assert.ok(value.happiness >= 4);
    assert.ok(ms < usual.ms * 2 + COST_MAX_MS, `${kind} ${index}: ${ms} ms, ${usual.ms} ms without`);
    victim.kill();
    sameContent(await get(grid.needs, value.cap), content, `without the one that froze at ${kind} ${index}`);
    victim.before = async () => {};
  }
});

test("a process that is stopped in the middle of an upload costs little", { timeout: 180_000 }, async (t) => {
  const { processes, servers, needs } = await processGrid(t, 4);
  const how = encoding(2, 4, 3);
  const usual = await timed(() => put(needs, contentOf(SIZE), how));
  const content = contentOf(SIZE + 1);
  atRequest(servers[1]!, "write", 2, () => processes[1]!.running.signal("SIGSTOP"));
  const { value, ms } = await timed(() => put(needs, content, how));
  t.diagnostic(`${Math.round(ms)} ms with a stopped server, ${Math.round(usual.ms)} ms without`);
  assert.ok(ms < usual.ms * 2 + COST_MAX_MS, `${ms} ms, ${usual.ms} ms without`);
  assert.ok(value.happiness >= 3);
  const down = await timed(() => get(needs, value.cap));
  sameContent(down.value, content, "with a stopped server");
  assert.ok(down.ms < COST_MAX_MS, `${down.ms} ms`);
  processes[1]!.running.signal("SIGCONT");
});

test("a slow server costs little in the whole upload", { timeout: 180_000 }, async (t) => {
  const { needs, servers } = await testGrid(t, 5);
  const how = encoding(2, 5, 4, 131_072);
  const usual = await timed(() => put(needs, contentOf(4 * SIZE), how));
  servers[3]!.before = (what) => new Promise((done) => setTimeout(done, what === "write" ? 450 : 0));
  const content = contentOf(4 * SIZE + 1);
  const { value, ms } = await timed(() => put(needs, content, how));
  assert.ok(value.happiness >= 4);
  assert.ok(ms < usual.ms * 2 + COST_MAX_MS, `${ms} ms, ${usual.ms} ms without`);
  sameContent(await get(needs, value.cap), content, "after a slow server");
});

test("aborted at any step and asked again, it sends only what is missing", { timeout: 180_000 }, async (t) => {
  const grid = await testGrid(t, 3);
  const how = encoding(1, 3);
  for (const [kind, index] of [
    ["allocate", 0],
    ["write", 0],
    ["write", 1],
    ["write", 3],
    ["write", 5],
  ] as const) {
    const content = contentOf(SIZE + 10 * index + kind.length);
    const controller = new AbortController();
    const before = sentBy(grid);
    atRequest(grid.servers[0]!, kind, index, () => controller.abort(new Error("enough")));
    await assert.rejects(put(grid.needs, content, how, { signal: controller.signal }), /enough/);
    const asked = grid.servers.map((server) => server.asked.length);
    await new Promise((done) => setTimeout(done, 100));
    assert.deepEqual(
      grid.servers.map((server) => server.asked.length),
      asked,
      "nothing runs on",
    );
    for (const server of grid.servers) server.before = async () => {};
    const { cap, happiness } = await put(grid.needs, content, how);
    assert.equal(happiness, 3);
    sameContent(await get(grid.needs, cap), content, `after ${kind} ${index}`);
    // What was cut on its way, some chunks of each share, may have to go again.
    const inFlight = 3 * 2 * 1_100_000;
    const sent = sentBy(grid) - before;
    assert.ok(sent <= 3 * content.length + inFlight + 20_000, `${kind} ${index}: ${sent} for ${content.length}`);
  }
});

test(
  "chunks that were answered are not sent again, also after kill -9 of a server",
  { timeout: 180_000 },
  async (t) => {
    const { processes, servers, needs } = await processGrid(t, 2);
    const content = contentOf(4 * SIZE);
    const how = encoding(2, 2);
    const stop = new AbortController();
    let writes = 0;
    for (const server of servers) {
      server.before = async (what) => {
        if (what === "write" && ++writes === 14) stop.abort(new Error("killed"));
      };
    }
    await assert.rejects(put(needs, content, how, { signal: stop.signal }), /killed/);
    const first = servers.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
    await processes[0]!.running.kill();
    const again = await serverProcess(t, "server0", processes[0]!.folder);
    const now = [again.server, servers[1]!];
    servers[1]!.sentBytes = 0;
    servers[1]!.before = async () => {};
    const { cap, happiness } = await put({ ...needs, servers: () => now }, content, how);
    assert.equal(happiness, 2);
    sameContent(await get({ ...needs, servers: () => now }, cap), content, "resumed");
    const second = now.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
    t.diagnostic(`${first} bytes before, ${second} after, ${content.length} of content`);
    assert.ok(
      servers[1]!.sentBytes < content.length / 2 - 2_000_000,
      `${servers[1]!.sentBytes} to the one that lived on`,
    );
  },
);

test(
  "a broken connection is tried once more; one that stays broken loses its shares",
  { timeout: 180_000 },
  async (t) => {
    const { needs, servers } = await testGrid(t, 4);
    const broken = () => Promise.reject(new ServerError("unreachable", "it", "broken"));
    let failures = 1;
    servers[0]!.before = async (what) => (what === "write" && failures-- > 0 ? broken() : undefined);
    const once = await put(needs, contentOf(100_000), encoding(2, 4));
    assert.equal(once.happiness, 4);
    servers[0]!.before = async (what) => (what === "write" ? broken() : undefined);
    servers[0]!.asked.length = 0;
    const twice = await put(needs, contentOf(100_001), encoding(2, 4, 3));
    assert.equal(twice.sent, 4);
    assert.equal(twice.happiness, 3);
    assert.equal(writesOf(servers[0]!), 2);
  },
);

test("full servers keep what they have; too few with room is a failure", { timeout: 180_000 }, async (t) => {
  const { needs, servers } = await testGrid(t, 4);
  const how = encoding(2, 4, 4);
  const content = contentOf(50_000);
  await put(needs, content, how);
  servers[1]!.available = 0;
  const again = await put(needs, content, how);
  assert.deepEqual([again.sent, again.found, again.happiness], [0, 4, 4]);
  const three = await put(needs, contentOf(50_001), { ...how, happy: 3 });
  assert.deepEqual([three.sent, three.happiness], [4, 3]);
  await assert.rejects(put(needs, contentOf(50_002), how), (error) => isFailure(error, "files-not-spread"));
  for (const server of servers) {
    server.before = async (what) => {
      if (what === "allocate") throw new ServerError("no-room", "it", "full");
    };
  }
  await assert.rejects(put(needs, contentOf(50_003), how), (error) => isFailure(error, "files-no-room"));
  for (const server of servers) server.kill();
  await assert.rejects(put(needs, contentOf(50_004), how), (error) => isFailure(error, "files-unreachable"));
  await assert.rejects(put({ ...needs, servers: () => [] }, contentOf(50_005), how), (error) =>
    isFailure(error, "files-unreachable"),
  );
});

test(
  "one full and one away: it is said that servers are missing, for another has room",
  { timeout: 180_000 },
  async (t) => {
    const { needs, servers } = await testGrid(t, 3);
    const how = encoding(2, 4, 2);
    const isFull = async (what: string) => {
      if (what === "allocate") throw new ServerError("no-room", "it", "full");
    };
    servers[0]!.before = isFull;
    servers[1]!.kill();
    const failing = put(needs, contentOf(50_000), how);
    await assert.rejects(failing, (error) => isFailure(error, "files-not-spread") && error.params["found"] === 1);
    servers[2]!.before = isFull;
    await assert.rejects(put(needs, contentOf(50_001), how), (error) => isFailure(error, "files-no-room"));
  },
);

test("asking and sending end after their rounds", { timeout: 180_000 }, async (t) => {
  const { needs, servers } = await testGrid(t, 3);
  for (const server of servers) {
    server.allocate = async (_storageIndex, wish) => {
      server.asked.push("allocate");
      return { alreadyHave: [], allocated: [...wish.shares] };
    };
    server.writeChunk = async () => ({ isComplete: false, missing: [] });
  }
  await assert.rejects(put(needs, contentOf(1000), encoding(1, 3, 1)), (error) => isFailure(error, "files-not-spread"));
  for (const server of servers) {
    const allocations = server.asked.filter((what) => what === "allocate").length;
    assert.ok(allocations <= SENDINGS_MAX * PLACING_ROUNDS_MAX, `${allocations}`);
  }
});

test("shares are spread over owners and zones", { timeout: 180_000 }, async (t) => {
  const { needs, servers } = await testGrid(t, 6);
  servers.forEach((server, index) => {
    server.owner = index < 4 ? "anna" : `other${index}`;
    server.zone = index % 2 === 0 ? "north" : "south";
  });
  const { happiness } = await put(needs, contentOf(60_000), encoding(1, 3, 3));
  assert.equal(happiness, 3);
  const holders = servers.filter((server) => writesOf(server) > 0);
  assert.equal(new Set(holders.map(({ owner }) => owner)).size, 3);
  assert.equal(new Set(holders.map(({ zone }) => zone)).size, 2);
});

test("progress grows up to the whole, and a wrong size is an error", { timeout: 180_000 }, async (t) => {
  const { needs } = await testGrid(t, 3);
  const seen: number[] = [];
  const content = contentOf(SIZE);
  const { cap } = await put(needs, content, encoding(1, 3), { onProgress: ({ doneBytes }) => seen.push(doneBytes) });
  assert.deepEqual(
    seen,
    seen.toSorted((a, b) => a - b),
  );
  assert.equal(seen.at(-1), SIZE);
  assert.ok(new Set(seen).size > 2, seen.join(" "));
  assert.match(formatCap(cap), /:1:3:4000000$/);
  for (const bytes of [SIZE - 1, SIZE + 1]) {
    const lying = {
      bytes,
      read: async function* () {
        yield content;
      },
    };
    await assert.rejects(put(needs, lying, encoding(2, 3)), /the content is (?:longer|shorter) than it was/);
  }
});
