/**
 * Makes docs/guide/commands.md: every command with its positions and flags, from the same contracts of which the
 * command line is made, so that the page cannot say what the program does not do. `npm run docs` writes it.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { addContractCommands } from "../src/cli/commands.ts";
import { demoCommand } from "../src/cli/demo.ts";
import { gridCommand } from "../src/cli/grid.ts";
import { upCommand } from "../src/cli/up.ts";
import { roleAtLeast } from "../src/kernel/contract.ts";
import { services } from "../src/services/index.ts";

/** Flags that every command has; told once at the top of the page. */
const COMMON = new Set(["--data", "--json", "--lang", "--help"]);

/** The whole page. */
export function commandsPage(): string {
  const root = new Command("comu");
  root.addCommand(upCommand(""));
  root.addCommand(demoCommand(""));
  root.addCommand(gridCommand());
  addContractCommands(
    root,
    services.map(({ contract }) => contract),
  );
  const leaves = root.commands.flatMap((command) => leavesOf(command, []));
  const first = leaves.filter(({ words }) => words === "up" || words === "demo");
  const rest = leaves.filter((leaf) => !first.includes(leaf)).toSorted((a, b) => (a.words < b.words ? -1 : 1));
  return [...HEAD, ...[...first, ...rest].flatMap(section)].join("\n");
}

const HEAD = [
  "# Commands",
  "",
  "In the source folder every command begins with `./comu`. `up` and `demo` run boxes, `grid vector` needs none; all",
  "others speak to the running box through the socket in its data folder, as the owner of the box. This page is made",
  "from the source by `npm run docs`; `comu COMMAND --help` says the same.",
  "",
  "All commands take:",
  "",
  "- `--data FOLDER`: which box. Default: `$COMU_DATA`, or `comu` in `$XDG_DATA_HOME` (else `~/.local/share`).",
  '- `--json`: prints one JSON value and nothing else; an error is `{"error":{"code","message","advice"}}`.',
  "- `--lang ca|es|en`: language of texts. Default: from `LANG`.",
  "",
  "Exit codes: 0 done, 1 refused or failed, 2 wrong usage. The error's code is the first word on standard error;",
  "[errors.md](../errors.md) lists all codes.",
  "",
];

interface Leaf {
  words: string;
  command: Command;
}

function leavesOf(command: Command, path: readonly string[]): Leaf[] {
  const words = [...path, command.name()];
  // "mesh keyring" is a command, and holds "mesh keyring rotate". One that only holds others has no flags.
  const own = command.options.length > 0 || command.commands.length === 0 ? [{ words: words.join(" "), command }] : [];
  return [...own, ...command.commands.flatMap((child) => leavesOf(child, words))];
}

function section({ words, command }: Leaf): string[] {
  const positions = command.registeredArguments.map((one) => (one.required ? ` <${one.name()}>` : ` [${one.name()}]`));
  const options = command.options.filter((option) => !COMMON.has(option.long ?? ""));
  const flags = options.map((option) => {
    const must = option.mandatory ? " (needed)" : "";
    return `- \`${option.flags}\`${option.description ? `: ${option.description}` : ""}${must}`;
  });
  const told = command.registeredArguments.filter((one) => one.description);
  const places = told.map((one) => `- \`<${one.name()}>\`: ${one.description}`);
  const role = weakestRole(words);
  return [
    `## comu ${words}${positions.join("")}`,
    "",
    `${command.description()}.${role ? ` ${role}` : ""}`,
    "",
    ...(places.length + flags.length > 0 ? [...places, ...flags, ""] : []),
  ];
}

/** The command line is always the owner; the role tells who may do the same on the page or over the API. */
function weakestRole(words: string): string {
  for (const { contract } of services) {
    for (const { cli, method, path, role } of Object.values(contract.endpoints)) {
      if (cli?.command !== words) continue;
      const who = roleAtLeast("public", role) ? "open to all" : `role ${role} and above`;
      return `(API: \`${method} /api/v1${path}\`, ${who}.)`;
    }
  }
  return "";
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, "../docs/guide/commands.md"), commandsPage());
