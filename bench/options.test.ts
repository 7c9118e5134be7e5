/** Each bench tells of itself, and says in one line what it cannot be asked for. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..");
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };
/** Those that are npm's scripts, and those that are only run as files. */
const BENCHES = [
  ...Object.values(scripts).flatMap((script) => /^node (bench\/\S+)$/.exec(script)?.[1] ?? []),
  ...["bench/erasure.ts", "bench/kv-costs.ts", "bench/member.ts"],
];

interface Ran {
  status: number;
  stdout: string;
  stderr: string;
}

function run(file: string, ...options: string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [join(root, file), ...options], (_error, stdout, stderr) =>
      resolve({ status: child.exitCode!, stdout, stderr }),
    );
  });
}

async function each(check: (file: string) => Promise<void>): Promise<void> {
  await Promise.all(BENCHES.map(check));
}

test("asked for help, a bench tells what it is and what it can be told", async () => {
  assert.ok(BENCHES.length > 6);
  await each(async (file) => {
    const { status, stdout, stderr } = await run(file, "--help");
    assert.deepEqual([status, stderr], [0, ""], file);
    const name = /bench\/(.+)\.ts/.exec(file)![1]!;
    assert.match(stdout, new RegExp(`^Usage: (npm run bench:${name} --|node ${file}) \\[options\\]\n\n.{40}`), file);
    assert.match(stdout, /\n {2}--help +\S/, file);
    for (const line of stdout.split("\n")) assert.ok(line.length <= 120, `${file}: ${line}`);
  });
});

test("an option that a bench does not have is one line and exit code 2", async () => {
  await each(async (file) => {
    const { status, stdout, stderr } = await run(file, "--bogus");
    assert.deepEqual([status, stdout], [2, ""], file);
    assert.match(stderr, /^[^\n]*--bogus[^\n]*--help[^\n]*\n$/, file);
  });
});

test("so is a value that it cannot use", async () => {
  const table = [
    ["bench/box.ts", "--runs", "none"],
    ["bench/compute.ts", "--only", "tiny,huge"],
    ["bench/erasure.ts", "--runs", "0"],
    ["bench/files.ts", "--side", "both"],
    ["bench/kv.ts", "--only", "mysql"],
    ["bench/kv.ts", "--mixes", "mostly"],
    ["bench/kv-boxes.ts", "--driver", "nobody"],
    ["bench/kv-elastic.ts", "--rate"],
    ["bench/member.ts", "--name", "one"],
  ] as const;
  const ran = await Promise.all(table.map(([file, ...options]) => run(file, ...options)));
  for (const [at, { status, stdout, stderr }] of ran.entries()) {
    assert.deepEqual([status, stdout], [2, ""], table[at]!.join(" "));
    assert.match(stderr, /^[^\n]{10,}--help[^\n]*\n$/, table[at]!.join(" "));
  }
});
