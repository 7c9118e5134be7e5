/** Keys that are made while pieces come: in order, once, not too many, not for ever; whatever is odd gives none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { virtualClock } from "../../../kernel/virtual-clock.ts";
import type { ContentKey, Grid } from "../grid/grid.ts";
import { ComingKeys } from "./coming-keys.ts";
import { COMING_KEYS_MAX, COMING_KEY_IDLE_MS } from "./constants.ts";

const MADE: ContentKey = { key: new Uint8Array(16), params: {} as ContentKey["params"] };
const BYTES = 20;

/** A grid whose keys note what they were given. */
function bench(take: (piece: Uint8Array) => Promise<void> = async () => {}) {
  const clock = virtualClock();
  const said: string[] = [];
  let running = 0;
  const makeKey = (bytes: number) => {
    let isOver = false;
    running += 1;
    const drop = () => {
      running -= isOver ? 0 : 1;
      isOver = true;
    };
    return {
      take: async (piece: Uint8Array) => {
        said.push(`${bytes}:${piece.length}`);
        await take(piece);
      },
      finish: async () => {
        drop();
        return MADE;
      },
      drop,
    };
  };
  const grid = { makeKey } as unknown as Grid;
  const keys = new ComingKeys(clock);
  const piece = (id: string, offset: number, length: number) =>
    keys.take({ id, bytes: BYTES, offset }, new Uint8Array(length), grid);
  return { clock, keys, said, piece, running: () => running };
}

test("pieces in order make the key, which stays until it is dropped", async () => {
  const { keys, said, piece, running } = bench();
  await piece("a", 0, 15);
  assert.deepEqual([keys.of("a"), running()], [undefined, 1]);
  await piece("a", 15, 5);
  assert.deepEqual([keys.of("a"), running(), said], [MADE, 0, ["20:15", "20:5"]]);
  assert.equal(keys.of("b"), undefined);
  keys.drop("a");
  assert.equal(keys.of("a"), undefined);
});

test("a piece that came twice, or one that is missing, ends it; a first one begins anew", async () => {
  const { keys, piece, running } = bench();
  await piece("a", 0, 15);
  await piece("a", 0, 15);
  await piece("a", 15, 5);
  assert.equal(keys.of("a"), MADE);
  await piece("b", 0, 10);
  await piece("b", 15, 5);
  await piece("b", 10, 10);
  await piece("c", 10, 10);
  assert.deepEqual([keys.of("b"), keys.of("c"), running()], [undefined, undefined, 0]);
});

test("one whose thread ends, and one that is dropped while it works, give none", async () => {
  const broken = bench(() => Promise.reject(new Error("the thread has ended")));
  await broken.piece("a", 0, BYTES);
  assert.deepEqual([broken.keys.of("a"), broken.running()], [undefined, 0]);
  const dropped: { now?: () => void } = {};
  const slow = bench(async () => dropped.now?.());
  dropped.now = () => slow.keys.drop("a");
  await slow.piece("a", 0, BYTES);
  assert.deepEqual([slow.keys.of("a"), slow.running()], [undefined, 0]);
});

test("COMING_KEY_IDLE_MS without a piece, COMING_KEYS_MAX at once, and the end of all", async () => {
  const { clock, keys, piece, running } = bench();
  await piece("a", 0, 5);
  await clock.advance(COMING_KEY_IDLE_MS - 1);
  await piece("a", 5, 5);
  await clock.advance(COMING_KEY_IDLE_MS - 1);
  assert.equal(running(), 1);
  await clock.advance(1);
  assert.equal(running(), 0);
  for (let index = 0; index <= COMING_KEYS_MAX; index++) await piece(`id ${index}`, 0, 5);
  assert.equal(running(), COMING_KEYS_MAX);
  keys.dropAll();
  assert.equal(running(), 0);
  await clock.advance(COMING_KEY_IDLE_MS);
  assert.equal(running(), 0);
});
