/**
 * The struct that names every part of the daemon: reading it is reading the architecture. It is made once, from the
 * ground up: the kernel's parts, the data folder, the services in their order, and the web server on top.
 */
import { join } from "node:path";
import { readFileSync, existsSync } from "node:fs";
import type { Clock } from "./kernel/clock.ts";
import { systemClock } from "./kernel/clock.ts";
import type { Config } from "./kernel/config.ts";
import { createConfig } from "./kernel/config.ts";
import type { Metric, Service } from "./kernel/contract.ts";
import { fail } from "./kernel/errors.ts";
import type { Events } from "./kernel/events.ts";
import { createEvents } from "./kernel/events.ts";
import type { Health } from "./kernel/health.ts";
import { createHealth } from "./kernel/health.ts";
import type { Supervisor } from "./kernel/lifecycle.ts";
import { createSupervisor } from "./kernel/lifecycle.ts";
import type { LogLevel, LogRing } from "./kernel/log.ts";
import { createLog } from "./kernel/log.ts";
import type { Random } from "./kernel/random.ts";
import { systemRandom } from "./kernel/system-random.ts";
import type { WordTables } from "./kernel/words.ts";
import { ensureFolder, lockFolder, writeAtomic } from "./platform/files.ts";
import type { FolderLock } from "./platform/files.ts";
import type { Identity } from "./platform/identity.ts";
import { openIdentity } from "./platform/identity.ts";
import type { Store } from "./platform/store.ts";
import { openStore } from "./platform/store.ts";
import type { DiscoveryClient } from "./services/discovery/client.ts";
import type { FilesClient } from "./services/files/client.ts";
import { services as entries } from "./services/index.ts";
import type { KvClient } from "./services/kv/client.ts";
import type { MeshClient } from "./services/mesh/client.ts";
import type { PeopleClient } from "./services/people/client.ts";
import type { PageFacts } from "./services/people/service.ts";
import { testProfile } from "./test-profile.ts";

export interface System {
  version: string;
  dataFolder: string;
  clock: Clock;
  random: Random;
  log: LogRing;
  events: Events;
  health: Health;
  config: Config;
  words: WordTables;
  supervisor: Supervisor;
  lock: FolderLock;
  store: Store;
  identity: Identity;
  /** What the command line gave for this run; it stands above the settings. */
  run: RunOptions;
  /** When this daemon started. */
  startedMs: number;
  /** What a page needs to begin; filled in by the box service. */
  pageFacts: () => PageFacts;
  people: PeopleClient;
  mesh: MeshClient;
  discovery: DiscoveryClient;
  kv: KvClient;
  files: FilesClient;
  services: Service[];
}

export interface RunOptions {
  port?: number;
  meshPort?: number;
  bind?: string;
}

export interface SystemOptions {
  version: string;
  dataFolder: string;
  run: RunOptions;
  /** The shell's words and those of every service. */
  words: WordTables;
  /** Lines of the log go here. */
  write: (line: string, level: LogLevel) => void;
}

/** Reads or makes the data folder and builds every part. Nothing is started yet. */
export async function createSystem(options: SystemOptions): Promise<System> {
  const { dataFolder } = options;
  const clock = systemClock();
  const random = systemRandom();
  await ensureFolder(dataFolder);
  const lock = await lockFolder(dataFolder);
  try {
    const config = openConfig(join(dataFolder, "settings.json"));
    const level = () => (config.values()["box"]?.["logLevel"] ?? "info") as "info";
    const log = createLog({ clock, level: level(), write: options.write });
    const system: Partial<System> = {
      ...options,
      clock,
      random,
      log,
      config,
      lock,
      // Numbers that begin with the time: a page that comes back after a restart is told to load all again.
      events: createEvents(clock.wallMs()),
      health: createHealth(),
      supervisor: createSupervisor(clock, log.area("parts")),
      identity: await openIdentity(dataFolder),
      store: openStore(join(dataFolder, "comu.db")),
      startedMs: clock.wallMs(),
      services: [],
    };
    for (const entry of entries) system.services!.push(await entry.make(system as System));
    return system as System;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function openConfig(file: string): Config {
  const sections = Object.fromEntries(
    entries.flatMap((entry) => (entry.contract.settings ? [[entry.contract.name, entry.contract.settings]] : [])),
  );
  return createConfig({
    sections,
    load: () => (existsSync(file) ? readSettings(file) : testProfile()),
    save: (content) => writeAtomic(file, `${JSON.stringify(content, null, 2)}\n`),
  });
}

function readSettings(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw fail("bad-input", { params: { field: "settings.json", reason: "cannot be read" }, cause });
  }
}

/** Prometheus figures of all services and of the process. */
export function systemMetrics(system: System): Metric[] {
  const memory = process.memoryUsage();
  const cpu = process.cpuUsage();
  const gauge = (name: string, help: string, value: number): Metric => ({ name, type: "gauge", help, value });
  return [
    gauge("start_time_seconds", "Start of the daemon, seconds since 1970.", system.startedMs / 1000),
    gauge("resident_memory_bytes", "Resident memory of the daemon.", memory.rss),
    gauge("heap_used_bytes", "Memory used by JavaScript objects.", memory.heapUsed),
    {
      name: "cpu_seconds_total",
      type: "counter",
      help: "CPU time of the daemon.",
      value: (cpu.user + cpu.system) / 1e6,
    },
    gauge(
      "health_warnings",
      "Standing warnings that are not set aside.",
      system.health.warnings().filter((w) => !w.ignored).length,
    ),
    ...system.services.flatMap((service) => service.metrics?.() ?? []),
  ];
}
