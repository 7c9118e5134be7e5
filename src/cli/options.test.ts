/** The options of every command: data folder and language, from flags and environment, in their order. */
import assert from "node:assert/strict";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { Command } from "commander";
import { dataFolder, languageOf, optionsOf, PROGRAM_OPTIONS, readArgs } from "./options.ts";

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

function parsed(args: string[]): Command {
  const program = new Command();
  for (const [option] of PROGRAM_OPTIONS) program.option(option);
  let ran: Command | undefined;
  const sub = program.command("sub").argument("[more...]");
  sub.action(() => void (ran = sub));
  program.parse(args, { from: "user" });
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
  assert.deepEqual(optionsOf(parsed(["--data", "/d", "--json", "sub"])), { data: "/d", json: true });
  assert.deepEqual(optionsOf(parsed(["sub"])).json, false);
});

test("what is read by hand is what the parser reads, wherever it stands", () => {
  for (const args of [
    ["--lang", "ca", "sub"],
    ["--lang=ca", "--json", "sub"],
    ["sub", "--json", "--lang", "es"],
    ["--data", "--json", "sub", "--lang=es"],
    ["--data=/a=b", "sub"],
    ["sub", "--", "--json", "--lang", "ca"],
  ]) {
    const { words, json, lang } = readArgs(args);
    const command = parsed(args);
    assert.deepEqual({ json, lang }, { json: optionsOf(command).json, lang: command.optsWithGlobals()["lang"] });
    assert.deepEqual(words, ["sub"], args.join(" "));
  }
  assert.deepEqual(readArgs(["a", "--other", "b", "--lang", "ca"]), { words: ["a"], json: false, lang: "ca" });
  assert.deepEqual(readArgs(["--lang"]), { words: [], json: false, lang: undefined });
});

test("the language: the flag, then LC_ALL, LC_MESSAGES, LANG", () => {
  assert.equal(languageOf(parsed(["sub"])), "en");
  process.env["LANG"] = "ca_ES.UTF-8";
  process.env["LC_ALL"] = "";
  process.env["LC_MESSAGES"] = "";
  assert.equal(languageOf(parsed(["sub"])), "ca");
  process.env["LC_MESSAGES"] = "es_ES.UTF-8";
  assert.equal(languageOf(parsed(["sub"])), "es");
  process.env["LC_ALL"] = "C";
  assert.equal(languageOf(parsed(["sub"])), "en");
  assert.equal(languageOf(parsed(["--lang", "ca", "sub"])), "ca");
});
