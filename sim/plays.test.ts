/** The simulator's command for services: what it plays, what it says, and what it cannot be asked for. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { computePlays } from "./compute/main.ts";
import { filesPlays } from "./files/main.ts";
import { kvPlays } from "./kv/main.ts";
import { playsMain } from "./plays.ts";

const SERVICES = [filesPlays, kvPlays, computePlays];

function run(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [join(import.meta.dirname, "main.ts"), ...args],
      (_error, stdout, stderr) => resolve({ status: child.exitCode!, stdout, stderr }),
    );
  });
}

test("each service tells of itself", async () => {
  await Promise.all(
    SERVICES.map(async ({ name, plans }) => {
      const { status, stdout, stderr } = await run(name, "--help");
      assert.deepEqual([status, stderr], [0, ""], name);
      assert.ok(stdout.startsWith(`Usage: npm run sim -- ${name} [options]\n`), stdout);
      for (const plan of plans) assert.ok(stdout.replaceAll("\n", " ").includes(plan), `${name}: ${plan}`);
    }),
  );
  const { status, stdout } = await run("--help");
  assert.equal(status, 0);
  for (const word of ["files", "kv", "compute", "--scenario"]) assert.ok(stdout.includes(word), word);
});

test("a plan is played with each seed, in a line for each", async () => {
  for (const [name, plan] of [
    ["kv", "calm"],
    ["compute", "turn"],
  ] as const) {
    const { status, stdout } = await run(name, "--plan", plan, "--seed", "7", "--seeds", "2");
    const lines = stdout.trim().split("\n");
    const told = lines.map((line) => JSON.parse(line) as { plan: string; seed: number; violations: number });
    assert.deepEqual(
      told.map((one) => [one.plan, one.seed, one.violations]),
      [
        [plan, 7, 0],
        [plan, 8, 0],
      ],
    );
    assert.equal(status, 0);
  }
});

test("what was not kept is said, and is the exit code", async (t) => {
  const said = t.mock.method(console, "log", () => {});
  const play = async (_plan: string, seed: number) => ({
    complaints: seed === 2 ? ["lost"] : [],
    figures: { seen: 1 },
  });
  const plays = { name: "sample", about: "A sample.", plans: ["one"], play };
  assert.equal(await playsMain(plays, ["--seeds", "2"]), 1);
  assert.deepEqual(
    said.mock.calls.map((call) => call.arguments[0] as string),
    ['{"plan":"one","seed":1,"violations":0,"seen":1}', "lost", '{"plan":"one","seed":2,"violations":1,"seen":1}'],
  );
  assert.equal(await playsMain(plays, []), 0);
});

test("what cannot be asked for is one line and exit code 2", async () => {
  const table = [
    ["kv", "--plan", "nobody's"],
    ["kv", "--seeds", "0"],
    ["files", "--seed", "-1"],
    ["compute", "--bogus"],
    ["nothing"],
    ["--bogus"],
  ];
  const ran = await Promise.all(table.map((args) => run(...args)));
  for (const [at, { status, stdout, stderr }] of ran.entries()) {
    assert.deepEqual([status, stdout], [2, ""], table[at]!.join(" "));
    assert.match(stderr, /^[^\n]{10,}--help[^\n]*\n$/, table[at]!.join(" "));
  }
});
