/**
 * What `./comu test`, `.ci/run` and `npm run check` run: the stages below, in order, each with its time.
 *
 *   node test/run.ts                    all of it
 *   node test/run.ts check unit         only these stages
 *   node test/run.ts test/lab src/kernel/clock.test.ts    only the tests in these folders and files
 *
 * Nothing is skipped: what a stage needs and cannot have is a failure. The last line is `N passed, N failed`, and
 * the exit code is 0 only when nothing failed.
 */
import { spawn } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { styleText } from "node:util";
import { ALL_PACKAGES, UNIT_PACKAGES } from "./packages.ts";
import type { Counts } from "./run-counts.ts";
import { atExit, temporaryFolder } from "./support/at-exit.ts";
import { needDebian } from "./support/debian.ts";
import { run } from "./support/process.ts";

/** All stages together; a stage that is still running then is ended and has failed. */
const TOTAL_TIMEOUT_MS = 57 * 60_000;
const CHECK_TIMEOUT_MS = 600_000;
const STOP_GRACE_MS = 10_000;

interface Stage {
  name: string;
  title: string;
  timeoutMs: number;
  packages: readonly string[];
  /** Makes network namespaces, or installs packages. */
  root: boolean;
  /** Its test files; a stage without them has a `run` of its own. */
  tests?: { globs: readonly string[]; except?: RegExp; flags: readonly string[]; testTimeoutMs: number };
  run?: () => Promise<Outcome>;
}

interface Outcome {
  passed: number;
  failed: number;
}

const STAGES: readonly Stage[] = [
  {
    name: "check",
    title: "lint, format, types, dead code",
    timeoutMs: 300_000,
    packages: ["util-linux"],
    root: false,
    run: check,
  },
  { name: "build", title: "program and pages", timeoutMs: 180_000, packages: ["util-linux"], root: false, run: build },
  {
    name: "unit",
    title: "tests beside the code, and the rules of the house",
    timeoutMs: 1_800_000,
    packages: UNIT_PACKAGES,
    root: false,
    tests: {
      globs: ["{src,ui,sim,bench,packaging}/**/*.test.ts", "test/tidy/**/*.test.ts"],
      // One process for all: starting one per file would take longer than the tests.
      flags: ["--test-isolation=none"],
      testTimeoutMs: 120_000,
    },
  },
  {
    name: "processes",
    title: "real boxes and real peers as processes",
    timeoutMs: 2_700_000,
    packages: ALL_PACKAGES,
    root: true,
    tests: {
      globs: ["test/**/*.test.ts"],
      except: /^test\/(tidy|lab|e2e)\//,
      flags: ["--test-concurrency=1"],
      testTimeoutMs: 420_000,
    },
  },
  {
    name: "lab",
    title: "five boxes in network namespaces",
    timeoutMs: 600_000,
    packages: ALL_PACKAGES,
    root: true,
    tests: { globs: ["test/lab/**/*.test.ts"], flags: ["--test-concurrency=1"], testTimeoutMs: 300_000 },
  },
  {
    name: "browser",
    title: "the pages in Chromium",
    timeoutMs: 1_200_000,
    packages: ALL_PACKAGES,
    root: true,
    tests: { globs: ["test/e2e/**/*.test.ts"], flags: ["--test-concurrency=1"], testTimeoutMs: 180_000 },
  },
];

/** Program and words after it; each is one check with a result of its own. */
const CHECKS: readonly (readonly [name: string, command: readonly string[]])[] = [
  ["lint", ["oxlint"]],
  ["format", ["oxfmt", "--check", "."]],
  ["types", ["tsc", "-p", "tsconfig.json"]],
  ["types of the pure protocols", ["tsc", "-p", "tsconfig.protocols.json"]],
  ["types of the pages", ["tsc", "-p", "tsconfig.ui.json"]],
  ["dead code", ["knip", "--no-progress", "--no-config-hints"]],
];

const root = resolve(import.meta.dirname, "..");
process.chdir(root);
process.exitCode = await main(process.argv.slice(2));

async function main(wishes: readonly string[]): Promise<number> {
  const plan = planOf(wishes);
  if (typeof plan === "string") return refuse(plan);
  const needsRoot = plan.filter(({ stage }) => stage.root).map(({ stage }) => stage.name);
  if (process.getuid?.() !== 0 && needsRoot.length > 0) {
    const others = STAGES.filter((stage) => !stage.root).map((stage) => stage.name);
    return refuse(
      `The stages ${needsRoot.join(" and ")} make network namespaces, which only root may.\n` +
        `Run all with: sudo ./comu test     or only the others: ./comu test ${others.join(" ")}`,
    );
  }
  const startMs = performance.now();
  const packages = [...new Set(plan.flatMap(({ stage }) => stage.packages))];
  try {
    const installed = await needDebian(packages);
    if (installed.length > 0) say(`installed from Debian in ${seconds(startMs)}: ${installed.join(" ")}`);
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
  const lines: string[] = [];
  const sum: Outcome = { passed: 0, failed: 0 };
  for (const { stage, files } of plan) {
    say(`\n${styleText("bold", `── ${stage.name}: ${stage.title}`)}`);
    const stageMs = performance.now();
    const leftMs = Math.max(1_000, TOTAL_TIMEOUT_MS - (stageMs - startMs));
    const outcome = await (stage.run?.() ?? runTests(stage, files, Math.min(stage.timeoutMs, leftMs)));
    sum.passed += outcome.passed;
    sum.failed += outcome.failed;
    const mark = outcome.failed === 0 ? styleText("green", "✔") : styleText("red", "✖");
    lines.push(
      `${mark} ${stage.name.padEnd(10)} ${String(outcome.passed).padStart(5)} passed ` +
        `${String(outcome.failed).padStart(4)} failed ${seconds(stageMs).padStart(9)}`,
    );
  }
  say(`\n${lines.join("\n")}\n  in all ${seconds(startMs)}\n`);
  say(`${sum.passed} passed, ${sum.failed} failed`);
  return sum.failed === 0 ? 0 : 1;
}

/** Which stages with which of their files; a text when a wish fits nothing. */
function planOf(wishes: readonly string[]): { stage: Stage; files: string[] }[] | string {
  const chosen = new Map<string, { stage: Stage; files: string[] }>();
  const all = STAGES.map((stage) => ({ stage, files: testFiles(stage) }));
  if (wishes.length === 0) return all;
  for (const wish of wishes) {
    const path = relative(root, resolve(root, wish));
    let found = false;
    for (const { stage, files } of all) {
      const own = stage.name === wish ? files : files.filter((file) => file === path || file.startsWith(`${path}/`));
      if (stage.name !== wish && own.length === 0) continue;
      found = true;
      const before = chosen.get(stage.name)?.files ?? [];
      chosen.set(stage.name, { stage, files: [...new Set([...before, ...own])] });
    }
    if (!found) return `No stage and no test is called ${wish}. Stages: ${STAGES.map((stage) => stage.name).join(" ")}`;
  }
  return all.flatMap(({ stage }) => chosen.get(stage.name) ?? []);
}

function testFiles(stage: Stage): string[] {
  const { globs = [], except } = stage.tests ?? {};
  const files = globSync(globs, { cwd: root }).filter((file) => !except?.test(file));
  return [...new Set(files)].toSorted();
}

async function runTests(stage: Stage, files: readonly string[], timeoutMs: number): Promise<Outcome> {
  if (files.length === 0) {
    say("no test file");
    return { passed: 0, failed: 1 };
  }
  const { flags, testTimeoutMs } = stage.tests!;
  const countsFile = join(temporaryFolder("counts"), "counts.json");
  const reporters = ["--test-reporter=spec", "--test-reporter-destination=stdout"];
  reporters.push(`--test-reporter=${join(import.meta.dirname, "run-counts.ts")}`);
  reporters.push(`--test-reporter-destination=${countsFile}`);
  // A test that leaves a socket open must not hold up all others when it is done.
  const common = ["--test", "--test-force-exit", "--disable-warning=ExperimentalWarning"];
  const command = [...common, ...flags, `--test-timeout=${testTimeoutMs}`, ...reporters, ...files];
  const code = await untilEnd(process.execPath, command, timeoutMs);
  const text = existsSync(countsFile) ? readFileSync(countsFile, "utf8") : "";
  if (text === "") {
    say(code === undefined ? `ended after ${timeoutMs / 1000} s` : `the run ended with ${code} before its summary`);
    return { passed: 0, failed: 1 };
  }
  const counts = JSON.parse(text) as Counts;
  const idle = counts.skipped + counts.todo;
  if (idle > 0) say(`${idle} tests were skipped, which counts as failed`);
  const failed = counts.failed + counts.cancelled + idle;
  // A run that says that all went well and yet ends badly has failed.
  return { passed: counts.passed, failed: failed === 0 && code !== 0 ? 1 : failed };
}

/** Runs a program on our own output in a process group of its own; its exit code, or undefined after the timeout. */
async function untilEnd(program: string, words: readonly string[], timeoutMs: number): Promise<number | undefined> {
  const child = spawn(program, words, { cwd: root, stdio: ["ignore", "inherit", "inherit"], detached: true });
  const signal = (name: NodeJS.Signals) => {
    try {
      process.kill(-child.pid!, name);
    } catch {
      // Already gone.
    }
  };
  const forget = atExit(() => signal("SIGTERM"));
  let late = false;
  const timers = [setTimeout(() => ((late = true), signal("SIGTERM")), timeoutMs)];
  timers.push(setTimeout(() => signal("SIGKILL"), timeoutMs + STOP_GRACE_MS));
  const code = await new Promise<number>((done) => {
    child.once("error", () => done(1));
    child.once("exit", (exitCode) => done(exitCode ?? 1));
  });
  for (const timer of timers) clearTimeout(timer);
  forget();
  return late ? undefined : code;
}

async function check(): Promise<Outcome> {
  let failed = 0;
  for (const [name, [program, ...words]] of CHECKS) {
    if (!(await one(name, [join(root, "node_modules/.bin", program!), ...words], CHECK_TIMEOUT_MS))) failed += 1;
  }
  return { passed: CHECKS.length - failed, failed };
}

async function build(): Promise<Outcome> {
  const ok = await one("build", [process.execPath, "packaging/build.ts"], CHECK_TIMEOUT_MS);
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1 };
}

/** Runs one program, says how it went, and what it printed when it failed. */
async function one(name: string, command: readonly string[], timeoutMs: number): Promise<boolean> {
  const startMs = performance.now();
  let said = "";
  let ok = false;
  try {
    const env = { PATH: `${resolve(process.execPath, "..")}:${process.env["PATH"] ?? ""}` };
    const result = await run(command, { cwd: root, timeoutMs, env });
    said = `${result.stdout}${result.stderr}`;
    ok = result.code === 0;
  } catch (error) {
    said = error instanceof Error ? error.message : String(error);
  }
  say(`${ok ? styleText("green", "✔") : styleText("red", "✖")} ${name} (${seconds(startMs)})`);
  if (!ok) say(said.trimEnd().replaceAll(/^/gm, "  "));
  return ok;
}

/** What prevents the whole run. */
function refuse(why: string): number {
  say(why);
  say("0 passed, 1 failed");
  return 1;
}

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
