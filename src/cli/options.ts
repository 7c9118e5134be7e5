/**
 * The options that every command has: which box, JSON or text, language.
 */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import type { Language } from "../kernel/words.ts";
import { pickLanguage } from "../kernel/words.ts";

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
  const { lang } = command.optsWithGlobals() as { lang?: string };
  // An empty variable counts as unset (POSIX, base definitions, 8.2).
  return pickLanguage(lang ?? (process.env["LC_ALL"] || process.env["LC_MESSAGES"] || process.env["LANG"]));
}
