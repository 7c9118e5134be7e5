/**
 * The command line. `comu up` and `comu demo` run boxes, `comu grid vector` needs none; every other command is an
 * endpoint of a service's contract, called on the running box over the Unix socket in its data folder; `comu files put`
 * and `get` make many such calls.
 *
 * Exit codes: 0 done, 1 refused or failed, 2 wrong usage. The error's code is the first word on standard error.
 */
import { Command, CommanderError } from "commander";
import { asFailure, Failure } from "../kernel/errors.ts";
import { plainJson } from "../kernel/unseen.ts";
import { PROGRAM_OPTIONS, readArgs, wishedLanguage } from "./options.ts";
import { printFailure } from "./print.ts";
import { contractsOf } from "./services.ts";
import { wantedBy } from "./wanted.ts";

export const EXIT_DONE = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

const VERSION = process.env["COMU_VERSION"] ?? "development";

/**
 * Commands that are no question to a running box. Each is loaded only when it is wanted: the others are done sooner,
 * and a box keeps what it started with.
 */
const OWN: Readonly<Record<string, () => Promise<Command>>> = {
  up: async () => (await import("./up.ts")).upCommand(VERSION),
  demo: async () => (await import("./demo.ts")).demoCommand(VERSION),
  "grid vector": async () => (await import("./grid.ts")).gridCommand(),
};
/** Asked for alone, they need no command. */
const VERSION_FLAGS = ["--version", "-V"];
/** Those that run boxes. */
const RUNNING: ReadonlySet<string | undefined> = new Set(["up", "demo"]);
/** Made by hand, beside those of the contract. */
const FILES = ["files put", "files get"];

/** `args`: only the commands that they may mean are made, and some have a `--version` of their own. */
async function program(args: readonly string[]): Promise<Command> {
  const root = new Command("comu").description("A box of a community cloud: start it, and talk to it.");
  for (const [flags, text] of PROGRAM_OPTIONS) root.option(flags, text);
  const [first = "help"] = readArgs(args).words;
  if (first === "help") root.version(VERSION);
  if (first !== "help" || !VERSION_FLAGS.some((flag) => args.includes(flag))) await addCommands(root, args);
  for (const command of allCommands(root)) {
    command.exitOverride().showHelpAfterError("(comu help shows all commands)").configureOutput({ outputError });
  }
  return root;
}

async function addCommands(root: Command, args: readonly string[]): Promise<void> {
  const isWanted = wantedBy(args);
  const own = Object.keys(OWN).filter(isWanted);
  await addOwnCommands(root, own);
  if (own.length === 0) await addBoxCommands(root, isWanted);
  if (root.commands.length === 0) {
    // Nobody knows what is meant: all of them, for the help or the advice.
    await addOwnCommands(root, Object.keys(OWN));
    await addBoxCommands(root, () => true);
  }
}

async function addOwnCommands(root: Command, names: readonly string[]): Promise<void> {
  for (const name of names) root.addCommand(await OWN[name]!());
}

/** Everything that is asked of a running box. */
async function addBoxCommands(root: Command, isWanted: (command: string) => boolean): Promise<void> {
  const { addContractCommands, parentFor } = await import("./commands.ts");
  addContractCommands(root, await contractsOf(isWanted), isWanted);
  if (!FILES.some(isWanted)) return;
  const { filesCommands } = await import("./files.ts");
  for (const command of filesCommands()) parentFor(root, ["files"]).addCommand(command);
}

function outputError(text: string, write: (text: string) => void): void {
  write(text.startsWith("error: ") ? `usage: ${text.slice("error: ".length)}` : text);
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap((one) => allCommands(one))];
}

const HELP = new Set(["--help", "-h"]);

/** Help about a command that does not exist is wrong usage: without the flag, the parser says so. */
function withoutVainHelp(root: Command, args: string[]): string[] {
  let command = root;
  for (let at = 0; at < args.length && command.commands.length > 0; at += 1) {
    const word = args[at]!;
    if (word.startsWith("-")) {
      const option = [...command.options, ...root.options].find(({ long, short }) => word === long || word === short);
      if (option?.required) at += 1;
      continue;
    }
    const next = command.commands.find((one) => one.name() === word);
    if (!next && word !== "help") return args.filter((one) => !HELP.has(one));
    // What follows a command's own name may be its arguments.
    if (!next || next.registeredArguments.length > 0) break;
    command = next;
  }
  return args;
}

/** A command has nothing left to do when standard output takes no more; a box has. */
function endWithOutput(first: string | undefined, lang: string | undefined): void {
  process.stdout.on("error", (cause: NodeJS.ErrnoException) => {
    if (RUNNING.has(first)) return;
    // Who reads has gone: `… | head`.
    if (cause.code === "EPIPE") process.exit(EXIT_DONE);
    printFailure(new Failure("file-not-written", 400, { file: "-" }, cause), false, wishedLanguage(lang));
    process.exit(EXIT_FAILED);
  });
}

export async function main(args: string[]): Promise<number> {
  const { words, json, lang } = readArgs(args);
  endWithOutput(words[0], lang);
  try {
    const root = await program(args);
    if (args.length === 0) {
      root.outputHelp();
      return EXIT_DONE;
    }
    await root.parseAsync(withoutVainHelp(root, args), { from: "user" });
    return Number(process.exitCode ?? EXIT_DONE);
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT_DONE;
      const usage = { code: "usage", message: error.message.replace(/^error: /, ""), advice: "comu help" };
      if (json) process.stdout.write(`${plainJson({ error: usage })}\n`);
      return EXIT_USAGE;
    }
    const failure = asFailure(error);
    printFailure(failure, json, wishedLanguage(lang));
    return failure.code === "bad-input" ? EXIT_USAGE : EXIT_FAILED;
  }
}

process.exitCode = await main(process.argv.slice(2));
