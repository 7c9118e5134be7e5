/**
 * The most memory that boxes and the browser have taken: what the kernel noted of each process (VmHWM), looked at from
 * time to time, since what a killed process took is not told any more.
 */
import { readFileSync, readdirSync } from "node:fs";
import type { Box } from "../support/box.ts";

const LOOK_MS = 1_000;

export class Peaks {
  /** By box, or by what part of the browser it is; bytes of the largest process. */
  readonly found = new Map<string, number>();
  private readonly boxes: readonly Box[];
  private readonly timer: NodeJS.Timeout;

  constructor(boxes: readonly Box[]) {
    this.boxes = boxes;
    this.timer = setInterval(() => this.look(), LOOK_MS);
    this.timer.unref();
  }

  look(): void {
    const parents = parentsOfAll();
    for (const box of this.boxes) if (box.running) this.note(box.name, box.process!.pid);
    for (const pid of parents.keys()) {
      const part = isBelow(pid, process.pid, parents) ? partOfBrowser(pid) : undefined;
      if (part !== undefined) this.note(`browser, ${part}`, pid);
    }
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private note(name: string, pid: number): void {
    const line = /^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`));
    if (line) this.found.set(name, Math.max(this.found.get(name) ?? 0, Number(line[1]) * 1024));
  }
}

function parentsOfAll(): Map<number, number> {
  const pids = readdirSync("/proc").map(Number).filter(Number.isInteger);
  return new Map(pids.map((pid) => [pid, Number(/\) \S (\d+)/.exec(read(`/proc/${pid}/stat`))?.[1] ?? 0)]));
}

function isBelow(pid: number, top: number, parents: ReadonlyMap<number, number>): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at)) if (at === top) return true;
  return false;
}

function partOfBrowser(pid: number): string | undefined {
  const command = read(`/proc/${pid}/cmdline`).replaceAll("\0", " ");
  if (!/^\S*chromium/.test(command)) return undefined;
  return /--type=(\S+)/.exec(command)?.[1] ?? "itself";
}

/** Empty when the process has ended. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
