/** What the grids of a box cost before anybody uses files: no keys are made, and no server is looked at. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createLog } from "../../kernel/log.ts";
import { systemRandom } from "../../kernel/system-random.ts";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import { createResolver } from "../../platform/resolve.ts";
import type { Access } from "./access.ts";
import { BOX_ACCOUNT, createGrids } from "./grids.ts";
import type { FilesSecrets } from "./secrets.ts";

test("keys are made ahead for accounts, and neither for the box itself nor for nobody", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "comu-grids-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const keyFile = join(folder, "keys");
  const clock = virtualClock();
  const asked: string[] = [];
  const bytes = new Uint8Array(32);
  const access = { places: () => [], ask: async (account: string) => void asked.push(account) };
  const open = () =>
    createGrids({
      ...{ clock, random: systemRandom(), resolver: createResolver({ clock }), keyFile },
      log: createLog({ clock, level: "error", write: () => {} }).area("files"),
      secrets: () => ({ lease: bytes, upload: bytes, convergence: () => bytes }) as unknown as FilesSecrets,
      access: () => access as unknown as Access,
      imported: () => [],
      encoding: () => ({ needed: 3, total: 10, happy: 0, segmentKiB: 1024 }),
      changed: () => {},
    });
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
