/** What the codes in an answer mean: below it, each once, as an error is told: code, sentence, what can be done. */
import type { CommandShape } from "../kernel/contract.ts";
import type { Language } from "../kernel/words.ts";
import { explain } from "../kernel/words.ts";
import { oneLine } from "./print.ts";
import type { Row } from "./print.ts";
import { words } from "./words.ts";

/** Empty when there is none. */
export function codeLines(output: unknown, { codes = {}, rows }: CommandShape, language: Language): string {
  const list = rows ? (output as Row)[rows] : output;
  const told = new Map<string, string>();
  for (const row of (Array.isArray(list) ? list : [list]) as Row[]) {
    for (const [key, beginning] of Object.entries(codes)) {
      const code = row[key];
      if (typeof code === "string" && !told.has(code)) told.set(code, linesOf(code, beginning, language));
    }
  }
  return told.size === 0 ? "" : `\n${[...told.values()].join("")}`;
}

function linesOf(code: string, beginning: string, language: Language): string {
  const { text, advice } = explain(words, language, beginning, code);
  return `${oneLine(`${code}: ${text}`)}\n  ${oneLine(advice)}\n`;
}
