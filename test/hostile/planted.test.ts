/**
 * Each promise of the records has a test that notices when it is broken: the mistake is planted into a copy of the
 * source in a temporary folder, and the named test must fail there, which passes without it.
 */
import assert from "node:assert/strict";
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { before, test } from "node:test";
import { temporaryFolder } from "../support/at-exit.ts";
import { run } from "../support/process.ts";
import { planted } from "./planted.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const TEST_TIMEOUT_MS = 180_000;
/** Small numbers: a mistake shows early. */
const ENV = { HOSTILE_RECORDS: "3000", HOSTILE_MESSAGES: "2000", HOSTILE_FLOOD: "20000", NODE_OPTIONS: "" };
const folder = temporaryFolder("planted");

before(() => {
  const isNeeded = (path: string) => !/\.(tsx|css)$|node_modules/.test(path);
  for (const part of ["src", "test", "ui/src/words", "package.json"])
    cpSync(join(ROOT, part), join(folder, part), { recursive: true, filter: isNeeded });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
});

/** Which of these tests of a file passed and which failed, by name without their counts. */
async function outcomes(file: string, names: readonly string[]): Promise<{ passed: string[]; failed: string[] }> {
  const escaped = names.map((name) => name.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"));
  const patterns = escaped.map((name) => `--test-name-pattern=/${name}$/`);
  // As a run of its own: inside another one it would do nothing.
  const node = ["env", "-u", "NODE_TEST_CONTEXT", process.execPath];
  const command = [...node, "--test", "--test-reporter=tap", `--test-timeout=${TEST_TIMEOUT_MS}`, ...patterns];
  const { stdout } = await run([...command, file], { cwd: folder, env: ENV, timeoutMs: 2 * TEST_TIMEOUT_MS });
  const found = (mark: string) =>
    names.filter((name) => stdout.split("\n").some((line) => line.trim().startsWith(mark) && line.includes(name)));
  return { passed: found("ok "), failed: found("not ok ") };
}

test("without a mistake all of these tests pass", { timeout: 415_000 }, async () => {
  for (const [file, list] of Map.groupBy(planted, ({ test: [path] }) => path)) {
    const names = [...new Set(list.map(({ test: [, name] }) => name))];
    const { passed, failed } = await outcomes(file, names);
    assert.deepEqual([passed.sort(), failed], [names.sort(), []], file);
  }
});

for (const {
  promise,
  mistakes,
  test: [file, name],
} of planted) {
  test(`noticed when broken: ${promise}`, { timeout: 400_000 }, async () => {
    const originals = new Map<string, string>();
    for (const { file: path, from, to } of mistakes) {
      const target = join(folder, path);
      const text = readFileSync(target, "utf8");
      if (!originals.has(target)) originals.set(target, text);
      const parts = text.split(from);
      assert.equal(parts.length, 2, `${path} holds ${parts.length - 1} times: ${from}`);
      writeFileSync(target, parts.join(to));
    }
    try {
      const { failed } = await outcomes(file, [name]);
      assert.deepEqual(failed, [name]);
    } finally {
      for (const [target, text] of originals) writeFileSync(target, text);
    }
  });
}
