/**
 * The options that every command has: which box, JSON or text, language. They may stand anywhere, also before the
 * command, so they are read once by hand: before the command is known, and where its parser gave up.
 */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import type { Language } from "../kernel/words.ts";
import { pickLanguage } from "../kernel/words.ts";

/** Its flags and its text; one that takes a value names it. */
export const PROGRAM_OPTIONS = [
  ["--data <folder>", "the box's data folder (default: $COMU_DATA, or comu in $XDG_DATA_HOME)"],
  ["--json", "print one JSON value and nothing else"],
  ["--lang <language>", "language of texts: ca, es or en (default: from LANG)"],
] as const;

const TAKING_A_VALUE = PROGRAM_OPTIONS.filter(([flags]) => flags.includes(" ")).map(([flags]) => flags.split(" ")[0]!);

export interface ReadArgs {
  /** The words before the first option that is none of these. */
  words: string[];
  json: boolean;
  lang: string | undefined;
}

/** As the parser takes them: in any place before `--`, and `--lang=ca` as `--lang ca`. */
export function readArgs(args: readonly string[]): ReadArgs {
  const found: ReadArgs = { words: [], json: false, lang: undefined };
  let isCommand = true;
  for (let at = 0; at < args.length && args[at] !== "--"; at += 1) {
    const word = args[at]!;
    const [name, ...parts] = word.split("=") as [string, ...string[]];
    if (TAKING_A_VALUE.includes(name)) {
      const value = parts.length > 0 ? parts.join("=") : args[(at += 1)];
      if (name === "--lang") found.lang = value;
    } else if (word === "--json") found.json = true;
    else {
      isCommand &&= !word.startsWith("-");
      if (isCommand) found.words.push(word);
    }
  }
  return found;
}

/** Adds those that the help of a command tells of; the language stands in that of the whole program. */
export function withProgramOptions(command: Command): Command {
  for (const [flags, text] of PROGRAM_OPTIONS) if (!flags.startsWith("--lang")) command.option(flags, text);
  return command;
}

export interface CommonOptions {
  /** Absolute path of the data folder. */
  data: string;
  json: boolean;
}

export function optionsOf(command: Command): CommonOptions {
  const all = command.optsWithGlobals() as { data?: string; json?: boolean };
  return { data: dataFolder(all.data), json: all.json === true };
}

export function dataFolder(given: string | undefined): string {
  const base = process.env["XDG_DATA_HOME"] || join(homedir(), ".local", "share");
  return resolve(given ?? (process.env["COMU_DATA"] || join(base, "comu")));
}

export function languageOf(command: Command): Language {
  return wishedLanguage((command.optsWithGlobals() as { lang?: string }).lang);
}

/** `lang`: of the option, else the environment counts. */
export function wishedLanguage(lang: string | undefined): Language {
  // An empty variable counts as unset (POSIX, base definitions, 8.2).
  return pickLanguage(lang ?? (process.env["LC_ALL"] || process.env["LC_MESSAGES"] || process.env["LANG"]));
}
