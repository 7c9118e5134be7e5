/** A large file whose key was made while it came: the same cap as without, and its content is read once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatCap } from "../../src/protocols/grid/caps.ts";
import { makeKey } from "../../src/services/files/grid/coming-key.ts";
import { BATCH_MAX_BYTES } from "../../src/services/files/grid/constants.ts";
import { bytesContent } from "../../src/services/files/grid/content.ts";
import type { Content, ContentKey, Grid } from "../../src/services/files/grid/grid.ts";
import { PIECE_MAX_BYTES, UPLOAD_MAX_BYTES } from "../../src/services/files/tree/constants.ts";
import { eventually } from "../support/process.ts";
import { bytesOf, encoding, get, put, sameContent, testGrid } from "./immutable-grid.ts";
import { memoryGrid } from "./memory-grid.ts";
import { treeBox } from "./tree-box.ts";

const SIZE = 6_000_000;

function counted(bytes: Uint8Array): Content & { readings: number } {
  const inner = bytesContent(bytes);
  return {
    ...inner,
    readings: 0,
    read(at) {
      this.readings += 1;
      return inner.read(at);
    },
  };
}

test("the same cap, read once; a key for another encoding is not used", { timeout: 180_000 }, async (t) => {
  const { needs, workers } = await testGrid(t, 3);
  const [bytes, how] = [bytesOf(SIZE), encoding(2, 3)];
  const making = makeKey(needs, SIZE, how)!;
  for (let at = 0; at < SIZE; at += 1_900_000) await making.take(bytes.subarray(at, at + 1_900_000));
  const key = await making.finish();
  assert.equal(workers.running, 1);

  const once = counted(bytes);
  const { cap, sent } = await put(needs, once, how, { key });
  assert.deepEqual([once.readings, sent], [1, 3]);
  sameContent(await get(needs, cap), bytes, "what was stored under such a key");
  const twice = counted(bytes);
  const without = await put(needs, twice, how);
  assert.deepEqual([twice.readings, without.sent, formatCap(without.cap)], [2, 0, formatCap(cap)]);
  const other = counted(bytes);
  const { cap: otherCap } = await put(needs, other, encoding(1, 3), { key });
  assert.equal(other.readings, 2);
  assert.match(formatCap(otherCap), /:1:3:/);
});

test("none where nothing is won, nor for what cannot be encoded; one that is dropped holds nothing", async (t) => {
  const { needs } = await testGrid(t, 0);
  const how = encoding(2, 3);
  assert.equal(makeKey(needs, BATCH_MAX_BYTES, how), undefined);
  assert.equal(makeKey(needs, 2 ** 53, how), undefined);
  const making = makeKey(needs, BATCH_MAX_BYTES + 1, how)!;
  await making.take(new Uint8Array(10));
  making.drop();
  making.drop();
  await assert.rejects(making.take(new Uint8Array(10)), /no session/);
});

test("an upload in pieces hands its key on, also when it is tried again", async (t) => {
  const key: ContentKey = { key: new Uint8Array(16), params: {} as ContentKey["params"] };
  const inner = memoryGrid();
  const given: (ContentKey | undefined)[] = [];
  let takenBytes = 0;
  const grid: Grid = {
    ...inner,
    makeKey: (bytes) =>
      bytes > UPLOAD_MAX_BYTES / 2
        ? undefined
        : { take: async (piece) => void (takenBytes += piece.length), finish: async () => key, drop: () => {} },
    upload: (content, options) => {
      given.push(options?.key);
      if (given.length === 1) throw new Error("not this time");
      return inner.upload(content, options);
    },
  };
  const { tree } = await treeBox(t, { grid });
  const bytes = bytesOf(PIECE_MAX_BYTES + 5);
  const { id } = await tree.uploads.begin("anna", { path: "/large.bin", bytes: bytes.length });
  await tree.uploads.piece("anna", id, 0, bytes.subarray(0, PIECE_MAX_BYTES));
  await tree.uploads.piece("anna", id, PIECE_MAX_BYTES, bytes.subarray(PIECE_MAX_BYTES));
  const isIn = (state: string) =>
    eventually(state, 30_000, async () => {
      if (tree.uploads.get("anna", id).state !== state) throw new Error(tree.uploads.get("anna", id).state);
      return true;
    });
  await isIn("failed");
  tree.uploads.retry("anna", id);
  await isIn("done");
  assert.deepEqual([takenBytes, given], [bytes.length, [key, key]]);
});
