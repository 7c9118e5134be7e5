/** For tests with real sockets: a folder for them, and waiting for what comes sooner or later. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Only a test that fails waits so long. */
const PATIENCE_MS = 30_000;

const folders: string[] = [];
process.once("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Removed when the process ends. Its path is short, as those of Unix sockets have to be. */
export function passingFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "comu-test-"));
  folders.push(folder);
  return folder;
}

export async function until(what: string, check: () => boolean | Promise<boolean>, pauseMs = 5): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!(await check())) {
    if (performance.now() > endMs) throw new Error(`it did not come: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
