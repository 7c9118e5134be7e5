/**
 * A reporter for node:test that writes one line of JSON at the end: how many tests passed, failed, were cancelled or
 * skipped. `run.ts` reads it, so that its sum does not depend on the words that another reporter prints.
 */
import type { TestEvent } from "node:test/reporters";

export interface Counts {
  passed: number;
  failed: number;
  cancelled: number;
  skipped: number;
  todo: number;
}

export default async function* counts(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    // With a process per file each file has a summary of its own; only the one of the whole run has no file.
    if (event.type === "test:summary" && event.data.file === undefined) yield `${JSON.stringify(event.data.counts)}\n`;
  }
}
