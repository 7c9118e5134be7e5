/**
 * Reports of damaged shares for whoever runs the server: a file of JSON lines with the newest ones. Anybody with a
 * swissnum can send one, so nothing follows from it by itself.
 */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { isoTime } from "../../../kernel/clock.ts";
import type { Clock } from "../../../kernel/clock.ts";
import { writeAtomic } from "../../../platform/files.ts";
import { ADVISORIES_MAX, ADVISORY_KEPT_CHARS_MAX } from "./constants.ts";

const advisoryShape = z.strictObject({
  at: z.string(),
  kind: z.enum(["immutable", "mutable"]),
  storageIndex: z.string(),
  number: z.int(),
  reason: z.string(),
});

export type Advisory = z.infer<typeof advisoryShape>;

export class Advisories {
  readonly #path: string;
  readonly #clock: Clock;
  #kept: Advisory[] = [];
  /** Settles when the last one that began has ended, however it ended. */
  #writing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  async open(): Promise<void> {
    const lines = (await readFile(this.#path, "utf8").catch(() => "")).split("\n");
    this.#kept = lines.flatMap((line) => parseLine(line) ?? []).slice(-ADVISORIES_MAX);
  }

  /** Oldest first. */
  list(): readonly Advisory[] {
    return this.#kept;
  }

  /** Kept when the promise resolves; the oldest goes when there are too many. */
  add(advisory: Omit<Advisory, "at">): Promise<void> {
    const reason = advisory.reason.slice(0, ADVISORY_KEPT_CHARS_MAX);
    this.#kept = [...this.#kept, { ...advisory, reason, at: isoTime(this.#clock.wallMs()) }].slice(-ADVISORIES_MAX);
    // One writing that has not begun yet serves all who come before it does.
    this.#next ??= this.#writing.then(() => this.#write());
    return this.#next;
  }

  #write(): Promise<void> {
    this.#next = undefined;
    const written = writeAtomic(this.#path, this.#kept.map((one) => `${JSON.stringify(one)}\n`).join(""));
    this.#writing = written.catch(() => {});
    return written;
  }
}

function parseLine(line: string): Advisory | undefined {
  try {
    return advisoryShape.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
