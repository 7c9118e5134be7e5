/**
 * What the command line needs of the services: their contracts and their words. The build puts another file in the
 * place of this one (packaging/lean-commands.ts), which has the commands as data, and loads one contract to check an
 * input: all of them take longer than most boxes take to answer.
 */
import type { Contract, Endpoint } from "../kernel/contract.ts";
import { mergeWords } from "../kernel/words.ts";
import type { Language, WordTable } from "../kernel/words.ts";
import { services } from "../services/index.ts";
import { checkInput, schemaOf } from "./check-input.ts";
import type { InputSchema } from "./check-input.ts";
import ca from "../../ui/src/words/ca.json" with { type: "json" };
import en from "../../ui/src/words/en.json" with { type: "json" };
import es from "../../ui/src/words/es.json" with { type: "json" };

/** At least those that have a command that is wanted. */
export async function contractsOf(_isWanted: (command: string) => boolean): Promise<readonly Contract[]> {
  return services.map(({ contract }) => contract);
}

export function inputSchema(endpoint: Endpoint): InputSchema {
  return schemaOf(endpoint);
}

/** As `checkInput`; commands leave it to the box where they can. */
export async function checkedInput(
  endpoint: Endpoint,
  input: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  return checkInput(endpoint, input);
}

/** The shell's words and those of every service. */
export function wordsOf(language: Language): WordTable {
  return mergeWords({ ca, en, es }, ...services.map(({ contract }) => contract.words))[language];
}
