/**
 * What the tests of faults share: a set-up box started again straight from the built program, so that hundreds of
 * starts are quick; figures in one line; and what an operating system knows of a process.
 */
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../support/at-exit.ts";
import type { Box } from "../support/box.ts";
import { eventually, start } from "../support/process.ts";
import type { Running } from "../support/process.ts";

/** What the launcher builds and hands over to. */
const PROGRAM = fileURLToPath(new URL("../../dist/comu.mjs", import.meta.url));
/** What the C library is told there. */
export const NODE_MEMORY = { MALLOC_ARENA_MAX: "1", MALLOC_TRIM_THRESHOLD_: "1048576" };
export const NODE_FLAGS = [
  "--max-semi-space-size=4",
  "--expose-gc",
  "--bytecode-old-age=1",
  "--disable-warning=ExperimentalWarning",
];
const READY_TIMEOUT_MS = 60_000;
const READY_POLL_MS = 10;

/** The command that the launcher runs in the end. */
export const DIRECT_COMMAND: readonly string[] = [process.execPath, ...NODE_FLAGS, PROGRAM];

/** Starts a box on its data without the launcher's checks; `before` are words before the program, such as `env`. */
export function startDirect(box: Box, before: readonly string[] = []): Running {
  const where = ["--data", box.data, "--port", String(box.port), "--mesh-port", String(box.meshPort)];
  const command = [...before, ...DIRECT_COMMAND, "up", "--json", ...where, "--bind", box.bind];
  box.process = start(command, { name: box.name, env: { COMU_PROFILE: "test", ...NODE_MEMORY } });
  return box.process;
}

/** Until every part of the box runs. */
export async function ready(box: Box): Promise<void> {
  const look = async () => {
    if (box.process?.exit) throw new Error(`${box.name} ended: ${box.process.output().slice(-2000)}`);
    return (await box.ask("/healthz")).status === 200;
  };
  await eventually(`${box.name} is ready`, READY_TIMEOUT_MS, look, READY_POLL_MS);
}

export function figure(text: string): void {
  process.stdout.write(`figure: ${text}\n`);
}

/** Resident memory now, in MiB. */
export function residentMiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
}

/** CPU time so far of the process, all threads, in milliseconds. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  // Fields 14 and 15 of the whole line, in ticks of 10 ms (getconf CLK_TCK is 100 on Linux).
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** The process that the launcher's or `env`'s chain of execs became has the id that was started. */
export function pidOf(box: Box): number {
  if (!box.process) throw new Error(`${box.name} was never started`);
  return box.process.pid;
}

/** One value of /metrics; the labels as they are written there. */
export async function metric(box: Box, name: string): Promise<number> {
  const { body } = await box.ask<string>("/metrics");
  const line = body.split("\n").find((one) => one.startsWith(`comu_${name} `));
  if (!line) throw new Error(`${box.name} has no figure ${name}`);
  return Number(line.slice(line.lastIndexOf(" ")));
}

/**
 * A copy of the box's database as a dead process left it, log included: opening the original would repair it before
 * the box itself has to.
 */
export function openCopy(box: Box): DatabaseSync {
  const folder = temporaryFolder("copy");
  for (const name of ["comu.db", "comu.db-wal"]) {
    const file = join(box.data, name);
    if (existsSync(file)) copyFileSync(file, join(folder, basename(file)));
  }
  return new DatabaseSync(join(folder, "comu.db"));
}

export interface StoredRecord {
  author: string;
  seq: number;
}

export function storedRecords(database: DatabaseSync): Map<string, StoredRecord> {
  const rows = database.prepare("SELECT author, ref, record FROM mesh_records").all();
  return new Map(
    rows.map((row) => {
      const record = JSON.parse(String(row["record"])) as StoredRecord;
      return [`${String(row["author"])} ${String(row["ref"])}`, record];
    }),
  );
}
