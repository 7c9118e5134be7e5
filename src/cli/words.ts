/** All words of the program, for the command line: the shell's and those of every service. */
import { mergeWords } from "../kernel/words.ts";
import { services } from "../services/index.ts";
import ca from "../../ui/src/words/ca.json" with { type: "json" };
import en from "../../ui/src/words/en.json" with { type: "json" };
import es from "../../ui/src/words/es.json" with { type: "json" };

export const words = mergeWords({ ca, en, es }, ...services.map((entry) => entry.contract.words));
