/**
 * What the command line needs of the services: their contracts and their words. The build puts another file in the
 * place of this one (packaging/lean-commands.ts), which loads only the contracts that a command needs: all of them
 * take longer than most boxes take to answer.
 */
import type { Contract } from "../kernel/contract.ts";
import { mergeWords } from "../kernel/words.ts";
import type { WordTables } from "../kernel/words.ts";
import { services } from "../services/index.ts";
import ca from "../../ui/src/words/ca.json" with { type: "json" };
import en from "../../ui/src/words/en.json" with { type: "json" };
import es from "../../ui/src/words/es.json" with { type: "json" };

/** At least those that have a command that is wanted. */
export async function contractsOf(_isWanted: (command: string) => boolean): Promise<readonly Contract[]> {
  return services.map(({ contract }) => contract);
}

/** The shell's words and those of every service. */
export function allWords(): WordTables {
  return mergeWords({ ca, en, es }, ...services.map(({ contract }) => contract.words));
}
