/**
 * What must be undone when a test process ends, however it ends: namespaces, child processes, temporary folders.
 * node:test runs its `after` hooks only when it gets the chance; an interrupt or a crash does not give it, so
 * whoever makes something outside the process registers here, at once, the synchronous step that removes it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const INTERRUPTS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

const steps = new Set<() => void>();
let installed = false;

/** Runs `step` when the process ends, newest first. Returns a function that takes the step out again. */
export function atExit(step: () => void): () => void {
  install();
  steps.add(step);
  return () => steps.delete(step);
}

/** A new folder below the system's temporary one, removed at the end. Short, since Unix sockets go into it. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `comu-${name}-`));
  atExit(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

function install(): void {
  if (installed) return;
  installed = true;
  process.on("exit", undoAll);
  for (const [signal, number] of Object.entries(INTERRUPTS)) {
    // process.exit runs the "exit" listeners; a signal without a listener would not.
    process.on(signal, () => process.exit(128 + number));
  }
}

function undoAll(): void {
  for (const step of [...steps].toReversed()) {
    steps.delete(step);
    try {
      step();
    } catch (error) {
      // The other steps must still run; what went wrong is worth knowing.
      process.stderr.write(`at exit: ${String(error)}\n`);
    }
  }
}
