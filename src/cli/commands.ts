/**
 * Commands from contracts: words, flags, positions and help come from each endpoint's table entry.
 */
import { createInterface } from "node:readline/promises";
import { Command, InvalidArgumentError, Option } from "commander";
import type { CommandShape, Contract, Endpoint, Endpoints } from "../kernel/contract.ts";
import { systemClock } from "../kernel/clock.ts";
import type { Language } from "../kernel/words.ts";
import { say } from "../kernel/words.ts";
import { askOnce, newUpload, PIECE_INPUTS, writeAnswer } from "./bytes.ts";
import { callBox, cliErrors, firstLine, isRunning } from "./call.ts";
import type { Property } from "./check-input.ts";
import { codeLines } from "./codes.ts";
import { followBox } from "./follow.ts";
import { languageOf, optionsOf, withProgramOptions } from "./options.ts";
import { ownExitCode, printFailure, printOutput } from "./print.ts";
import { CLEAR, shareLine } from "./progress.ts";
import { checkedInput, inputSchema } from "./services.ts";
import { words } from "./words.ts";

const clock = systemClock();
/** Longer than most answers take; then a command that may take long says what it waits for. */
const WAITING_TOLD_MS = 1_500;
/** How far a long command is, is asked this often. */
const PROGRESS_EVERY_MS = 1_000;

/** Those that `isWanted` by their words: to make one out of its contract takes about a millisecond. */
export function addContractCommands(
  root: Command,
  contracts: readonly Contract[],
  isWanted: (command: string) => boolean = () => true,
): void {
  for (const { endpoints } of contracts) {
    for (const endpoint of Object.values(endpoints)) {
      if (endpoint.cli && isWanted(endpoint.cli.command)) addCommand(root, endpoint, endpoint.cli, endpoints);
    }
  }
}

function addCommand(root: Command, endpoint: Endpoint, shape: CommandShape, siblings: Endpoints): void {
  const path = shape.command.split(" ");
  const name = path.pop()!;
  const command = new Command(name).description(endpoint.summary);
  const schema = inputSchema(endpoint);
  const required = new Set(schema.required ?? []);
  const positional = shape.positional ?? [];
  for (const key of positional) {
    command.argument(required.has(key) ? `<${key}>` : `[${key}]`, schema.properties?.[key]?.description ?? "");
  }
  addBytes(command, shape);
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const file = shape.fromFile?.[key];
    if (file) command.requiredOption(`--${file} <file>`, `file whose first line is the ${key}`);
    else if (key === shape.typed?.input)
      command.option(`--${shape.typed.option} <file>`, `file of ${key}; "-": standard input`);
    else if (!positional.includes(key) && !filledIn(shape).includes(key))
      command.addOption(optionFor(key, property, required.has(key)));
  }
  if (shape.tty) command.option("--tty", "in this terminal, for what is typed into, such as an editor");
  withProgramOptions(command);
  if (shape.confirm) command.option("--yes", "do not ask");
  if (shape.follow)
    command.option("--follow", "go on with what is new until it is stopped; with --json one value a line");
  command.action(async () => {
    const input: Record<string, unknown> = {};
    positional.forEach((key, index) => {
      if (command.args[index] !== undefined) input[key] = command.args[index];
    });
    const { data, json } = optionsOf(command);
    for (const [key, value] of Object.entries(command.opts())) {
      if (key in (schema.properties ?? {}) && value !== undefined) input[key] = value;
    }
    for (const [key, file] of Object.entries(shape.fromFile ?? {})) {
      input[key] = firstLine(String(command.opts()[camelCase(file)]));
    }
    if (shape.typed) {
      // Loaded for those alone that ask.
      const { typedText } = await import("./typed.ts");
      const file = command.opts()[camelCase(shape.typed.option)] as string | undefined;
      input[shape.typed.input] = await typedText(shape.typed, file, languageOf(command));
    }
    if (shape.bytes && "pieces" in shape.bytes) input["upload"] = newUpload();
    const known = isLeftToBox(endpoint, shape, { ...command.opts(), data })
      ? input
      : await checkedInput(endpoint, input);
    if (shape.confirm && !command.opts()["yes"]) await confirm(shape.confirm, input, languageOf(command));
    const { warning } = shape;
    if (warning && input[warning.input]) process.stderr.write(`${say(words, languageOf(command), warning.words)}\n`);
    if (shape.follow && command.opts()["follow"])
      return followBox({ data, endpoint, input, shape, json, language: languageOf(command) });
    const tty = command.opts()["tty"] ? shape.tty : undefined;
    if (tty || shape.terminal) {
      // Loaded for them alone: other commands speak no web sockets.
      const { runTerminal } = await import("./terminal.ts");
      const wanted = tty ? joinedInput(siblings[tty.ask]!, tty.joined, input, known) : input;
      const asked = { data, json, language: languageOf(command), input: wanted };
      return await runTerminal({ ...asked, endpoint: tty ? siblings[tty.ask]! : endpoint });
    }
    const places = command.args.slice(positional.length);
    const asked = { data, input, language: languageOf(command) };
    if (command.opts()["raw"]) return await writeAnswer(asked, siblings[shape.raw!]!, undefined);
    if (endpoint.answerType) return await writeAnswer(asked, endpoint, shape.toFile && places[0]);
    const stopTelling = shape.progress
      ? drawProgress(shape.progress, data, siblings, languageOf(command))
      : tellWaiting(shape, languageOf(command));
    const asking = askOnce(asked, endpoint, siblings, { argument: places[0], ...command.opts() });
    const output = await asking.finally(stopTelling);
    if (shape.ran && !json) return printRan(output as Ran);
    printOutput(output, { json, shape });
    if (!json) process.stdout.write(codeLines(output, shape, languageOf(command)));
    if (typeof output === "object" && output !== null)
      conclude(output as Record<string, unknown>, shape, languageOf(command));
  });
  parentFor(root, path).addCommand(command);
}

/**
 * Whether the box, which checks every input, is the first to do so: for one question to a box that runs, of which
 * nothing is asked or sent before. What a check loads takes longer than most answers.
 */
function isLeftToBox(endpoint: Endpoint, shape: CommandShape, given: Record<string, unknown>): boolean {
  const { yes, follow, tty, raw, data } = given;
  const isMore = follow || tty || raw || shape.terminal || shape.bytes || endpoint.bytes || endpoint.answerType;
  return !isMore && (!shape.confirm || Boolean(yes)) && isRunning(String(data));
}

/** Of the endpoint that `--tty` asks instead: inputs of the same names, and those that are put together. */
function joinedInput(
  endpoint: Endpoint,
  joined: NonNullable<CommandShape["tty"]>["joined"],
  input: Record<string, unknown>,
  known: Record<string, unknown>,
): Record<string, unknown> {
  const same = Object.entries(input).filter(([key]) => key in endpoint.input.shape);
  const given = (from: readonly string[]) =>
    from.flatMap((one) => (known[one] === undefined ? [] : String(known[one])));
  const made = Object.entries(joined).map(([key, from]) => [key, given(from).join("/")]);
  return Object.fromEntries([...same, ...made]) as Record<string, unknown>;
}

/** Once, when the answer takes long. Gives back how to stop it. */
function tellWaiting({ waiting }: CommandShape, language: Language): () => void {
  if (waiting === undefined) return () => {};
  return clock.after(WAITING_TOLD_MS, () => void process.stderr.write(`${say(words, language, waiting)}\n`));
}

/** A line of the terminal that says how far it is, as long as it takes. Gives back how to stop it. */
function drawProgress(
  { ask, percent, text }: NonNullable<CommandShape["progress"]>,
  data: string,
  siblings: Endpoints,
  language: Language,
): () => void {
  if (!process.stderr.isTTY) return () => {};
  let [isOver, isAsking] = [false, false];
  const draw = async () => {
    const now = (await callBox(data, siblings[ask]!, {}, language)) as Record<string, unknown>;
    if (!isOver) process.stderr.write(`\r${shareLine(Number(now[percent]) / 100, String(now[text]))}${CLEAR}`);
  };
  const cancel = clock.every(PROGRESS_EVERY_MS, () => {
    if (isAsking) return;
    isAsking = true;
    // The line is only for comfort; what is wrong the command itself says.
    void draw()
      .catch(() => {})
      .finally(() => (isAsking = false));
  });
  return () => {
    isOver = true;
    cancel();
    process.stderr.write(`\r${CLEAR}`);
  };
}

interface Ran {
  stdout: string;
  stderr: string;
  exitCode: number;
}

function printRan({ stdout, stderr, exitCode }: Ran): void {
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = ownExitCode(exitCode);
}

/** What is to be said beside an answer that was printed, and how the command ends. */
function conclude(output: Record<string, unknown>, shape: CommandShape, language: Language): void {
  const { headline, raw, refused, lacking, rows, cut } = shape;
  if (raw && headline && output[headline] === null) process.stderr.write(`${say(words, language, "cli.raw-hint")}\n`);
  const count = refused === undefined ? 0 : Number(output[refused]);
  // Not thrown: what was taken is printed already, and with --json that is the one value.
  if (count > 0) printFailure(cliErrors.fail("lines-refused", { params: { count } }), false, language);
  if (cut && rows && output[cut.flag] === true) {
    const limit = (output[rows] as unknown[]).length;
    process.stderr.write(`${say(words, language, cut.words, { limit })}\n`);
  }
  const lacks = lacking === undefined ? 0 : Number(output[lacking.count]);
  if (lacks > 0) process.stderr.write(`${say(words, language, lacking!.words, { count: lacks })}\n`);
  if (count > 0 || lacks > 0 || output["ok"] === false) process.exitCode = 1;
}

/** The arguments and options by which bytes go and come. */
function addBytes(command: Command, shape: CommandShape): void {
  const { bytes, toFile, raw } = shape;
  if (bytes && "lines" in bytes) command.argument(`<${bytes.lines}>`, 'file of lines; "-": standard input');
  else if (bytes && "pieces" in bytes) command.argument(`<${bytes.pieces}>`, 'file to send; "-": standard input');
  else if (bytes && "file" in bytes) command.argument(`<${bytes.file}>`, 'file to send; "-": standard input');
  else if (bytes) {
    command.argument(`[${bytes.argument}]`, `the ${bytes.argument}, as text`);
    command.option(`--${bytes.option} <file>`, `file that holds the ${bytes.argument}; "-": standard input`);
  }
  if (toFile) command.argument(`[${toFile}]`, 'file to write; "-", or none: standard output');
  if (raw) command.option("--raw", "write the bytes as they are and nothing else");
}

/** Inputs that say which part of a file a request brings. */
function filledIn({ bytes }: CommandShape): readonly string[] {
  if (bytes && "lines" in bytes) return [bytes.from];
  return bytes && "pieces" in bytes ? PIECE_INPUTS : [];
}

/** The command that holds the ones below it: "services" for "services publish". */
export function parentFor(root: Command, path: string[]): Command {
  let parent = root;
  for (const word of path) {
    let next = parent.commands.find((command) => command.name() === word);
    if (!next) {
      next = new Command(word).description(`Commands about ${word}`).enablePositionalOptions();
      parent.addCommand(next);
    }
    parent = next;
  }
  return parent;
}

function optionFor(key: string, property: Property, required: boolean): Option {
  const flag = `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const shown =
    property.default === undefined || property.default === null
      ? ""
      : ` (default: ${JSON.stringify(property.default)})`;
  const textSwitch = property.format === "switch";
  const isSwitch = property.type === "boolean" || textSwitch;
  // What is on unless somebody says otherwise is switched off by its "no".
  const turnsOff = property.type === "boolean" && property.default === true;
  const named = turnsOff ? flag.replace("--", "--no-") : flag;
  const kind = isSwitch ? "" : describeProperty(property) + shown;
  const text = [kind, property.description ?? ""].filter(Boolean).join("; ");
  const option = new Option(isSwitch ? named : `${flag} <value>`, text);
  option.attributeName = () => key;
  if (isNumber(property)) option.argParser(toNumber);
  else if (textSwitch) option.preset("true");
  if (required) option.makeOptionMandatory();
  return option;
}

function camelCase(flag: string): string {
  return flag.replaceAll(/-([a-z])/g, (_whole, letter: string) => letter.toUpperCase());
}

function describeProperty(property: Property): string {
  if (property.enum) return property.enum.join(" | ");
  // What may also be null is what it is otherwise.
  const known = property.anyOf?.find(({ type }) => type !== undefined && type !== "null");
  return property.type ?? known?.type ?? "text";
}

/** Also where it may be null instead. */
function isNumber({ type, anyOf = [] }: Property): boolean {
  return type === "number" || type === "integer" || anyOf.some(isNumber);
}

function toNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || Number.isNaN(value)) throw new InvalidArgumentError("It must be a number.");
  return value;
}

async function confirm(key: string, input: Record<string, unknown>, language: Language): Promise<void> {
  // Nobody there to ask: what cannot be undone by itself needs the flag.
  if (!process.stdin.isTTY) throw cliErrors.fail("yes-needed");
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  const params = Object.fromEntries(Object.entries(input).map(([name, value]) => [name, String(value)]));
  const answer = await ask.question(`${say(words, language, key, params)} [y/N] `);
  ask.close();
  if (!/^[ysYS]/.test(answer)) process.exit(1);
}
