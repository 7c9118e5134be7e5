/** What putting and getting files have in common: calls to the box, several at a time, and what went wrong. */
import type { Endpoint } from "../kernel/contract.ts";
import { isFailure } from "../kernel/errors.ts";
import type { Failure } from "../kernel/errors.ts";
import type { Language } from "../kernel/words.ts";
import { filesContract } from "../services/files/contract.ts";
import { say } from "../kernel/words.ts";
import { callBox } from "./call.ts";
import { oneLine, printFailure } from "./print.ts";
import { CLEAR } from "./progress.ts";
import type { Progress } from "./progress.ts";
import { words } from "./words.ts";

export const filesEndpoints: Record<string, Endpoint> = filesContract.endpoints;

export interface Transfer {
  data: string;
  language: Language;
  progress: Progress;
  /** Of files that were not put or got; the others go on. */
  refused: { path: string; failure: Failure }[];
  /** Links and devices: neither files nor folders. */
  skipped: number;
  files: number;
  bytes: number;
}

export interface Entry {
  name: string;
  path: string;
  kind: "file" | "folder";
  bytes: number;
  modifiedAt: string;
  etag: string;
}

export function ask<T>(
  transfer: Transfer,
  name: keyof typeof filesContract.endpoints,
  input: Record<string, unknown>,
  bytes?: Uint8Array,
): Promise<T> {
  return callBox(transfer.data, filesEndpoints[name]!, input, transfer.language, bytes) as Promise<T>;
}

/** Runs `work`; a refusal of this one file is noted, and what concerns all is thrown. */
export async function oneOfMany(transfer: Transfer, path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isFailure(error) || error.code === "box-not-running" || error.code === "unavailable") throw error;
    transfer.refused.push({ path, failure: error });
    process.stderr.write(`${overProgress()}${oneLine(path)}: `);
    printFailure(error, false, transfer.language);
  }
}

/** Says that something of this machine is not put. */
export function skipped(transfer: Transfer, file: string, isLink: boolean): void {
  transfer.skipped += 1;
  const text = say(words, transfer.language, isLink ? "cli.link-skipped" : "cli.special-skipped", { file });
  process.stderr.write(`${overProgress()}${oneLine(text)}\n`);
}

/** Says why a file is not stored yet. The box goes on by itself, whether or not somebody waits. */
export function waits({ language }: Transfer, path: string, failure: Failure): void {
  process.stderr.write(`${overProgress()}${oneLine(path)}: `);
  printFailure(failure, false, language);
  process.stderr.write(`  ${oneLine(say(words, language, "cli.put-waits", {}))}\n`);
}

/** What is written goes over the line that shows how far it is. */
function overProgress(): string {
  return process.stderr.isTTY ? `\r${CLEAR}` : "";
}

export interface Job {
  /** How many of the places it takes while it runs. */
  places: number;
  run(): Promise<void>;
}

/** Runs jobs in their order, as many at a time as `places` has room for; the first that throws ends all. */
export async function severalAtOnce(jobs: AsyncIterable<Job>, places: number): Promise<void> {
  const failed = Promise.withResolvers<never>();
  let [running, free, hasFailed] = [0, places, false];
  let wake = () => {};
  const oneEnds = () => new Promise<void>((resolve) => (wake = resolve));
  const ended = (job: Job) => {
    running -= 1;
    free += job.places;
    wake();
  };
  const fail = (error: unknown) => {
    hasFailed = true;
    failed.reject(error);
    wake();
  };
  const runAll = async () => {
    for await (const job of jobs) {
      // One that wants more than there are runs alone.
      while (!hasFailed && running > 0 && free < job.places) await oneEnds();
      if (hasFailed) return;
      running += 1;
      free -= job.places;
      job.run().then(() => ended(job), fail);
    }
    while (!hasFailed && running > 0) await oneEnds();
  };
  await Promise.race([runAll(), failed.promise]);
}
