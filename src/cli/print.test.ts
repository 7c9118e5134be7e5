/** How answers look on a terminal: run in a process of its own, as its output is what counts. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { CELL_WIDTH_MAX } from "./print.ts";

const print = new URL("print.ts", import.meta.url).href;
const errors = new URL("../kernel/errors.ts", import.meta.url).href;

function run(code: string): { out: string; err: string } {
  const source = `import { growingList, printFailure, printOutput } from "${print}";
    import { fail } from "${errors}"; ${code}`;
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
  const [table, none, thing, headline, missing, text, json, inside, empty] = printed(
    [rows, { columns: ["name", "port"] }],
    [[]],
    [{ ok: true, box: { name: "a", ports: [1, 2] }, list: [{ x: 1 }], nothing: null, empty: "" }],
    [{ link: "http://x", id: 1 }, { headline: "link" }],
    [{ id: 1 }, { headline: "link" }],
    ["text"],
    [rows, { columns: ["name"] }, true],
    [
      { rows, cursor: null },
      { rows: "rows", columns: ["name"] },
    ],
    [{ id: 1, value: null }, { headline: "value" }],
  );
  assert.equal(table, "name       port\na          80\nlong name  7000\n");
  assert.equal(none, "(none)\n");
  assert.equal(thing, "ok       yes\nbox\n  name   a\n  ports  1, 2\nlist\n  x\n  1\nnothing  -\nempty    -\n");
  assert.deepEqual([headline, missing, text], ["http://x\n", "id  1\n", "text\n"]);
  assert.equal(json, `${JSON.stringify(rows)}\n`);
  assert.deepEqual([inside, empty], ["name\na\nlong name\n", "id     1\nvalue  -\n"]);
});

test("what stands above a table, as lines", () => {
  const slice = { name: "web", memoryBytes: 64_000_000, other: 1, slivers: [{ number: 0 }], isCut: false };
  const shape = { rows: "slivers", columns: ["number"], above: ["name", "memoryBytes"] };
  assert.deepEqual(printed([slice, shape]), ["name         web\nmemoryBytes  64.0 MB\n\nnumber\n0\n"]);
});

test("cells are cut but the last, line breaks and control characters do not reach the terminal", () => {
  const at = (agoMs: number) => new Date(Date.now() - agoMs).toISOString();
  const measured = { quality: { score: 93, samples: 12, measuredAt: at(185_000), rttMs: 1, rttAt: at(0) } };
  const guessed = { quality: { score: null, rttMs: 20.1, rttSource: "estimate", rttAt: at(0) } };
  const [cut, tame, score, ages] = printed(
    [
      [
        { a: "x".repeat(CELL_WIDTH_MAX + 1), b: "y".repeat(CELL_WIDTH_MAX + 20) },
        { a: "x".repeat(CELL_WIDTH_MAX), b: "z" },
      ],
    ],
    [[{ a: "one\ntwo\u001b]0;title\u0007 three", b: "\u009b31m" }]],
    [[measured, guessed, { quality: { score: null } }]],
    [{ quality: { score: 93, measuredAt: at(3 * 3_600_000), loadAt: null } }],
  );
  const [long, whole] = ["x".repeat(CELL_WIDTH_MAX - 1), "y".repeat(CELL_WIDTH_MAX + 20)];
  assert.equal(cut, `${"a".padEnd(CELL_WIDTH_MAX)}  b\n${long}…  ${whole}\n${long}x  z\n`);
  assert.doesNotMatch(tame!.replaceAll("\n", ""), /\p{Cc}/u);
  assert.match(tame!, /one two \]0;title three/);
  const [head, known, unknown, none] = score!.split("\n");
  assert.deepEqual([head, known, none], ["quality", "93 (measured 12x, 3 min ago)", "-"]);
  assert.match(unknown!, /^- \(about 20\.1 ms, estimated \d+ s ago\)$/);
  assert.match(ages!, /\n {2}measuredAt {2}20[-\d]+T[:.\d]+Z \(3 h ago\)\n {2}loadAt {6}-\n/);
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

test("a column that no row has is left out, short facts stand as pairs, nothing in a list is a dash", () => {
  const columns = ["name", "tags", "secret"];
  const tags = { role: "comu", n: "For\u0007n" };
  const [without, empty, nested] = printed(
    [
      [
        { name: "a", tags },
        { name: "b", tags: {} },
      ],
      { columns },
    ],
    [{ acks: [], answers: [] }],
    [[{ tags: { deep: { x: 1 } } }]],
  );
  assert.equal(without, "name  tags\na     role=comu n=For n\nb     -\n");
  assert.equal(empty, "acks     -\nanswers  -\n");
  assert.match(nested!, /\{"deep":\{"x":1\}\}/);
});

test("a list that grows: its head once, later rows in the same columns", () => {
  const shape = { command: "x", columns: ["at", "type", "text"] };
  const long = "y".repeat(CELL_WIDTH_MAX + 20);
  const batches = [
    [],
    [{ at: "1", type: "refuted", text: long }],
    [{ at: "2", type: "join", text: long }],
    [{ at: "3", type: "conflict!", text: "z" }],
    [{ at: "4", type: "key", text: "z" }],
  ];
  const of = (json: boolean) =>
    run(`const print = growingList(${JSON.stringify({ json, shape })});
      for (const rows of ${JSON.stringify(batches)}) print(rows);`).out.split("\n");
  assert.deepEqual(of(false), [
    "at  type     text",
    `1   refuted  ${long}`,
    `2   join     ${long}`,
    "3   conflict!  z",
    "4   key        z",
    "",
  ]);
  assert.deepEqual(
    of(true)
      .slice(0, -1)
      .map((line) => JSON.parse(line) as unknown),
    batches.flat(),
  );
});

test("what nobody sees is marked in tables and errors, and stands as an escape in JSON", () => {
  const bad = "Fo\u202e\u200brn\u0085";
  const [table, nested, pairs, json] = printed(
    [[{ name: bad }]],
    [{ [bad]: { deep: { x: bad } } }],
    [[{ tags: { [bad]: { x: bad } } }]],
    [[{ name: bad }], {}, true],
  );
  for (const text of [table, nested, pairs]) {
    assert.doesNotMatch(text!.replaceAll("\n", ""), /\p{C}/u);
    assert.match(text!, /Fo\ufffd\ufffdrn/);
  }
  assert.match(json!, /^[ -~]+\n$/);
  assert.deepEqual(JSON.parse(json!), [{ name: bad }]);
  const failed = run(
    `printFailure(fail("bad-input", { params: { field: "a", reason: ${JSON.stringify(bad)} } }), true, "en");`,
  );
  assert.match(failed.err, /Fo\ufffd\ufffdrn/);
  assert.match(failed.out, /Fo\\u202e\\u200brn\\u0085/);
});
