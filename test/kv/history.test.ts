/** A short recording as anybody makes it, with every kind of fault: five real boxes, and the store is linearizable. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { checkHistory } from "../../sim/linear/check.ts";
import { readHistory } from "../../sim/linear/history.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { run } from "../support/process.ts";

const RECORDER = fileURLToPath(new URL("history.ts", import.meta.url));
const TIMEOUT_MS = 300_000;
/** A store that refuses everything is linearizable, too. */
const DONE_MIN = 2_000;

test("killed, stopped and cut apart, the boxes stay linearizable and all answer in the end", async (t) => {
  const out = join(temporaryFolder("history"), "history.jsonl");
  const words = ["--seconds", "50", "--nemesis", "all", "--boxes", "5", "--seed", "1", "--out", out];
  const { code, stdout, stderr } = await run([process.execPath, RECORDER, ...words], { timeoutMs: TIMEOUT_MS });
  for (const line of stdout.split("\n")) t.diagnostic(line);
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  const history = readHistory(readFileSync(out, "utf8"));
  for (const op of ["get", "put", "del", "putnx", "add", "cas"]) {
    assert.ok(
      history.some((one) => one.op === op && one.status === "ok"),
      `no ${op} was done`,
    );
  }
  const done = history.filter(({ status }) => status === "ok").length;
  assert.ok(done >= DONE_MIN, `${done} operations were done`);
  assert.equal(checkHistory(history).verdict, "ok");
});

test("wishes that cannot be met are told, and recorded is nothing", async () => {
  for (const words of [[], ["--out", "x", "--nemesis", "storm"], ["--out", "x", "--boxes", "0"]]) {
    const { code, stderr } = await run([process.execPath, RECORDER, ...words]);
    assert.equal(code, 2);
    assert.match(stderr, /--(?:out|nemesis|boxes)/);
  }
});
