/**
 * Which commands a line of words may mean, told before they are made: making all of them took longer than most answers
 * of a box.
 */
import { readArgs } from "./options.ts";

/** A command is wanted when it begins with the words, or the words begin with it. None is, where there are no words. */
export function wantedBy(args: readonly string[]): (command: string) => boolean {
  const { words } = readArgs(args);
  return (command) =>
    words.length > 0 && command.split(" ").every((word, at) => at >= words.length || word === words[at]);
}
