/**
 * What is typed and is no part of a command, since others on the machine can read those, and a shell keeps them: asked
 * for on a terminal, else read from standard input or from a file.
 */
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline/promises";
import { buffer } from "node:stream/consumers";
import type { CommandShape } from "../kernel/contract.ts";
import type { Language } from "../kernel/words.ts";
import { say } from "../kernel/words.ts";
import { cliErrors, EXIT_INTERRUPTED } from "./call.ts";
import { words } from "./words.ts";

type Typed = NonNullable<CommandShape["typed"]>;

const STANDARD = "-";

/** What it means is for the box to judge, also when it is nothing. Throws `file-unreadable`. */
export async function typedText(typed: Typed, file: string | undefined, language: Language): Promise<string> {
  if (file === undefined && process.stdin.isTTY) return ask(say(words, language, typed.words));
  const from = file ?? STANDARD;
  try {
    return (await (from === STANDARD ? buffer(process.stdin) : readFile(from))).toString().trim();
  } catch (cause) {
    throw cliErrors.fail("file-unreadable", { params: { file: from }, cause });
  }
}

/** What is typed can be seen: twelve words cannot be typed blind. It goes nowhere but to the box. */
async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr, historySize: 0 });
  terminal.once("SIGINT", () => process.exit(EXIT_INTERRUPTED));
  // The end of the input is an answer, too: without it the question would stay open for ever.
  const ended = new Promise<string>((resolve) => void terminal.once("close", () => resolve("")));
  try {
    return await Promise.race([terminal.question(`${question}\n> `), ended]);
  } finally {
    terminal.close();
  }
}
