/** Jobs of different size side by side. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { severalAtOnce } from "./files-transfer.ts";
import type { Job } from "./files-transfer.ts";

/** Jobs that run until they are ended, and what is running. */
function doings(places: readonly number[]) {
  const running = new Map<number, PromiseWithResolvers<void>>();
  async function* jobs(): AsyncGenerator<Job> {
    for (const [at, one] of places.entries()) {
      const run = () => {
        const until = Promise.withResolvers<void>();
        running.set(at, until);
        return until.promise.finally(() => running.delete(at));
      };
      yield { places: one, run };
    }
  }
  const settled = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return [...running.keys()];
  };
  return { jobs: jobs(), running, settled };
}

test("as many run as have room, in their order, and a large one waits until it has some", async () => {
  const { jobs, running, settled } = doings([1, 1, 3, 1, 9, 1]);
  const all = severalAtOnce(jobs, 4);
  assert.deepEqual(await settled(), [0, 1]);
  running.get(1)!.resolve();
  assert.deepEqual(await settled(), [0, 2]);
  running.get(0)!.resolve();
  assert.deepEqual(await settled(), [2, 3]);
  running.get(2)!.resolve();
  assert.deepEqual(await settled(), [3], "what wants more than there is waits until nothing runs");
  running.get(3)!.resolve();
  assert.deepEqual(await settled(), [4]);
  running.get(4)!.resolve();
  assert.deepEqual(await settled(), [5]);
  running.get(5)!.resolve();
  await all;
});

test("the first failure ends all at once, and nothing more is begun", async () => {
  const { jobs, running, settled } = doings([1, 1, 1, 1]);
  const all = severalAtOnce(jobs, 2);
  assert.deepEqual(await settled(), [0, 1]);
  running.get(1)!.reject(new Error("the box is gone"));
  await assert.rejects(all, /the box is gone/);
  running.get(0)!.resolve();
  assert.deepEqual(await settled(), []);
});

test("a failure while jobs are looked for is told, too", async () => {
  async function* jobs(): AsyncGenerator<Job> {
    yield { places: 1, run: async () => {} };
    throw new Error("unreadable");
  }
  await assert.rejects(severalAtOnce(jobs(), 2), /unreadable/);
});
