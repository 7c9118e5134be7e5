/** The endpoints about recovery phrases: twelve words from which an account's files are found again on a fresh box. */
import { z } from "zod";
import { endpoint } from "../../kernel/contract.ts";
import { MAKE_PER_MINUTE_MAX, PHRASE_CHARS_MAX, RECOVER_PER_MINUTE_MAX } from "./recovery/constants.ts";
import { madePhrase, path, phraseState, recovered } from "./shapes.ts";

export const recoveryEndpoints = {
  phrase: endpoint({
    method: "GET",
    path: "/files/recovery",
    role: "member",
    summary: "Whether there is a recovery phrase for your files, and which boxes keep what it leads to",
    input: z.strictObject({}),
    output: phraseState,
    cli: { command: "files recovery status" },
  }),
  makePhrase: endpoint({
    method: "POST",
    path: "/files/recovery",
    role: "member",
    summary: "Makes a recovery phrase for your files: twelve words to write down, shown this once",
    input: z.strictObject({
      replace: z.boolean().default(false).describe("The words of before lead nowhere from now on"),
    }),
    output: madePhrase,
    perMinuteMax: MAKE_PER_MINUTE_MAX,
    cli: { command: "files recovery make" },
  }),
  removePhrase: endpoint({
    method: "DELETE",
    path: "/files/recovery",
    role: "member",
    summary: "Ends the recovery phrase: the words lead nowhere from now on, and your files stay",
    input: z.strictObject({}),
    output: z.object({}),
    cli: { command: "files recovery remove", confirm: "files.recovery-remove-confirm" },
  }),
  recover: endpoint({
    method: "POST",
    path: "/files/recover",
    role: "member",
    summary: "Finds the files of a box that is lost, from the twelve words of their recovery phrase",
    input: z.strictObject({
      words: z.string().max(PHRASE_CHARS_MAX),
      folder: path.default("/recovered").describe("Where they go when there are files already"),
    }),
    output: recovered,
    perMinuteMax: RECOVER_PER_MINUTE_MAX,
    cli: {
      command: "files recover",
      typed: { input: "words", option: "words-file", words: "files.recover-ask" },
      waiting: "files.recover-waiting",
      patient: true,
    },
  }),
};
