/** Mutable files over servers that die, freeze, lie, forget and run full, and what each of these may cost. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isFailure } from "../../src/kernel/errors.ts";
import { readCapOf, verifyCapOf } from "../../src/protocols/grid/caps.ts";
import type { KnownCap, MutableFormat } from "../../src/protocols/grid/caps.ts";
import {
  MUTABLE_CONTENT_MAX_BYTES,
  SDMF_CONTENT_MAX_BYTES,
  WRITE_ROUNDS_MAX,
} from "../../src/services/files/grid/mutable-constants.ts";
import { mutableFile } from "../../src/services/files/grid/mutable-file.ts";
import type { MutableNeeds } from "../../src/services/files/grid/mutable-file.ts";
import { MutableMemory } from "../../src/services/files/grid/mutable-memory.ts";
import { createMutableFile } from "../../src/services/files/grid/mutable-create.ts";
import { MutableWriter } from "../../src/services/files/grid/mutable-modify.ts";
import { readMutableFile } from "../../src/services/files/grid/mutable-read.ts";
import { ServerError } from "../../src/services/files/grid/server.ts";
import { elapsedMs, quickerThan } from "../../src/kernel/cost.fixture.ts";
import { bytes, clientOf, oneKey, shelves, textOf } from "./shelf-grid.ts";
import type { ShelfServer } from "./shelf-server.ts";

interface World {
  servers: ShelfServer[];
  needs: MutableNeeds;
  cap: KnownCap;
  index: string;
}

async function worldWith(content: Uint8Array, format: MutableFormat = "sdmf", count = 10): Promise<World> {
  const servers = shelves(count);
  const needs = clientOf(servers);
  const cap = await createMutableFile(needs, oneKey(), { format, content });
  return { servers, needs, cap, index: mutableFile(needs.crypto, cap).index };
}

/** As somebody who knows nothing yet. */
async function read({ needs }: World, cap: KnownCap): Promise<string> {
  const stranger = { ...needs, memory: new MutableMemory() };
  return textOf((await readMutableFile(stranger, mutableFile(needs.crypto, cap))).content);
}

async function append({ needs }: World, cap: KnownCap, text: string): Promise<void> {
  const writer = new MutableWriter({ ...needs, memory: new MutableMemory() });
  await writer.modify(mutableFile(needs.crypto, cap), (before) => Buffer.concat([before, bytes(text)]));
}

const failure = (code: string) => (error: unknown) => isFailure(error, code);
const holders = (world: World) => world.servers.filter((server) => server.sharesOf(world.index).size > 0);

for (const format of ["sdmf", "mdmf"] as const) {
  describe(format, () => {
    for (const length of [0, 1, 55, 56, 8000, 131_072, 131_074, 400_001]) {
      test(`${length} bytes are written, read, changed and read again`, async () => {
        const content = new Uint8Array(length).map((_, index) => (index * 7) % 251);
        const world = await worldWith(content, format);
        const reading = readCapOf(world.needs.crypto, world.cap)!;
        const file = mutableFile(world.needs.crypto, reading);
        const first = await readMutableFile(world.needs, file);
        assert.ok(Buffer.compare(first.content, content) === 0);
        await append(world, world.cap, "end");
        assert.equal((await read(world, reading)).length, length + 3);
        assert.ok((await read(world, world.cap)).endsWith("end"));
      });
    }

    test("any k servers are enough, fewer are said to be too few", async () => {
      const world = await worldWith(bytes("here"), format);
      for (const server of holders(world).slice(3)) server.kill();
      assert.equal(await read(world, world.cap), "here");
      await append(world, world.cap, " and there");
      assert.equal(await read(world, world.cap), "here and there");
      for (const server of world.servers) server.kill();
      await assert.rejects(read(world, world.cap), failure("files-unreachable"));
    });

    test("each changed byte of a share is noticed or without meaning", async () => {
      const world = await worldWith(bytes("the content of a file"), format);
      const [server] = holders(world);
      const shares = server!.sharesOf(world.index);
      const [number, good] = [...shares][0]!;
      for (let at = 0; at < good.length; at += format === "sdmf" ? 17 : 29) {
        const bad = good.slice();
        bad[at]! ^= 0x10;
        shares.set(number, bad);
        assert.equal(await read(world, world.cap), "the content of a file", `byte ${at}`);
      }
      assert.ok(server!.advisories.length > 10, "the server is told");
    });
  });
}

describe("servers", () => {
  test("one that is frozen costs less than two seconds in each operation", async () => {
    await quickerThan(2000, async () => {
      const world = await worldWith(bytes("a"));
      const [frozen] = holders(world);
      frozen!.freeze();
      const readMs = await elapsedMs(async () => assert.equal(await read(world, world.cap), "a"));
      const appendMs = await elapsedMs(() => append(world, world.cap, "b"));
      return Math.max(readMs, appendMs);
    });
  });

  test("one that is known to be slow costs nothing", async () => {
    const world = await worldWith(bytes("a"));
    const [frozen] = holders(world);
    frozen!.freeze();
    frozen!.availability = "slow";
    await quickerThan(300, () => elapsedMs(async () => assert.equal(await read(world, world.cap), "a")));
  });

  test("one that freezes in the middle of a writing is replaced", async () => {
    let world = await worldWith(bytes("a"), "sdmf", 11);
    let [frozen] = holders(world);
    await quickerThan(2500, async () => {
      world = await worldWith(bytes("a"), "sdmf", 11);
      [frozen] = holders(world);
      frozen!.before = (request) => (request === "write" ? new Promise(() => {}) : Promise.resolve());
      return elapsedMs(() => append(world, world.cap, "b"));
    });
    frozen!.kill();
    const map = (await readMutableFile(world.needs, mutableFile(world.needs.crypto, world.cap))).surveyed.map;
    assert.equal(map.best?.header.sequence, 2n);
    assert.equal(
      new Set(
        holders(world)
          .filter((one) => one !== frozen)
          .flatMap((one) => [...one.sharesOf(world.index).keys()]),
      ).size,
      10,
    );
  });

  test("an old version that some show again is passed over while a newer one is reachable", async () => {
    const world = await worldWith(bytes("old"));
    const kept = new Map(world.servers.map((one) => [one, new Map(one.sharesOf(world.index))]));
    await append(world, world.cap, " new");
    for (const server of holders(world).slice(0, 5)) {
      for (const [number, share] of kept.get(server)!) server.sharesOf(world.index).set(number, share);
    }
    assert.equal(await read(world, world.cap), "old new");
    await append(world, world.cap, "er");
    assert.equal(await read(world, world.cap), "old newer");
  });

  test("a full one gets no new shares, and if all are full that is said", async () => {
    const servers = shelves(6);
    servers[0]!.room = 0;
    const needs = clientOf(servers);
    const cap = await createMutableFile(needs, oneKey(), { format: "sdmf", content: bytes("a") });
    assert.equal(servers[0]!.sharesOf(mutableFile(needs.crypto, cap).index).size, 0);
    for (const server of servers) {
      server.room = 0;
      Object.defineProperty(server, "availableBytes", { value: () => undefined });
    }
    const write = new MutableWriter(needs).modify(mutableFile(needs.crypto, cap), () => bytes("b"));
    await assert.rejects(write, failure("files-no-room"));
  });

  test("others take the place of those that fail to write, round by round, not for ever", async () => {
    const servers = shelves(10 * WRITE_ROUNDS_MAX + 5);
    for (const server of servers) {
      server.before = (request) =>
        request === "write" ? Promise.reject(new ServerError("failed", server.name, "broken")) : Promise.resolve();
    }
    const create = createMutableFile(clientOf(servers), oneKey(), { format: "sdmf", content: bytes("a") });
    await assert.rejects(create, failure("files-not-spread"));
    const asked = servers.map((server) => server.asked.filter((request) => request === "write").length);
    assert.deepEqual([asked.filter((count) => count === 1).length, Math.max(...asked)], [10 * WRITE_ROUNDS_MAX, 1]);
  });

  test("too few for a new file are refused before anything is stored", async () => {
    const servers = shelves(4);
    const needs = clientOf(servers, { happy: 5 });
    const create = createMutableFile(needs, oneKey(), { format: "sdmf", content: bytes("a") });
    await assert.rejects(create, failure("files-not-spread"));
    assert.ok(servers.every(({ slots }) => slots.size === 0));
  });
});

describe("caps and limits", () => {
  test("a verify cap reads nothing, a read cap writes nothing", async () => {
    const world = await worldWith(bytes("a"));
    const { crypto } = world.needs;
    await assert.rejects(read(world, verifyCapOf(crypto, world.cap)!), failure("files-bad-cap"));
    await assert.rejects(append(world, readCapOf(crypto, world.cap)!, "b"), failure("files-read-only"));
    assert.equal(await read(world, world.cap), "a");
  });

  test("contents up to the limits, and not beyond", async () => {
    const world = await worldWith(bytes("a"));
    const writer = new MutableWriter(world.needs);
    const file = mutableFile(world.needs.crypto, world.cap);
    const whole = await writer.modify(file, () => new Uint8Array(SDMF_CONTENT_MAX_BYTES));
    assert.equal(whole.content.length, SDMF_CONTENT_MAX_BYTES);
    const beyond = writer.modify(file, () => new Uint8Array(SDMF_CONTENT_MAX_BYTES + 1));
    await assert.rejects(beyond, failure("files-too-large"));
    const content = new Uint8Array(MUTABLE_CONTENT_MAX_BYTES + 1);
    const create = createMutableFile(clientOf(shelves(10)), oneKey(), { format: "mdmf", content });
    await assert.rejects(create, failure("files-too-large"));
  });

  test("a signal ends what has not begun to write", async () => {
    const world = await worldWith(bytes("a"));
    for (const server of world.servers) server.freeze();
    const signal = AbortSignal.timeout(50);
    const reading = readMutableFile(world.needs, mutableFile(world.needs.crypto, world.cap), signal);
    await assert.rejects(reading, { name: "TimeoutError" });
  });
});
