/**
 * Which commands a line of words may mean, told before they are made: making all of them took longer than most answers
 * of a box.
 */

/** A command is wanted when it begins with the words, or the words begin with it. None is, where there are no words. */
export function wantedBy(args: readonly string[]): (command: string) => boolean {
  const option = args.findIndex((word) => word.startsWith("-"));
  const words = option < 0 ? args : args.slice(0, option);
  return (command) =>
    words.length > 0 && command.split(" ").every((word, at) => at >= words.length || word === words[at]);
}
