/** The command as it is used: what it prints, and how it exits. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { run } from "../../test/support/process.ts";
import { correctHistory } from "./correct.ts";
import { writeHistory } from "./history.ts";
import type { Operation } from "./history.ts";

const MAIN = resolve(import.meta.dirname, "main.ts");
const folder = mkdtempSync(join(tmpdir(), "comu-linear-"));
after(() => rmSync(folder, { recursive: true }));

function check(text: string, ...options: string[]) {
  const file = join(folder, "history.jsonl");
  writeFileSync(file, text);
  return run([process.execPath, MAIN, ...options, file]);
}

const shape = { clients: 5, perKey: 100, registers: 2, counters: 1, infoRate: 0, failRate: 0 };
const good = correctHistory({ seed: 1, ...shape });
const end = Math.max(...good.map((one) => one.ret!)) + 1;
const put: Operation = { proc: 9, op: "put", key: "r0", in: "last", out: null, call: end, ret: end, status: "ok" };
const lost: Operation = { ...put, op: "get", in: null, out: "r0-0", call: end + 1, ret: end + 1 };

test("a linearizable history: a line that says so, exit 0", async () => {
  const { code, stdout } = await check(writeHistory(good));
  assert.match(stdout, /^ok: 300 operations \(300 ok, 0 fail, 0 info\), 3 keys \(0 illegal, 0 unknown\), .* ms\n$/);
  assert.equal(code, 0);
});

test("an illegal key: its line, exit 1; with --excerpt its operations", async () => {
  const { code, stdout } = await check(writeHistory([...good, put, lost]));
  const [line, summary, rest] = stdout.split("\n");
  assert.match(line!, /^key "r0": illegal: \d+ of 102 operations can be ordered, .*none of these can follow: /);
  assert.match(summary!, /^illegal: 302 operations .* 3 keys \(1 illegal, 0 unknown\)/);
  assert.equal(rest, "");
  assert.equal(code, 1);
  const long = await check(writeHistory([...good, put, lost]), "--excerpt");
  assert.match(long.stdout, /\n {2}next would have to be one of:\n {4}\{"proc":/);
  assert.ok(long.stdout.includes(`    ${writeHistory([lost])}`));
});

test("an illegal key that saw what was never written", async () => {
  const never = { ...lost, out: "never" } as Operation;
  const { code, stdout } = await check(writeHistory([...good, put, never]), "--excerpt");
  assert.match(stdout, /^key "r0": illegal: these saw what was never written: get\(\) = "never" by 9 from \d+ to/);
  assert.ok(stdout.includes(`  saw what was never written:\n    ${writeHistory([never])}`));
  assert.equal(code, 1);
});

test("what is not readable, shows nothing, or is not there: exit 2", async () => {
  const wrong = await check(`${writeHistory([put])}{"proc":1,"op":"g`);
  assert.match(wrong.stderr, /history\.jsonl: line 2: is no JSON\n$/);
  const empty = await check("");
  assert.match(empty.stdout, /^unknown: 0 operations .*\nNo operation is known to be done, so this shows nothing\.\n$/);
  const none = await run([process.execPath, MAIN, join(folder, "none")]);
  assert.match(none.stderr, /none: ENOENT/);
  const two = await run([process.execPath, MAIN, "a", "b"]);
  assert.match(two.stderr, /^give one file/);
  for (const { code } of [wrong, empty, none, two]) assert.equal(code, 2);
});
