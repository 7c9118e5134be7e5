/** Which commands a line of words may mean: never fewer than the parser would look at. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { services } from "../services/index.ts";
import { wantedBy } from "./wanted.ts";

const COMMANDS = services.flatMap(({ contract }) =>
  Object.values(contract.endpoints).flatMap(({ cli }) => (cli ? [cli.command] : [])),
);
const wanted = (...args: string[]) => ["up", ...COMMANDS].filter(wantedBy(args));

test("a command and what is below it", () => {
  assert.deepEqual(wanted("up", "--json"), ["up"]);
  assert.deepEqual(wanted("compute", "launch", "web", "tiny", "--json"), ["compute launch"]);
  assert.deepEqual(
    wanted("compute", "images").toSorted(),
    COMMANDS.filter((one) => /^compute images\b/.test(one)).toSorted(),
  );
  const group = COMMANDS.filter((one) => one.startsWith("kv "));
  assert.deepEqual(wanted("kv", "--help"), group);
  for (const command of COMMANDS) assert.ok(wanted(...command.split(" "), "argument").includes(command), command);
});

test("options of the whole program may stand before a command and in it", () => {
  for (const options of [["--data", "/x"], ["--data=/x"], ["--lang", "ca"], ["--lang=ca"], ["--json"]]) {
    assert.deepEqual(wanted(...options, "compute", "ls"), ["compute ls"], options.join(" "));
    assert.deepEqual(wanted("compute", ...options, "ls", "--all"), ["compute ls"], options.join(" "));
  }
  assert.deepEqual(wanted("--json", "--data", "compute", "--lang=es", "up"), ["up"]);
});

test("nothing for words that are none of a command's, which is answered with all of them", () => {
  for (const args of [
    [],
    ["help", "compute"],
    ["--data", "/x"],
    ["--all", "compute", "ls"],
    ["--", "compute"],
    ["kv", "bogus"],
    ["comptue"],
  ]) {
    assert.deepEqual(wanted(...args), []);
  }
});
