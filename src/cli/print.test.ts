/** How answers look on a terminal: run in a process of its own, as its output is what counts. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { CELL_WIDTH_MAX } from "./print.ts";

const print = new URL("print.ts", import.meta.url).href;
const errors = new URL("../kernel/errors.ts", import.meta.url).href;

function run(code: string): { out: string; err: string } {
  const source = `import { printFailure, printOutput } from "${print}"; import { fail } from "${errors}"; ${code}`;
  const ran = spawnSync(process.execPath, ["--input-type=module", "--eval", source], { encoding: "utf8" });
  assert.equal(ran.status, 0, ran.stderr);
  return { out: ran.stdout, err: ran.stderr };
}

/** Several outputs in one process: starting one takes longer than all the rest. */
function printed(...outputs: [output: unknown, shape?: object, json?: boolean][]): string[] {
  const calls = outputs.map(([output, shape, json]) => {
    const options = { json: json === true, shape: { command: "x", ...shape } };
    return `printOutput(${JSON.stringify(output)}, ${JSON.stringify(options)}); process.stdout.write("\\u0000");`;
  });
  return run(calls.join("\n")).out.split("\u0000").slice(0, -1);
}

test("lists as tables, things as lines, one value alone, JSON as it is", () => {
  const rows = [
    { name: "a", port: 80, more: 1 },
    { name: "long name", port: 7000, more: 2 },
  ];
  const [table, none, thing, headline, missing, text, json] = printed(
    [rows, { columns: ["name", "port"] }],
    [[]],
    [{ ok: true, box: { name: "a", ports: [1, 2] }, list: [{ x: 1 }], nothing: null, empty: "" }],
    [{ link: "http://x", id: 1 }, { headline: "link" }],
    [{ id: 1 }, { headline: "link" }],
    ["text"],
    [rows, { columns: ["name"] }, true],
  );
  assert.equal(table, "name       port\na          80\nlong name  7000\n");
  assert.equal(none, "(none)\n");
  assert.equal(thing, "ok       yes\nbox\n  name   a\n  ports  1, 2\nlist\n  x\n  1\nnothing  -\nempty    -\n");
  assert.deepEqual([headline, missing, text], ["http://x\n", "id  1\n", "text\n"]);
  assert.equal(json, `${JSON.stringify(rows)}\n`);
});

test("cells are cut, line breaks and control characters do not reach the terminal", () => {
  const [cut, tame, score] = printed(
    [[{ a: "x".repeat(CELL_WIDTH_MAX + 20) }]],
    [[{ a: "one\ntwo\u001b]0;title\u0007 three", b: "\u009b31m" }]],
    [[{ quality: { score: 93, rttMs: 1 } }, { quality: { score: null } }]],
  );
  assert.equal(cut, `a\n${"x".repeat(CELL_WIDTH_MAX)}\n`);
  assert.doesNotMatch(tame!.replaceAll("\n", ""), /\p{Cc}/u);
  assert.match(tame!, /one two \]0;title three/);
  assert.equal(score, "quality\n93 (estimated)\n-\n");
});

test("a failure: code, text and advice in the caller's language; the cause only when it is a bug", () => {
  const plain = run('printFailure(fail("not-found", { cause: new Error("hidden") }), false, "en");');
  assert.equal(plain.out, "");
  assert.match(plain.err, /^not-found: .+\n {2}.+\n$/);
  assert.doesNotMatch(plain.err, /hidden/);
  const catalan = run('printFailure(fail("not-found"), true, "ca");');
  assert.notEqual(catalan.err, plain.err);
  const { error } = JSON.parse(catalan.out) as { error: Record<string, string> };
  assert.deepEqual(Object.keys(error), ["code", "message", "advice"]);
  assert.equal(error["code"], "not-found");
  const bug = run('printFailure(fail("internal", { cause: new Error("why") }), true, "en");');
  assert.match(bug.err, /Error: why/);
  assert.doesNotMatch(bug.out, /why/);
});
