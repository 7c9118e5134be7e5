/**
 * `comu files put` and `comu files get`: whole folders and files of any size, which no single request could carry. All
 * other commands about files come from the contract.
 */
import { Command } from "commander";
import { systemClock } from "../kernel/clock.ts";
import { say } from "../kernel/words.ts";
import { EXIT_INTERRUPTED } from "./call.ts";
import { getAll } from "./files-get.ts";
import { putAll } from "./files-put.ts";
import type { Transfer } from "./files-transfer.ts";
import { ask } from "./files-transfer.ts";
import { languageOf, optionsOf, withProgramOptions } from "./options.ts";
import { printOutput } from "./print.ts";
import { createProgress } from "./progress.ts";
import { words } from "./words.ts";

const clock = systemClock();

export function filesCommands(): Command[] {
  return [putCommand(), getCommand()];
}

function putCommand(): Command {
  const put = new Command("put")
    .description("Puts files and folders of this machine into your files; what was broken off goes on")
    .usage("[options] <sources...> <target>")
    .argument(
      "<sources...>",
      "files and folders here, and last where they go: into a folder, such as /Photos/, or /new-name",
    )
    .option("--cap", "also print the read cap of each file, as Tahoe-LAFS knows it");
  return withUsual(put, async (transfer) => {
    const sources = put.args.slice(0, -1);
    const target = put.args.at(-1)!;
    if (sources.length === 0) return put.error("error: say what is put, and where: comu files put a.jpg /Photos/");
    const paths = await putAll(transfer, sources, target);
    if (put.opts()["cap"] !== true) return {};
    const caps: { path: string; cap: string }[] = [];
    for (const path of paths.toSorted()) {
      caps.push({ path, cap: (await ask<{ read: string }>(transfer, "caps", { path })).read });
    }
    return { caps };
  });
}

function getCommand(): Command {
  const get = new Command("get")
    .description("Gets a file or folder of yours onto this machine; what was broken off goes on")
    .argument("<path>", 'such as "/Photos"')
    .argument("[target]", 'where to; "-": standard output');
  return withUsual(get, async (transfer) => {
    const [path, target] = get.args;
    await getAll(transfer, path!, target);
    return target === "-" ? undefined : {};
  });
}

/** `run` gives what is said beside the counts; undefined: nothing is said. */
function withUsual(command: Command, run: (transfer: Transfer) => Promise<object | undefined>): Command {
  return withProgramOptions(command).action(async () => {
    const { data, json } = optionsOf(command);
    const progress = createProgress(clock.monotonicMs);
    const transfer: Transfer = {
      data,
      language: languageOf(command),
      progress,
      refused: [],
      skipped: 0,
      files: 0,
      bytes: 0,
    };
    const beganMs = clock.monotonicMs();
    process.once("SIGINT", () => {
      progress.end();
      process.stderr.write(`${say(words, transfer.language, "cli.broken-off")}\n`);
      process.exit(EXIT_INTERRUPTED);
    });
    const more = await run(transfer).finally(progress.end);
    if (transfer.refused.length > 0) process.exitCode = 1;
    if (more === undefined) return;
    const refused = transfer.refused.map(({ path, failure }) => ({ path, code: failure.code }));
    const seconds = Math.round((clock.monotonicMs() - beganMs) / 10) / 100;
    const { files, bytes, skipped } = transfer;
    const counts = { files, sizeBytes: bytes, seconds, ...(skipped > 0 ? { skipped } : {}), refused };
    printOutput({ ...counts, ...more }, { json, shape: { command: "" } });
  });
}
