/**
 * `comu up`: runs a box in the foreground until a signal. With the set-up's answers as flags it needs no page.
 */
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { inputFailure } from "../kernel/config.ts";
import { kernelErrors } from "../kernel/errors.ts";
import { say } from "../kernel/words.ts";
import { startDaemon } from "../main.ts";
import type { Daemon } from "../main.ts";
import { boxContract } from "../services/box/contract.ts";
import { pageOrigin } from "../services/box/page-origin.ts";
import { callBox, cliErrors, firstLine } from "./call.ts";
import { languageOf, optionsOf } from "./options.ts";
import { words } from "./words.ts";

export interface UpFlags {
  name?: string;
  owner?: string;
  passwordFile?: string;
  newCommunity?: string;
  join?: string;
  zone?: string;
  port?: number;
  meshPort?: number;
  bind?: string;
}

/** Exit codes after a signal are 0: being told to stop is no failure. A second signal does not wait. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export function upCommand(version: string): Command {
  const command = new Command("up")
    .description("Start a box here and keep it running; prints the address of its page")
    .option("--name <name>", "name of the box (set-up without a page)")
    .option("--owner <name>", "name of the owner, who signs in with it")
    .option("--password-file <file>", "file that holds the owner's password in its first line")
    .option("--new-community <name>", "found a community with this name")
    .option("--join <code>", "join a community with this code")
    .option("--zone <name>", "zone of this box: boxes close in network and place")
    .option("--port <n>", "port of the pages and the API (default: 7000)", toPort)
    .option("--mesh-port <n>", "port of the mesh, TCP and UDP (default: 7946)", toPort)
    .option("--bind <address>", "address to listen on (default: all)")
    .option("--data <folder>", "the box's data folder")
    .option("--json", "print one JSON object when the box is ready")
    .addHelpText("after", "\nWithout --name the page asks for everything.");
  return command.action(async () => {
    const { data, json } = optionsOf(command);
    const language = languageOf(command);
    const flags = command.opts() as UpFlags;
    const setup = setupInput(flags);
    const daemon = await startDaemon({
      version,
      dataFolder: data,
      run: { port: flags.port, meshPort: flags.meshPort, bind: flags.bind },
      uiFolder: join(import.meta.dirname, "ui"),
      words,
      // On a terminal the ordinary lines would bury the address; they are in the log of This box.
      write: (line, level) => {
        const quiet = process.stderr.isTTY && (level === "debug" || level === "info");
        if (!quiet) process.stderr.write(`${line}\n`);
      },
    });
    const stopped = untilSignal(daemon);
    try {
      if (setup && !daemon.system.people.hasAccounts()) {
        if (!json) process.stdout.write(`${say(words, language, flags.join ? "up.joining" : "up.founding")}\n`);
        await callBox(data, boxContract.endpoints.setup, setup, language);
        daemon.setupKey = undefined;
      } else if (setup && !json) {
        process.stdout.write(`${say(words, language, "up.already")}\n`);
      }
      await keepPorts(daemon, flags);
    } catch (error) {
      await daemon.stop();
      throw error;
    }
    const url = pageUrl(daemon, flags.bind);
    if (json) {
      const { id } = { id: daemon.system.identity.boxId };
      process.stdout.write(
        `${JSON.stringify({ url, id, port: daemon.port, data, setUp: daemon.setupKey === undefined })}\n`,
      );
    } else {
      process.stdout.write(
        `\n  ${say(words, language, daemon.setupKey ? "up.open-setup" : "up.open")}\n\n    ${url}\n\n`,
      );
    }
    await stopped;
  });
}

/** The set-up's input from flags; undefined when no flag asks for one. Refused when only a part is given. */
function setupInput(flags: UpFlags): Record<string, unknown> | undefined {
  const given = [flags.name, flags.owner, flags.passwordFile, flags.newCommunity ?? flags.join];
  if (given.every((value) => value === undefined)) return undefined;
  const names = ["--name", "--owner", "--password-file", "--new-community | --join"];
  const missing = names.filter((_name, index) => given[index] === undefined);
  if (missing.length > 0) throw cliErrors.fail("setup-incomplete", { params: { missing: missing.join(", ") } });
  if (flags.newCommunity !== undefined && flags.join !== undefined) {
    throw kernelErrors.fail("bad-input", { params: { field: "--join", reason: "not together with --new-community" } });
  }
  const input = {
    name: flags.name,
    owner: flags.owner,
    password: firstLine(flags.passwordFile!),
    ...(flags.zone === undefined ? {} : { zone: flags.zone }),
    community: flags.join === undefined ? { found: flags.newCommunity } : { join: flags.join },
  };
  const checked = boxContract.endpoints.setup.input.safeParse(input);
  if (!checked.success) throw inputFailure(checked.error);
  return input;
}

/** Ports and address that were given once are those of the next start, too. */
async function keepPorts(daemon: Daemon, flags: UpFlags): Promise<void> {
  const box = daemon.system.config.values()["box"]!;
  const wished = { port: flags.port, meshPort: flags.meshPort, bind: flags.bind };
  const changed = Object.entries(wished).filter(
    ([key, value]) => value !== undefined && value !== 0 && value !== box[key],
  );
  if (changed.length > 0) await daemon.system.config.change({ box: Object.fromEntries(changed) });
}

function pageUrl(daemon: Daemon, bind: string | undefined): string {
  const bound = bind ?? (daemon.system.config.values()["box"]!["bind"] as string);
  return `${pageOrigin(bound, daemon.port)}/${daemon.setupKey ? `#setup=${daemon.setupKey}` : ""}`;
}

function untilSignal(daemon: Daemon): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        if (asked) process.exit(1);
        asked = true;
        daemon.stop().then(resolve, (error: unknown) => {
          process.stderr.write(`${String(error)}\n`);
          process.exit(1);
        });
      });
    }
  });
}

function toPort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError("It must be a number from 0 to 65535.");
  return port;
}
