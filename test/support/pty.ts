/**
 * A command with a terminal of its own, as a person has one: through script(1), which gives it a pseudo-terminal and
 * passes on what is typed and shown.
 */
import { spawn } from "node:child_process";
import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { atExit } from "./at-exit.ts";
import { eventually, runOk } from "./process.ts";
import type { Owner } from "./process.ts";

const SHOWN_TIMEOUT_MS = 60_000;

export interface PtySize {
  columns: number;
  rows: number;
}

export interface Pty {
  type(text: string): void;
  shown(): string;
  /** Until it was shown; gives the match. Looks at what is new since the last one that was found. */
  see(pattern: RegExp): Promise<RegExpMatchArray>;
  /** As if somebody drew the window larger. */
  resize(size: PtySize): Promise<void>;
  /** Its exit code. */
  ended: Promise<number | null>;
}

/** `command` is a line for the shell. It ends with its owner. */
export function openPty(command: string, { columns, rows }: PtySize, owner: Owner): Pty {
  const line = `stty cols ${columns} rows ${rows}; ${command}`;
  const child = spawn("script", ["--quiet", "--return", "--command", line, "/dev/null"], {
    env: { ...process.env, TERM: "xterm", SHELL: "/bin/sh" },
  });
  const forget = atExit(() => child.kill("SIGKILL"));
  owner.after(() => void child.kill());
  let shown = "";
  let seenChars = 0;
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (shown += chunk));
  child.stdin.on("error", () => {});
  const ended = new Promise<number | null>((resolve) => {
    child.once("close", (code) => {
      forget();
      resolve(code);
    });
  });
  return {
    type: (text) => void child.stdin.write(text),
    shown: () => shown,
    async see(pattern) {
      const found = await eventually(`${String(pattern)} is shown`, SHOWN_TIMEOUT_MS, () => {
        const match = pattern.exec(shown.slice(seenChars));
        if (!match && child.exitCode !== null) throw new Error(`it ended, and showed ${JSON.stringify(shown)}`);
        return match ?? undefined;
      });
      seenChars += found.index + found[0].length;
      return found;
    },
    async resize(size) {
      const device = deviceOf(child.pid!);
      await runOk(["stty", "-F", device, "cols", String(size.columns), "rows", String(size.rows)]);
    },
    ended,
  };
}

/** The terminal that the children of `script` have. */
function deviceOf(pid: number): string {
  for (const one of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const parent = / (\d+) /.exec(readFileSync(`/proc/${one}/stat`, "utf8").replace(/^.*\) \S/, ""))?.[1];
      if (Number(parent) === pid) return readlinkSync(`/proc/${one}/fd/0`);
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error(`no child of ${pid}`);
}
