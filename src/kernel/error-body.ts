/**
 * How an expected failure is told outside: the one form of an error, in the API and on standard error with `--json`.
 * Apart from both, since a command that only asks a running box should not have to load what answers.
 */
import type { Failure } from "./errors.ts";
import { say } from "./words.ts";
import type { Language, WordTables } from "./words.ts";

export function errorBody(failure: Failure, words: WordTables, language: Language) {
  const { code, params } = failure;
  const message = say(words, language, `error.${code}`, params);
  return { error: { code, message, advice: say(words, language, `advice.${code}`, params), params } };
}
