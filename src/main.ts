/**
 * The daemon: builds the System, starts its parts in order, serves pages and commands, stops on a signal.
 */
import { join } from "node:path";
import type { LogLevel } from "./kernel/log.ts";
import type { WordTables } from "./kernel/words.ts";
import { tidyAtRest } from "./platform/memory.ts";
import { serveWeb } from "./serve.ts";
import { createSystem } from "./system.ts";
import type { RunOptions, System } from "./system.ts";

export interface DaemonOptions {
  version: string;
  dataFolder: string;
  run: RunOptions;
  /** Folder of the built pages. */
  uiFolder: string;
  /** The shell's words and those of every service. */
  words: WordTables;
  write: (line: string, level: LogLevel) => void;
}

export interface Daemon {
  system: System;
  /** The port of the pages. */
  port: number;
  /** The key that a first-run page from elsewhere must show; undefined when the box is set up. */
  setupKey: string | undefined;
  /** Stops everything, in reverse order. Safe to call twice. */
  stop(): Promise<void>;
}

/** How often the list of health warnings is asked for anew. */
const HEALTH_INTERVAL_MS = 5_000;

export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const system = await createSystem(options);
  for (const service of system.services) {
    system.supervisor.add({ name: service.contract.name, start: () => service.start(), stop: () => service.stop() });
    system.health.watch(service.contract.name, () => service.health?.() ?? []);
  }
  const web = serveWeb(system, options.uiFolder);
  let stopped: Promise<void> | undefined;
  const stop = () =>
    (stopped ??= (async () => {
      cancelHealth();
      stopTidying();
      await web.close();
      await system.supervisor.stopAll();
      system.store.close();
      await system.lock.release();
    })());
  const cancelHealth = system.clock.every(HEALTH_INTERVAL_MS, () => {
    if (system.health.refresh(system.clock.wallMs())) system.events.emit("box.health", "member");
  });
  const stopTidying = tidyAtRest({ clock: system.clock });
  try {
    const box = system.config.values()["box"]!;
    const port = await web.listen(
      options.run.port ?? (box["port"] as number),
      (options.run.bind ?? (box["bind"] as string)) || undefined,
    );
    system.run.port = port;
    await web.listenLocal(join(options.dataFolder, "comu.sock"));
    await system.supervisor.startAll();
    system.health.refresh(system.clock.wallMs());
    system.log.info("the box is running", { port, meshPort: system.run.meshPort, version: system.version });
    return { system, port, setupKey: web.setupKey(), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
