/** Several writers on one mutable file at once: whoever was told that its change is stored finds it there. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isFailure } from "../../src/kernel/errors.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import type { KnownCap } from "../../src/protocols/grid/caps.ts";
import { MODIFY_ATTEMPTS_MAX, MODIFY_QUEUE_MAX } from "../../src/services/files/grid/mutable-constants.ts";
import { mutableFile } from "../../src/services/files/grid/mutable-file.ts";
import type { MutableNeeds } from "../../src/services/files/grid/mutable-file.ts";
import { createMutableFile } from "../../src/services/files/grid/mutable-create.ts";
import { MutableWriter } from "../../src/services/files/grid/mutable-modify.ts";
import { readMutableFile } from "../../src/services/files/grid/mutable-read.ts";
import { ServerError } from "../../src/services/files/grid/server.ts";
import { bytes, clientOf, oneKey, shelves, textOf } from "./shelf-grid.ts";
import type { ShelfServer } from "./shelf-server.ts";

const ENTRIES_EACH = 3;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Each request takes its own time, so that those of two writers cross; some fail. */
function disturb(servers: readonly ShelfServer[], seed: number, failing: number): void {
  const random = seededRandom(seed);
  for (const server of servers) {
    server.before = async () => {
      await pause(random.below(12));
      if (random.float() < failing) throw new ServerError("unreachable", server.name, "lost on the way");
    };
    server.after = async () => {
      if (random.float() < failing) throw new ServerError("unreachable", server.name, "the answer is lost");
    };
  }
}

function calm(servers: readonly ShelfServer[]): void {
  for (const server of servers) server.revive();
}

/** Adds entries one after the other; gives those of which it was told that they are stored. */
async function write(needs: MutableNeeds, cap: KnownCap, name: string): Promise<string[]> {
  const writer = new MutableWriter(needs);
  const file = mutableFile(needs.crypto, cap);
  const stored: string[] = [];
  for (let entry = 0; entry < ENTRIES_EACH; entry++) {
    const line = `${name}${entry};`;
    const add = (before: Uint8Array) =>
      textOf(before).includes(line) ? undefined : Buffer.concat([before, bytes(line)]);
    try {
      await writer.modify(file, add);
      stored.push(line);
    } catch (error) {
      const expected = ["files-contended", "files-unreachable", "files-not-spread", "files-damaged"];
      assert.ok(
        expected.some((code) => isFailure(error, code)),
        String(error),
      );
    }
  }
  return stored;
}

async function contentOf(servers: ShelfServer[], cap: KnownCap): Promise<string> {
  const needs = clientOf(servers);
  // As a writer sees it: with every server asked.
  const same = await new MutableWriter(needs).modify(mutableFile(needs.crypto, cap), () => undefined);
  return textOf(same.content);
}

describe("writers that know nothing of each other", () => {
  test("two, who often meet, lose no entry", { timeout: 180_000 }, async () => {
    const world = fc.record({ seed: fc.nat(), count: fc.integer({ min: 3, max: 13 }) });
    await fc.assert(
      fc.asyncProperty(world, async ({ seed, count }) => {
        const servers = shelves(count);
        const cap = await createMutableFile(clientOf(servers), oneKey(), { format: "sdmf", content: bytes(">") });
        disturb(servers, seed, 0);
        const stored = (await Promise.all(["a", "b"].map((name) => write(clientOf(servers), cap, name)))).flat();
        calm(servers);
        const content = await contentOf(servers, cap);
        assert.equal(stored.length, 2 * ENTRIES_EACH, "nobody has to give up");
        for (const line of stored) assert.equal(content.split(line).length, 2, `${line} once in ${content}`);
      }),
      { numRuns: 12 },
    );
  });

  test("five of them, with n too small for so many: none is lost", { timeout: 180_000 }, async () => {
    for (const seed of [1, 2, 3]) {
      const servers = shelves(5);
      const encoding = { needed: 3, total: 5, happy: 3 };
      const cap = await createMutableFile(clientOf(servers, encoding), oneKey(), {
        format: "sdmf",
        content: bytes(">"),
      });
      disturb(servers, seed, 0);
      const names = ["a", "b", "c", "d", "e"];
      const stored = (await Promise.all(names.map((name) => write(clientOf(servers, encoding), cap, name)))).flat();
      calm(servers);
      const content = await contentOf(servers, cap);
      for (const line of stored) assert.ok(content.includes(line), `${line} in ${content}`);
      assert.ok(stored.length > ENTRIES_EACH, "most get through");
    }
  });

  test("and with requests that get lost: what was said to be stored is there", { timeout: 180_000 }, async () => {
    const world = fc.record({ seed: fc.nat(), failing: fc.constantFrom(0.02, 0.1) });
    await fc.assert(
      fc.asyncProperty(world, async ({ seed, failing }) => {
        const servers = shelves(10);
        const cap = await createMutableFile(clientOf(servers), oneKey(), { format: "sdmf", content: bytes(">") });
        disturb(servers, seed, failing);
        const stored = (await Promise.all(["a", "b"].map((name) => write(clientOf(servers), cap, name)))).flat();
        calm(servers);
        const content = await contentOf(servers, cap);
        for (const line of stored) assert.ok(content.includes(line), `${line} in ${content}`);
      }),
      { numRuns: 12 },
    );
  });
});

test("who meets another writer each time gives up at last", { timeout: 180_000 }, async () => {
  const servers = shelves(10);
  const needs = clientOf(servers);
  const cap = await createMutableFile(needs, oneKey(), { format: "sdmf", content: bytes("a") });
  const file = mutableFile(needs.crypto, cap);
  const [other] = [clientOf(servers)];
  let calls = 0;
  let isBusy = false;
  for (const server of servers) {
    server.before = async (request) => {
      if (request !== "write" || isBusy) return;
      // Before the first of its writings arrives, somebody else's is through.
      isBusy = true;
      await new MutableWriter(other!).modify(file, () => bytes(`other ${calls}`));
      isBusy = false;
    };
  }
  const quick = { ...needs, random: { ...needs.random, float: () => 0 } };
  const change = () => bytes(`mine ${calls++}`);
  await assert.rejects(new MutableWriter(quick).modify(file, change), (error) => isFailure(error, "files-contended"));
  assert.equal(calls, MODIFY_ATTEMPTS_MAX);
});

test("who has met another writer asks one server alone, which decides who goes on", async () => {
  const servers = shelves(5);
  const encoding = { needed: 3, total: 5, happy: 3 };
  const needs = clientOf(servers, encoding);
  const cap = await createMutableFile(needs, oneKey(), { format: "sdmf", content: bytes("a") });
  const file = mutableFile(needs.crypto, cap);
  needs.memory.noteMet(file.index, needs.clock.monotonicMs());
  const other = new MutableWriter(clientOf(servers, encoding));
  const asked: string[] = [];
  let [isTheirs, met] = [false, 0];
  for (const server of servers) {
    server.before = async (request) => {
      if (request !== "write" || isTheirs) return;
      asked.push(server.name);
      if ((met += 1) > 1) return;
      isTheirs = true;
      await other.modify(file, (before) => Buffer.concat([before, bytes("b")]));
      isTheirs = false;
    };
  }
  const { content } = await new MutableWriter(needs).modify(file, (before) => Buffer.concat([before, bytes("c")]));
  assert.equal(textOf(content), "abc");
  // The one that had another version by then, and all of them the next time, that one first.
  assert.equal(asked.length, 1 + servers.length);
  assert.equal(asked[1], asked[0]);
});

test("only so many of one box wait for the same file", async () => {
  const servers = shelves(3);
  const needs = clientOf(servers);
  const cap = await createMutableFile(needs, oneKey(), { format: "sdmf", content: bytes("a") });
  const writer = new MutableWriter(needs);
  const file = mutableFile(needs.crypto, cap);
  for (const server of servers) server.freeze();
  const end = new AbortController();
  const waiting = Array.from({ length: MODIFY_QUEUE_MAX }, () => writer.modify(file, () => undefined, end));
  const settled = Promise.allSettled(waiting);
  await assert.rejects(
    writer.modify(file, () => undefined),
    (error) => isFailure(error, "files-too-many"),
  );
  end.abort();
  assert.ok((await settled).every(({ status }) => status === "rejected"));
  for (const server of servers) server.revive();
  assert.equal((await readMutableFile(needs, file)).content.length, 1);
});

test("what begins with one version and ends with the next is read again, not taken for damaged", async () => {
  const servers = shelves(3);
  const encoding = { total: 3 };
  const needs = clientOf(servers, encoding);
  const content = new Uint8Array(100_000).fill(1);
  const cap = await createMutableFile(needs, oneKey(), { format: "sdmf", content });
  const file = mutableFile(needs.crypto, cap);
  let isWritten = false;
  for (const server of servers) {
    server.before = async (request) => {
      if (request !== "read" || isWritten) return;
      isWritten = true;
      await new MutableWriter(clientOf(servers, encoding)).modify(file, () => content.slice().fill(2));
    };
  }
  const { content: read } = await readMutableFile({ ...needs, memory: clientOf(servers).memory }, file);
  assert.deepEqual(new Set(read), new Set([2]));
});
