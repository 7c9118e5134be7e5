/** All words of the program, for the command line. Put together when one is needed, since most commands say none. */
import type { WordTables } from "../kernel/words.ts";
import { allWords } from "./services.ts";

let joined: WordTables | undefined;
const all = () => (joined ??= allWords());

export const words: WordTables = {
  get ca() {
    return all().ca;
  },
  get es() {
    return all().es;
  },
  get en() {
    return all().en;
  },
};
