/** All words of the program, for the command line and the box that it starts. */
import { wordsOnDemand } from "../kernel/words.ts";
import { wordsOf } from "./services.ts";

export const words = wordsOnDemand(wordsOf);
