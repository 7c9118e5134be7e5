/** The options of every command: data folder and language, from flags and environment, in their order. */
import assert from "node:assert/strict";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { Command } from "commander";
import { dataFolder, languageOf, optionsOf } from "./options.ts";

const NAMES = ["COMU_DATA", "XDG_DATA_HOME", "LC_ALL", "LC_MESSAGES", "LANG"];
const before = Object.fromEntries(NAMES.map((name) => [name, process.env[name]]));
const clear = () => {
  for (const name of NAMES) delete process.env[name];
};
beforeEach(clear);
afterEach(() => {
  clear();
  for (const [name, value] of Object.entries(before)) if (value !== undefined) process.env[name] = value;
});

function parsed(...flags: string[]): Command {
  const program = new Command().option("--data <folder>").option("--json").option("--lang <language>");
  let ran: Command | undefined;
  program.command("sub").action((_options, command: Command) => void (ran = command));
  program.parse(["node", "comu", ...flags, "sub"]);
  return ran!;
}

test("the data folder: the flag, then COMU_DATA, then XDG_DATA_HOME, then the home; always absolute", () => {
  assert.equal(dataFolder(undefined), join(homedir(), ".local", "share", "comu"));
  process.env["XDG_DATA_HOME"] = "";
  assert.equal(dataFolder(undefined), join(homedir(), ".local", "share", "comu"));
  process.env["XDG_DATA_HOME"] = "/xdg";
  process.env["COMU_DATA"] = "";
  assert.equal(dataFolder(undefined), "/xdg/comu");
  process.env["COMU_DATA"] = "here";
  assert.equal(dataFolder(undefined), resolve("here"));
  assert.equal(dataFolder("../there"), resolve("../there"));
});

test("flags given before the command count for it", () => {
  assert.deepEqual(optionsOf(parsed("--data", "/d", "--json")), { data: "/d", json: true });
  assert.deepEqual(optionsOf(parsed()).json, false);
});

test("the language: the flag, then LC_ALL, LC_MESSAGES, LANG", () => {
  assert.equal(languageOf(parsed()), "en");
  process.env["LANG"] = "ca_ES.UTF-8";
  process.env["LC_ALL"] = "";
  process.env["LC_MESSAGES"] = "";
  assert.equal(languageOf(parsed()), "ca");
  process.env["LC_MESSAGES"] = "es_ES.UTF-8";
  assert.equal(languageOf(parsed()), "es");
  process.env["LC_ALL"] = "C";
  assert.equal(languageOf(parsed()), "en");
  assert.equal(languageOf(parsed("--lang", "ca")), "ca");
});
