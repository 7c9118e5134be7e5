/** What the doctor found stands as a warning, unless there is one of its own for it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { say } from "../../kernel/words.ts";
import { boxContract } from "./contract.ts";
import { warningsOf } from "./doctor.ts";

const { words } = boxContract;

test("a warning of the doctor has words; what is well, or warned of elsewhere, is none", () => {
  const found = warningsOf(
    [
      { code: "clock", ok: false, severity: "warning" },
      { code: "disk", ok: false, severity: "error" },
      { code: "files-servers", ok: false, severity: "warning", params: { found: 0, wanted: 2 } },
      { code: "ports", ok: true, severity: "warning" },
    ],
    words,
  );
  assert.deepEqual(
    found.map(({ code }) => code),
    ["doctor-clock"],
  );
  for (const { code } of found) assert.doesNotMatch(say(words, "ca", `health.${code}`), /^health/);
});
