/** Changes of files of which a box knows all since a moment ago: what is not asked, and what that must not cost. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { systemClock } from "../../src/kernel/clock.ts";
import { isFailure } from "../../src/kernel/errors.ts";
import type { KnownCap } from "../../src/protocols/grid/caps.ts";
import { permutedOrder } from "../../src/protocols/grid/placement.ts";
import {
  KNOWN_BYTES_MAX,
  KNOWN_FRESH_MS,
  KNOWN_PAUSE_MS,
  NEWEST_KEPT_MS,
} from "../../src/services/files/grid/mutable-constants.ts";
import { mutableFile } from "../../src/services/files/grid/mutable-file.ts";
import type { MutableFile, MutableNeeds } from "../../src/services/files/grid/mutable-file.ts";
import { MutableMemory } from "../../src/services/files/grid/mutable-memory.ts";
import { createMutableFile } from "../../src/services/files/grid/mutable-create.ts";
import { MutableWriter } from "../../src/services/files/grid/mutable-modify.ts";
import { readMutableFile } from "../../src/services/files/grid/mutable-read.ts";
import { ServerError } from "../../src/services/files/grid/server.ts";
import { bytes, clientOf, oneKey, shelves, textOf } from "./shelf-grid.ts";
import type { ShelfServer } from "./shelf-server.ts";

interface Known {
  /** In the order of the file. */
  servers: ShelfServer[];
  needs: MutableNeeds;
  /** Passes on its clock. */
  later: (ms: number) => void;
  cap: KnownCap;
  file: MutableFile;
  writer: MutableWriter;
}

async function made(count: number, encoding = {}): Promise<Known> {
  const servers = shelves(count);
  const clock = systemClock();
  let laterMs = 0;
  const client = clientOf(servers, encoding);
  const needs = { ...client, clock: { ...clock, monotonicMs: () => clock.monotonicMs() + laterMs } };
  const cap = await createMutableFile(needs, oneKey(), { format: "sdmf", content: bytes(">") });
  const file = mutableFile(needs.crypto, cap);
  const order = permutedOrder(needs.crypto, file.storageIndex, servers);
  const later = (ms: number) => void (laterMs += ms);
  return { servers: order, needs, later, cap, file, writer: new MutableWriter(needs) };
}

const add = (text: string) => (before: Uint8Array) => Buffer.concat([before, bytes(text)]);
const failure = (code: string) => (error: unknown) => isFailure(error, code);

/** Empties the lists of what the servers were asked, and gives them. */
function asked(servers: readonly ShelfServer[]): string[][] {
  return servers.map((server) => server.asked.splice(0));
}

/** As somebody who knows nothing yet. */
async function read({ needs, file }: Known): Promise<string> {
  return textOf((await readMutableFile({ ...needs, memory: new MutableMemory() }, file)).content);
}

function stranger({ servers }: Known): MutableWriter {
  return new MutableWriter(clientOf(servers));
}

/** Lets each write be lost on its way to these servers. */
function loseWrites(servers: readonly ShelfServer[]): void {
  for (const server of servers) {
    server.before = async (request) => {
      if (request === "write") throw new ServerError("unreachable", server.name, "lost on the way");
    };
  }
}

describe("what is not asked", () => {
  test("each holder of a file that was just made or changed is written to once, and asked nothing", async () => {
    const known = await made(10);
    assert.deepEqual(asked(known.servers), Array(10).fill(["write"]));
    for (const text of ["a", "b"]) {
      await known.writer.modify(known.file, add(text));
      assert.deepEqual(asked(known.servers), Array(10).fill(["write"]));
    }
    assert.equal(await read(known), ">ab");
  });

  test("those that hold nothing and that an asking writer would have asked are looked at the while", async () => {
    const known = await made(20);
    asked(known.servers);
    await known.writer.modify(known.file, add("a"));
    const [holders, lookers, others] = [
      Array(10).fill(["write"]),
      Array(3).fill(["readTestWrite"]),
      Array(7).fill([]) as string[][],
    ];
    assert.deepEqual(asked(known.servers), [...holders, ...lookers, ...others]);
  });

  test("after a while it asks first; what is prepared need not", async () => {
    const known = await made(10);
    known.later(KNOWN_FRESH_MS + 1000);
    asked(known.servers);
    await known.writer.modify(known.file, add("a"));
    assert.deepEqual(asked(known.servers), Array(10).fill(["readTestWrite", "write"]));
    known.later(KNOWN_FRESH_MS + 1000);
    await known.writer.prepare(known.file);
    assert.deepEqual(asked(known.servers), Array(10).fill(["readTestWrite"]));
    await known.writer.modify(known.file, add("b"));
    assert.deepEqual(asked(known.servers), Array(10).fill(["write"]));
    assert.equal(await read(known), ">ab");
  });

  test("with a holder that does not answer in time it asks first", async () => {
    const known = await made(10);
    known.servers[4]!.availability = "slow";
    asked(known.servers);
    await known.writer.modify(known.file, add("a"));
    assert.ok(asked(known.servers).every(([first]) => first === "readTestWrite"));
  });
});

describe("what somebody else has written meanwhile", () => {
  test("is met, and nothing of it is lost; then it asks first for a while", async () => {
    const known = await made(10);
    await stranger(known).modify(known.file, add("other;"));
    await known.writer.modify(known.file, add("own;"));
    assert.equal(await read(known), ">other;own;");
    asked(known.servers);
    await known.writer.prepare(known.file);
    assert.deepEqual(asked(known.servers), Array(10).fill([]), "nothing can be prepared then");
    await known.writer.modify(known.file, add("again;"));
    assert.deepEqual(asked(known.servers), Array(10).fill(["readTestWrite", "write"]));
    known.later(KNOWN_PAUSE_MS);
    await known.writer.modify(known.file, add("asking;"));
    asked(known.servers);
    await known.writer.modify(known.file, add("known;"));
    assert.deepEqual(asked(known.servers), Array(10).fill(["write"]));
  });

  test("is met where this writer expected nothing", async () => {
    const known = await made(13);
    const holders = known.servers.slice(0, 10);
    // The other one reaches three holders to read from; all that it writes comes to lie elsewhere.
    for (const server of holders.slice(3)) server.kill();
    loseWrites(holders.slice(0, 3));
    await stranger(known).modify(known.file, add("other;"));
    for (const server of holders) server.revive();
    await known.writer.modify(known.file, add("own;"));
    assert.equal(await read(known), ">other;own;");
  });

  test("is what a change is asked of that was refused, or not needed, by what was known", async () => {
    const known = await made(10);
    await stranger(known).modify(known.file, add("other;"));
    const unless = (text: string) => (before: Uint8Array) =>
      textOf(before).includes("other") ? add(text)(before) : undefined;
    await known.writer.modify(known.file, unless("b;"));
    const other = await made(10);
    await stranger(other).modify(other.file, add("other;"));
    await other.writer.modify(other.file, (before) => unless("c;")(before) ?? assert.fail("not there yet"));
    assert.deepEqual([await read(known), await read(other)], [">other;b;", ">other;c;"]);
  });
});

test("when too few of those that are known write, all are asked", async () => {
  const known = await made(14, { happy: 7 });
  const [broken] = [known.servers.slice(0, 4)];
  let left = 30;
  for (const server of known.servers) {
    server.before = async (request) => {
      const isLost = request === "write" && (broken!.includes(server) || left-- > 23);
      if (isLost) throw new ServerError("failed", server.name, "not now");
    };
  }
  await known.writer.modify(known.file, add("a"));
  assert.equal(await read(known), ">a");
});

describe("how many servers must have a change", () => {
  test("as many as of a new file; fewer leave what was there", async () => {
    const known = await made(10, { happy: 7 });
    for (const server of known.servers.slice(0, 4)) server.kill();
    await assert.rejects(known.writer.modify(known.file, add("a")), failure("files-not-spread"));
    known.servers[0]!.revive();
    await known.writer.modify(known.file, add("b"));
    assert.match(await read(known), /^>.*b$/);
  });

  test("a file from when the grid was small moves out", async () => {
    const known = await made(3, { happy: 2 });
    const grown = [...known.servers, ...shelves(10).slice(3)];
    await new MutableWriter(clientOf(grown, { happy: 7 })).modify(known.file, add("a"));
    assert.ok(grown.filter((server) => server.sharesOf(known.file.index).size > 0).length >= 7);
  });

  test("full ones that hold nothing do not count", async () => {
    const known = await made(3, { happy: 2 });
    const full = shelves(10).slice(3);
    for (const server of full) server.room = 0;
    await new MutableWriter(clientOf([...known.servers, ...full], { happy: 7 })).modify(known.file, add("a"));
    assert.equal(await read(known), ">a");
  });
});

describe("an older version than was seen", () => {
  test("is not built upon while those who may have the newer one are silent, for half a day", async () => {
    const known = await made(20, { happy: 7 });
    const old = known.servers.map((server) => new Map(server.sharesOf(known.file.index)));
    known.later(KNOWN_FRESH_MS + 1000);
    await known.writer.modify(known.file, add("new;"));
    // Seven show the old one again; those with the new one are off.
    const [holders, rest] = [known.servers.slice(0, 10), known.servers.slice(10)];
    holders.forEach((server, at) => {
      if (at < 3) server.kill();
      else for (const [number, share] of old[at]!) server.sharesOf(known.file.index).set(number, share);
    });
    known.later(KNOWN_FRESH_MS + 1000);
    await assert.rejects(known.writer.modify(known.file, add("beside;")), failure("files-unreachable"));
    for (const server of holders) server.revive();
    await known.writer.modify(known.file, add("upon;"));
    assert.equal(await read(known), ">new;upon;");
    assert.ok(rest.length > 0);
    known.needs.memory.noteNewest(known.file.index, 99n, known.needs.clock.monotonicMs());
    for (const server of rest) server.kill();
    known.later(NEWEST_KEPT_MS + 1000);
    await known.writer.modify(known.file, add("at last;"));
    assert.equal(await read(known), ">new;upon;at last;");
  });

  test("is built upon when all say that they have no other", async () => {
    const known = await made(10);
    known.needs.memory.noteNewest(known.file.index, 9n, known.needs.clock.monotonicMs());
    known.later(KNOWN_FRESH_MS + 1000);
    await known.writer.modify(known.file, add("a"));
    assert.equal(await read(known), ">a");
    assert.equal(known.needs.memory.newestOf(known.file.index, known.needs.clock.monotonicMs()), 2n);
  });
});

test("what is known takes a bounded memory", async () => {
  const memory = new MutableMemory();
  const known = await made(10);
  const { map } = known.needs.memory.knownOf(known.file.index, known.needs.clock.monotonicMs())!;
  const content = new Uint8Array(KNOWN_BYTES_MAX / 4);
  for (let at = 0; at < 6; at++) memory.noteKnown(`${at}`, { map, content, atMs: 0 });
  assert.equal(memory.knownBytes, KNOWN_BYTES_MAX);
  assert.deepEqual([memory.knownOf("1", 0), memory.knownOf("2", 0)?.content], [undefined, content]);
  memory.noteKnown("2", { map, content: new Uint8Array(KNOWN_BYTES_MAX + 1), atMs: 0 });
  assert.equal(memory.knownOf("2", 0), undefined, "too large a one is not kept");
  memory.noteMet("3", 0);
  assert.equal(memory.knownBytes, KNOWN_BYTES_MAX / 2);
});
