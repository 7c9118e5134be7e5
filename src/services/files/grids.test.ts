/** What the grids of a box cost before anybody uses files: no keys are made, and no server is looked at. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { createLog } from "../../kernel/log.ts";
import { systemRandom } from "../../kernel/system-random.ts";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import { createResolver } from "../../platform/resolve.ts";
import type { KnownCap } from "../../protocols/grid/caps.ts";
import type { Access } from "./access.ts";
import { FIRST_ANSWERS_MS } from "./constants.ts";
import { BATCH_MAX_BYTES } from "./grid/constants.ts";
import { BOX_ACCOUNT, createGrids } from "./grids.ts";
import type { FilesSecrets } from "./secrets.ts";

/** Grids that ask for access through `ask`, in a folder of their own. */
function stage(t: TestContext, ask: (account: string) => Promise<void>) {
  const folder = mkdtempSync(join(tmpdir(), "comu-grids-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const keyFile = join(folder, "keys");
  const clock = virtualClock();
  const bytes = new Uint8Array(32);
  const open = () =>
    createGrids({
      ...{ clock, random: systemRandom(), resolver: createResolver({ clock }), keyFile },
      log: createLog({ clock, level: "error", write: () => {} }).area("files"),
      secrets: () => ({ lease: bytes, upload: bytes, convergence: () => bytes }) as unknown as FilesSecrets,
      access: () => ({ places: () => [], ask }) as unknown as Access,
      imported: () => [],
      encoding: () => ({ needed: 3, total: 10, happy: 0, segmentKiB: 1024 }),
      changed: () => {},
    });
  return { clock, keyFile, open };
}

test("the first work of an account waits for the boxes to say where it may store, and not for ever", async (t) => {
  let answer = () => {};
  const { clock, open } = stage(t, () => new Promise((resolve) => (answer = resolve)));
  const grids = open();
  t.after(() => grids.close());
  const literal: KnownCap = { kind: "lit", data: Uint8Array.of(1, 2, 3) };
  const states: string[] = [];
  const check = (account: string) =>
    grids
      .of(account)
      .check(literal)
      .then(({ state }) => void states.push(`${account} ${state}`));
  const turns = async () => {
    for (let n = 0; n < 10; n++) await new Promise((resolve) => setImmediate(resolve));
  };
  const anna = check("anna");
  await turns();
  assert.deepEqual(states, []);
  answer();
  await anna;
  assert.deepEqual(states, ["anna healthy"]);
  const biel = check("biel");
  await turns();
  clock.advance(FIRST_ANSWERS_MS - 1);
  await turns();
  assert.equal(states.length, 1);
  clock.advance(1);
  await biel;
  assert.equal(states.length, 2, "nobody answered");
});

test("the key of a large file is made while it comes, also before the boxes have answered", async (t) => {
  const { open } = stage(t, () => new Promise(() => {}));
  const grids = open();
  t.after(() => grids.close());
  const making = grids.of("anna").makeKey(BATCH_MAX_BYTES + 1);
  assert.ok(making);
  making.drop();
});

test("keys are made ahead for accounts, and neither for the box itself nor for nobody", async (t) => {
  const asked: string[] = [];
  const { keyFile, open } = stage(t, async (account) => void asked.push(account));
  writeFileSync(keyFile, JSON.stringify(["AQID"]));
  const unused = open();
  assert.deepEqual(unused.nobodys.servers(), []);
  assert.equal(unused.nobodys.encoding().needed, 3);
  unused.refresh();
  assert.deepEqual(asked, [], "no box is asked for room that nobody wants");
  unused.of(BOX_ACCOUNT);
  await unused.close();
  assert.ok(existsSync(keyFile), "keys of an earlier run stay where they are");

  const used = open();
  used.of("anna");
  while (existsSync(keyFile)) await new Promise((resolve) => setImmediate(resolve));
  await used.close();
  assert.ok(existsSync(keyFile), "what was not used is kept for the next start");
});
