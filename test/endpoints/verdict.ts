/**
 * What is wrong with an answer, given who asked. Apart from the walk, so that it can be shown to find faults.
 */
import type { Endpoint, Role } from "../../src/kernel/contract.ts";
import { roleAtLeast } from "../../src/kernel/contract.ts";
import { say } from "../../src/kernel/words.ts";
import type { Language, WordTables } from "../../src/kernel/words.ts";
import { services } from "../../src/services/index.ts";
import type { Answer, ErrorBody } from "./caller.ts";

const ofServices = new Set(services.flatMap(({ contract }) => Object.keys(contract.errors)));

export function codeOf(answer: Answer): string | undefined {
  return (answer.body as Partial<ErrorBody> | undefined)?.error?.code;
}

/** Undefined when all is well. */
export function roleFault(endpoint: Endpoint, role: Role, answer: Answer): string | undefined {
  const code = codeOf(answer);
  const shown = `${answer.status} ${code ?? ""}`.trim();
  if (!roleAtLeast(role, endpoint.role)) {
    const wanted = role === "public" ? "401 not-signed-in" : "403 not-allowed";
    return shown === wanted ? undefined : `${role} got ${shown}, not ${wanted}`;
  }
  // Asked as any other call, it says only how it has to be asked.
  if (endpoint.socket) return shown === "426 upgrade-needed" ? undefined : `${role} may, but got ${shown}`;
  if (answer.status < 300 && endpoint.answerType) return undefined;
  if (answer.status < 300) {
    const checked = endpoint.output.safeParse(answer.body);
    return checked.success ? undefined : `${role} got an answer of another shape: ${checked.error.message}`;
  }
  // A refusal of the service is fine, or of one that it uses; one of the platform is not: role and input were right.
  return code !== undefined && ofServices.has(code) ? undefined : `${role} may, but got ${shown}`;
}

/** Code, text and advice, in the caller's language, from the word lists. */
export function bodyFault(answer: Answer, language: Language, words: WordTables): string | undefined {
  const error = (answer.body as Partial<ErrorBody> | undefined)?.error;
  if (!error?.code) return `an error without its form: ${JSON.stringify(answer.body)}`;
  for (const [key, said] of [
    [`error.${error.code}`, error.message],
    [`advice.${error.code}`, error.advice],
  ] as const) {
    if (words[language][key] === undefined && words[language][`${key}.other`] === undefined)
      return `${key} has no words in ${language}`;
    const wanted = say(words, language, key, error.params);
    if (said !== wanted) return `${key} says ${JSON.stringify(said)} in ${language}, not ${JSON.stringify(wanted)}`;
  }
  return undefined;
}
