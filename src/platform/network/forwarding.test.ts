/** What is said to the kernel so that it passes packets on, and what is left as it is. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { forward4, forward6 } from "./forwarding.ts";

const root = mkdtempSync(join(tmpdir(), "comu-forwarding-"));
after(() => rmSync(root, { recursive: true }));
let made = 0;

/** A folder as the kernel's, with these files. */
function settings(files: Record<string, string>): { folder: string; now: () => Record<string, string> } {
  const folder = join(root, String((made += 1)));
  for (const [name, value] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), `${value}\n`);
  }
  const now = () =>
    Object.fromEntries(Object.keys(files).map((name) => [name, readFileSync(join(folder, name), "utf8").trim()]));
  return { folder, now };
}

test("where single interfaces can be told, the rest stays as it is", async () => {
  const before = {
    ...{ "all/forwarding": "0", "all/force_forwarding": "0", "eth0/accept_ra": "1" },
    ...{ "cs1/force_forwarding": "0", "eth0/force_forwarding": "0" },
  };
  const { folder, now } = settings(before);
  await forward6(["cs1", "gone"], folder);
  assert.deepEqual(now(), { ...before, "cs1/force_forwarding": "1" });
});

test("where only all can be told, who takes addresses from a router goes on", async () => {
  const before = {
    ...{ "all/forwarding": "0", "eth0/accept_ra": "1", "eth1/accept_ra": "0", "default/accept_ra": "1" },
  };
  const { folder, now } = settings(before);
  await forward6(["cs1"], folder);
  const after6 = { "all/forwarding": "1", "eth0/accept_ra": "2", "eth1/accept_ra": "0", "default/accept_ra": "2" };
  assert.deepEqual(now(), after6);
});

test("a machine that forwards already is left alone", async () => {
  const before = {
    "all/forwarding": "1",
    "eth0/accept_ra": "1",
    "all/force_forwarding": "0",
    "cs1/force_forwarding": "0",
  };
  const { folder, now } = settings(before);
  await forward6(["cs1"], folder);
  assert.deepEqual(now(), before);
});

test("IPv4 is told per interface", async () => {
  const { folder, now } = settings({ "cs1/forwarding": "0", "eth0/forwarding": "0" });
  await forward4(["cs1", "gone"], folder);
  assert.deepEqual(now(), { "cs1/forwarding": "1", "eth0/forwarding": "0" });
});
