/**
 * What a bench, or the simulator, is asked for on its command line: one table to read it with and to tell of it.
 * Whoever asks for what there is not reads one line that says so, and exit code 2.
 */
import { parseArgs } from "node:util";

const EXIT_USAGE = 2;
const ABOUT_LINE = /(.{1,100})(?: |$)/g;

/** On or off; or, with a `value`, something to be given, which the help calls by that name. */
export interface ProgramOption {
  text: string;
  value?: string;
  default?: string;
}

/** Beside a table for people, each bench ends with one line of JSON. */
export const JSON_OPTION: ProgramOption = { text: "nothing but the line of JSON on standard output" };

type Given<T> = {
  [K in keyof T]: T[K] extends { value: string }
    ? T[K] extends { default: string }
      ? string
      : string | undefined
    : boolean;
};

/**
 * `about`: some sentences in plain words; `args`: those of this program by default. Does not return for `--help`, and
 * for what is not in the table.
 */
export function programOptions<const T extends Readonly<Record<string, ProgramOption>>>(
  command: string,
  about: string,
  table: T,
  args: readonly string[] = process.argv.slice(2),
): Given<T> {
  const { help, ...given } = asked(() => {
    const all = Object.entries({ ...table, help: { text: "" } } as Record<string, ProgramOption>);
    const { values } = parseArgs({
      args: [...args],
      options: Object.fromEntries(
        all.map(([name, { value, ...option }]) => [
          name,
          value === undefined
            ? { type: "boolean" as const, default: false }
            : { type: "string" as const, ...("default" in option ? { default: option.default! } : {}) },
        ]),
      ),
    });
    return values;
  });
  if (help) {
    process.stdout.write(helpText(command, about, table));
    process.exit(0);
  }
  return given as Given<T>;
}

/** What `read` makes of what was asked for. Its error is said in one line, and is the end. */
export function asked<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    // Node's own go on with how a file would be named like an option.
    const [first] = (error as Error).message.split(". ");
    process.stderr.write(`${first!.replaceAll(/\s+/g, " ")}; --help tells what there is\n`);
    return process.exit(EXIT_USAGE);
  }
}

/** Those of a comma-separated list, in the order of `all`; without one all. Throws for what is none. */
export function someOf<const T extends string>(all: readonly T[], text: string | undefined): readonly T[] {
  if (text === undefined) return all;
  const wanted = text.split(",");
  const strange = wanted.find((name) => !all.some((one) => one === name));
  if (strange !== undefined) throw new Error(`no ${strange}: there are ${all.join(", ")}`);
  return all.filter((one) => wanted.includes(one));
}

/** Tells what is going on, with the seconds so far: on standard error where the other is for JSON. */
export function teller(json: boolean): (text: string) => void {
  const beganMs = performance.now();
  return (text) => {
    const seconds = Math.round((performance.now() - beganMs) / 1000);
    (json ? process.stderr : process.stdout).write(`${String(seconds).padStart(4)} s  ${text}\n`);
  };
}

function helpText(command: string, about: string, table: Readonly<Record<string, ProgramOption>>): string {
  const rows = Object.entries({ ...table, help: { text: "this" } } as Record<string, ProgramOption>).map(
    ([name, { text, value, default: usual }]) => [
      `  --${name}${value === undefined ? "" : ` <${value}>`}`,
      `${text}${usual === undefined ? "" : ` (default: ${usual})`}`,
    ],
  );
  const width = Math.max(...rows.map(([flag]) => flag!.length));
  const lines = rows.map(([flag, text]) => `${flag!.padEnd(width)}  ${text}`);
  const told = about.replaceAll(/\s+/g, " ").replaceAll(ABOUT_LINE, "$1\n");
  return [`Usage: ${command} [options]`, "", told, "Options:", ...lines, ""].join("\n");
}
