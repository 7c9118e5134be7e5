/**
 * The end of a test file as an owner of what its `before` starts: a test's own context ends with that test, and this
 * one when the last test of the file is over.
 */
import { after } from "node:test";
import type { Owner } from "../support/process.ts";

const steps: (() => Promise<void> | void)[] = [];

/** Newest first, as things were built upon one another. */
export const atEnd: Owner = { after: (run) => void steps.unshift(run) };

after(async () => {
  for (const run of steps) await run();
});
