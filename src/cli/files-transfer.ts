/** What putting and getting files have in common: calls to the box, several at a time, and what went wrong. */
import type { Endpoint } from "../kernel/contract.ts";
import { isFailure } from "../kernel/errors.ts";
import type { Failure } from "../kernel/errors.ts";
import type { Language } from "../kernel/words.ts";
import { filesContract } from "../services/files/contract.ts";
import { callBox } from "./call.ts";
import { printFailure } from "./print.ts";
import type { Progress } from "./progress.ts";

export const filesEndpoints: Record<string, Endpoint> = filesContract.endpoints;

export interface Transfer {
  data: string;
  language: Language;
  progress: Progress;
  /** Of files that were not put or got; the others go on. */
  refused: { path: string; failure: Failure }[];
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
    process.stderr.write(`${process.stderr.isTTY ? "\r\u001b[K" : ""}${path}: `);
    printFailure(error, false, transfer.language);
  }
}

/** Takes jobs from `jobs`, so many at a time; the first that throws ends all. */
export async function severalAtOnce(jobs: AsyncIterable<() => Promise<void>>, most: number): Promise<void> {
  const iterator = jobs[Symbol.asyncIterator]();
  let hasFailed = false;
  const worker = async () => {
    for (;;) {
      const next = hasFailed ? undefined : await iterator.next();
      if (!next || next.done) return;
      await next.value().catch((error: unknown) => {
        hasFailed = true;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: most }, worker));
}
