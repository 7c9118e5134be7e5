/**
 * Facts about the machine and this process, for the page "This box" and for health: how long up, how busy, how full,
 * how hot.
 */
import { readFile, readdir } from "node:fs/promises";
import { availableParallelism, freemem, hostname, loadavg, totalmem, uptime } from "node:os";
import { join } from "node:path";
import type { Clock } from "../kernel/clock.ts";
import { diskSpace } from "./files.ts";

export interface SystemFacts {
  hostname: string;
  uptimeS: number;
  processors: number;
  /** Averages over 1, 5 and 15 minutes. */
  load: [number, number, number];
  memoryTotalBytes: number;
  /** What programs may still take; caches that the kernel would give back count as free. */
  memoryFreeBytes: number;
  /** Of the file system of the data folder. */
  diskTotalBytes: number;
  diskFreeBytes: number;
  processUptimeS: number;
  processRssBytes: number;
  /** Share of one processor since the last reading: 1 is one processor busy all the time. */
  processCpu: number;
  /** Of the hottest sensor; undefined where the machine has none. */
  temperatureC?: number;
}

export interface SystemOptions {
  clock: Clock;
  dataFolder: string;
  /** "/sys" and "/proc", but for tests. */
  sysFolder?: string;
  procFolder?: string;
}

export interface SystemReader {
  read(): Promise<SystemFacts>;
}

export function createSystemReader({
  clock,
  dataFolder,
  sysFolder = "/sys",
  procFolder = "/proc",
}: SystemOptions): SystemReader {
  let lastMs = clock.monotonicMs();
  let lastCpu = process.cpuUsage();
  let processCpu = 0;
  return {
    async read() {
      const [disk, memoryFreeBytes, temperatureC] = await Promise.all([
        diskSpace(dataFolder),
        freeMemory(procFolder),
        temperature(sysFolder),
      ]);
      const elapsedMs = clock.monotonicMs() - lastMs;
      // Two readings close together would divide by almost nothing; the last figure still holds.
      if (elapsedMs >= CPU_WINDOW_MIN_MS) {
        const { user, system } = process.cpuUsage(lastCpu);
        processCpu = (user + system) / 1000 / elapsedMs;
        lastMs += elapsedMs;
        lastCpu = process.cpuUsage();
      }
      return {
        hostname: hostname(),
        uptimeS: Math.round(uptime()),
        processors: availableParallelism(),
        load: loadavg() as [number, number, number],
        memoryTotalBytes: totalmem(),
        memoryFreeBytes,
        diskTotalBytes: disk.totalBytes,
        diskFreeBytes: disk.freeBytes,
        processUptimeS: Math.round(process.uptime()),
        processRssBytes: process.memoryUsage.rss(),
        processCpu,
        ...(temperatureC === undefined ? {} : { temperatureC }),
      };
    },
  };
}

const CPU_WINDOW_MIN_MS = 100;

/** MemAvailable of /proc/meminfo; what Node calls free leaves out caches and frightens people. */
async function freeMemory(procFolder: string): Promise<number> {
  const text = await readFile(join(procFolder, "meminfo"), "utf8").catch(() => "");
  const kib = /^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1];
  return kib === undefined ? freemem() : Number(kib) * 1024;
}

async function temperature(sysFolder: string): Promise<number | undefined> {
  const folder = join(sysFolder, "class", "thermal");
  const zones = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith("thermal_zone"));
  const read = zones.map((zone) => readFile(join(folder, zone, "temp"), "utf8").catch(() => ""));
  const degrees = (await Promise.all(read)).map((text) => (text.trim() === "" ? Number.NaN : Number(text) / 1000));
  // A sensor that is not connected says 0, or something absurd.
  const sound = degrees.filter((one) => one > -40 && one < 150 && one !== 0);
  return sound.length > 0 ? Math.max(...sound) : undefined;
}

/** Load of the last minute per core: 1 is a machine that has just enough to do. */
export function loadPerCore(): number {
  return loadavg()[0]! / availableParallelism();
}

/** The same over five minutes. */
export function steadyLoadPerCore(): number {
  return loadavg()[1]! / availableParallelism();
}
