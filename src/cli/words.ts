/** All words of the program, for the command line: its own, the shell's, and those of every service. */
import { mergeWords } from "../kernel/words.ts";
import { services } from "../services/index.ts";
import shellCa from "../../ui/src/words/ca.json" with { type: "json" };
import shellEn from "../../ui/src/words/en.json" with { type: "json" };
import shellEs from "../../ui/src/words/es.json" with { type: "json" };
import ca from "./words/ca.json" with { type: "json" };
import en from "./words/en.json" with { type: "json" };
import es from "./words/es.json" with { type: "json" };

const shell = { ca: shellCa, en: shellEn, es: shellEs };

export const words = mergeWords(shell, { ca, en, es }, ...services.map((entry) => entry.contract.words));
