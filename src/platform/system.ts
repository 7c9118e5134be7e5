/**
 * Facts about the machine and this process, for the pages: memory, load, free space.
 */
import { statfsSync } from "node:fs";
import { availableParallelism, freemem, loadavg, totalmem } from "node:os";

export interface SystemFacts {
  memory: { freeBytes: number; totalBytes: number };
  /** Of the file system that holds the folder. */
  disk: { freeBytes: number; totalBytes: number };
  /** Processes that want to run, averaged over a minute. */
  load1: number;
  cores: number;
}

export function systemFacts(folder: string): SystemFacts {
  const { bavail, blocks, bsize } = statfsSync(folder);
  return {
    memory: { freeBytes: freemem(), totalBytes: totalmem() },
    disk: { freeBytes: bavail * bsize, totalBytes: blocks * bsize },
    load1: loadavg()[0]!,
    cores: availableParallelism(),
  };
}

/** Load of the last minute per core; 1 is a machine that has just enough to do. */
export function loadPerCore(): number {
  return loadavg()[0]! / availableParallelism();
}

/** Measures the CPU time of this process between two calls. */
export function createProcessMeter(): { cpuPercent(): number } {
  let cpu = process.cpuUsage();
  let atMs = performance.now();
  return {
    /** Percent of one core since the last call, rounded to tenths. */
    cpuPercent() {
      const spent = process.cpuUsage(cpu);
      const nowMs = performance.now();
      const share = (spent.user + spent.system) / 1000 / Math.max(1, nowMs - atMs);
      cpu = process.cpuUsage();
      atMs = nowMs;
      return Math.round(share * 1000) / 10;
    },
  };
}
