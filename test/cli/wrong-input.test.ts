/** A wrong input of a command is refused in the same words and with the same exit code, whether a box runs or not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { temporaryFolder } from "../support/at-exit.ts";
import { COMU_COMMAND, startBox } from "../support/box.ts";
import { run } from "../support/process.ts";

const WRONG = [
  ["compute", "launch", "Not a name", "debian"],
  ["compute", "launch", "web", "debian", "--memory", "much"],
  ["kv", "ls", "--limit", "99999999"],
  ["kv", "put", "x".repeat(5000), "value"],
];

test("who checks makes no difference", async (t) => {
  const box = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri", until: t });
  const none = temporaryFolder("none");
  for (const words of WRONG) {
    const [asked, checked] = await Promise.all(
      [box.data, none].map((data) => run([...COMU_COMMAND, ...words, "--data", data, "--json"])),
    );
    assert.deepEqual([asked!.code, JSON.parse(asked!.stdout)], [2, JSON.parse(checked!.stdout)], words.join(" "));
    assert.equal(checked!.code, 2);
    assert.equal((JSON.parse(asked!.stdout) as { error: { code: string } }).error.code, "bad-input");
  }
  const fine = await run([...COMU_COMMAND, "kv", "ls", "--limit", "3", "--data", none]);
  assert.match(fine.stderr, /^box-not-running/);
});
