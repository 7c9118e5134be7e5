/**
 * Commands from contracts: words, flags, positions and help come from each endpoint's table entry.
 */
import { createInterface } from "node:readline/promises";
import { Command, InvalidArgumentError, Option } from "commander";
import { z } from "zod";
import type { CommandShape, Endpoint, Endpoints } from "../kernel/contract.ts";
import { inputFailure } from "../kernel/config.ts";
import { systemClock } from "../kernel/clock.ts";
import type { Language } from "../kernel/words.ts";
import { say } from "../kernel/words.ts";
import { services } from "../services/index.ts";
import { askOnce, writeAnswer } from "./bytes.ts";
import { cliErrors, firstLine } from "./call.ts";
import { followBox } from "./follow.ts";
import { languageOf, optionsOf } from "./options.ts";
import { printFailure, printOutput } from "./print.ts";
import { words } from "./words.ts";

const clock = systemClock();
/** Longer than most answers take; then a command that may take long says what it waits for. */
const WAITING_TOLD_MS = 1_500;

interface Property {
  type?: string;
  enum?: unknown[];
  default?: unknown;
  description?: string;
  format?: string;
  anyOf?: Property[];
}

export function addContractCommands(root: Command): void {
  for (const { contract } of services) {
    for (const endpoint of Object.values(contract.endpoints)) {
      if (endpoint.cli) addCommand(root, endpoint, endpoint.cli, contract.endpoints);
    }
  }
}

function addCommand(root: Command, endpoint: Endpoint, shape: CommandShape, siblings: Endpoints): void {
  const path = shape.command.split(" ");
  const name = path.pop()!;
  const command = new Command(name).description(endpoint.summary);
  const schema = z.toJSONSchema(endpoint.input, { io: "input" }) as {
    properties?: Record<string, Property>;
    required?: string[];
  };
  const required = new Set(schema.required ?? []);
  const positional = shape.positional ?? [];
  for (const key of positional) {
    command.argument(required.has(key) ? `<${key}>` : `[${key}]`, schema.properties?.[key]?.description ?? "");
  }
  addBytes(command, shape);
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const file = shape.fromFile?.[key];
    if (file) command.requiredOption(`--${file} <file>`, `file whose first line is the ${key}`);
    else if (!positional.includes(key) && key !== linesFrom(shape))
      command.addOption(optionFor(key, property, required.has(key)));
  }
  command.option("--data <folder>", "the box's data folder").option("--json", "print one JSON value and nothing else");
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
    const checked = endpoint.input.safeParse(input);
    if (!checked.success) throw inputFailure(checked.error);
    if (shape.confirm && !command.opts()["yes"]) await confirm(shape.confirm, input, languageOf(command));
    const { warning } = shape;
    if (warning && input[warning.input]) process.stderr.write(`${say(words, languageOf(command), warning.words)}\n`);
    if (command.opts()["follow"])
      return followBox({ data, endpoint, input, shape, json, language: languageOf(command) });
    const places = command.args.slice(positional.length);
    const asked = { data, input, language: languageOf(command) };
    if (command.opts()["raw"]) return await writeAnswer(asked, siblings[shape.raw!]!, undefined);
    if (endpoint.answerType) return await writeAnswer(asked, endpoint, shape.toFile && places[0]);
    const stopTelling = tellWaiting(shape, languageOf(command));
    const asking = askOnce(asked, endpoint, shape, { argument: places[0], ...command.opts() });
    const output = await asking.finally(stopTelling);
    printOutput(output, { json, shape });
    if (typeof output === "object" && output !== null)
      conclude(output as Record<string, unknown>, shape, languageOf(command));
  });
  parentFor(root, path).addCommand(command);
}

/** Once, when the answer takes long. Gives back how to stop it. */
function tellWaiting({ waiting }: CommandShape, language: Language): () => void {
  if (waiting === undefined) return () => {};
  return clock.after(WAITING_TOLD_MS, () => void process.stderr.write(`${say(words, language, waiting)}\n`));
}

/** What is to be said beside an answer that was printed, and how the command ends. */
function conclude(output: Record<string, unknown>, shape: CommandShape, language: Language): void {
  const { headline, raw, refused } = shape;
  if (raw && headline && output[headline] === null) process.stderr.write(`${say(words, language, "cli.raw-hint")}\n`);
  const count = refused === undefined ? 0 : Number(output[refused]);
  // Not thrown: what was taken is printed already, and with --json that is the one value.
  if (count > 0) printFailure(cliErrors.fail("lines-refused", { params: { count } }), false, language);
  if (count > 0 || output["ok"] === false) process.exitCode = 1;
}

/** The arguments and options by which bytes go and come. */
function addBytes(command: Command, shape: CommandShape): void {
  const { bytes, toFile, raw } = shape;
  if (bytes && "lines" in bytes) command.argument(`<${bytes.lines}>`, 'file of lines; "-": standard input');
  else if (bytes && "file" in bytes) command.argument(`<${bytes.file}>`, 'file to send; "-": standard input');
  else if (bytes) {
    command.argument(`[${bytes.argument}]`, `the ${bytes.argument}, as text`);
    command.option(`--${bytes.option} <file>`, `file that holds the ${bytes.argument}; "-": standard input`);
  }
  if (toFile) command.argument(`[${toFile}]`, 'file to write; "-", or none: standard output');
  if (raw) command.option("--raw", "write the bytes as they are and nothing else");
}

function linesFrom({ bytes }: CommandShape): string | undefined {
  return bytes && "lines" in bytes ? bytes.from : undefined;
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
