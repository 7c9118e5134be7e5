/** `comu grid vector` as its users run it: the golden data of the released Tahoe-LAFS through it, and bad lines. */
import assert from "node:assert/strict";
import { join } from "node:path";
import test from "node:test";
import { run } from "../support/process.ts";
import { golden } from "./golden.ts";

interface Line {
  kind: string;
  cap: string;
  readCap?: string;
  verifyCap?: string;
}

interface Said {
  line: number;
  cap?: string;
  readCap?: string;
  verifyCap?: string;
  error?: { code: string; message: string };
}

const MAIN = join(import.meta.dirname, "../../src/cli/main.ts");
const jsonLines = (lines: readonly object[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join("");

/** No box runs, and none is there: the data folder does not exist. */
async function vector(input: string, flags: string[] = [], main: string[] = []) {
  const command = [process.execPath, MAIN, ...main, "grid", "vector", "--data", "/nonexistent/box", ...flags];
  const result = await run(command, { input, env: { LANG: "C", LC_ALL: "" } });
  return { ...result, lines: result.stdout.split("\n").slice(0, -1) };
}

test("every cap of the golden data, one a line and in order", async () => {
  const lines: Line[] = [...golden<Line>("caps", 256), ...golden<Line>("mutable", 12)];
  const { code, lines: caps, stderr } = await vector(jsonLines(lines));
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  assert.equal(caps.length, lines.length);
  lines.forEach(({ cap }, index) => assert.equal(caps[index], cap));
});

test("a golden line with one altered byte gives another cap", async () => {
  const lines = golden<Line & { convergence: string }>("caps", 256).filter(({ kind }) => kind === "chk");
  const altered = lines.slice(0, 40).map((line) => ({ ...line, convergence: `ff${line.convergence.slice(2)}` }));
  const { code, lines: caps } = await vector(jsonLines(altered));
  assert.equal(code, 0);
  assert.equal(caps.length, altered.length);
  caps.forEach((cap, index) => assert.notEqual(cap, altered[index]!.cap));
});

test("--json says all caps of each line, as the client did", async () => {
  const lines = golden<Line>("mutable", 12);
  const { code, lines: answers } = await vector(jsonLines(lines), ["--json"]);
  assert.equal(code, 0);
  assert.equal(answers.length, lines.length);
  lines.forEach(({ cap, readCap, verifyCap }, index) => {
    const { line, ...said } = JSON.parse(answers[index]!) as Said & { kind: string };
    assert.equal(line, index + 1);
    assert.deepEqual([said.cap, said.readCap, said.verifyCap], [cap, readCap, verifyCap]);
  });
});

const BAD = [
  '{"kind":"lit","data":"00"}',
  "nonsense",
  "",
  '{"kind":"chk","convergence":"","k":5,"n":3,"segsize":1000,"seed":"00","length":1000}',
  '{"kind":"mdmf","privkey":"AAAA"}',
  '{"kind":"lit","data":"01"}',
].join("\n");

test("bad lines are told by their numbers, the others are answered, and it ends with 1", async () => {
  const text = await vector(BAD);
  assert.equal(text.code, 1);
  assert.deepEqual(text.lines, ["URI:LIT:aa", "", "", "", "URI:LIT:ae"]);
  const told = text.stderr.split("\n");
  assert.match(told[0]!, /^bad-parameters: line 2: /);
  assert.match(told[1]!, /^bad-parameters: line 4: /);
  assert.match(told[2]!, /^bad-key: line 5: /);
  assert.match(told[3]!, /^lines-refused: .*3/);
  const json = await vector(BAD, ["--json"], ["--lang", "ca"]);
  assert.equal(json.code, 1);
  const said = json.lines.map((line) => JSON.parse(line) as Said);
  assert.deepEqual(
    said.map(({ line, error }) => [line, error?.code]),
    [
      [1, undefined],
      [2, "bad-parameters"],
      [4, "bad-parameters"],
      [5, "bad-key"],
      [6, undefined],
    ],
  );
  assert.match(json.stderr, /^bad-parameters: línia 2: /);
});

test("nothing at all is no error", async () => {
  const { code, stdout, stderr } = await vector("");
  assert.deepEqual([code, stdout, stderr], [0, "", ""]);
});

/** Says at its end how much memory it had at most, in KiB. */
const TELL_MEMORY = 'process.on("exit", () => process.stderr.write(`${process.resourceUsage().maxRSS}`))';

test("content out of a seed is not held in memory", async () => {
  const length = 300_000_000;
  const line = { kind: "chk", convergence: "00", k: 3, n: 10, segsize: 131_072, seed: "616263", length };
  const told = ["--import", `data:text/javascript,${encodeURIComponent(TELL_MEMORY)}`];
  const input = jsonLines([line]);
  const result = await run([process.execPath, ...told, MAIN, "grid", "vector"], { input, timeoutMs: 60_000 });
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout, /^URI:CHK:[a-z2-7]{26}:[a-z2-7]{52}:3:10:300000000\n$/);
  assert.ok(Number(result.stderr) * 1024 < length, `${result.stderr} KiB`);
});
