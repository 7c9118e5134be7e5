/**
 * Puts the web server on top of the system: the API of all services, the pages, /healthz and /metrics.
 */
import type { Language } from "./kernel/words.ts";
import { createApi } from "./platform/web/api.ts";
import { createWeb } from "./platform/web/server.ts";
import type { Web } from "./platform/web/server.ts";
import { createStatic } from "./platform/web/static.ts";
import { pageOrigin } from "./services/box/page-origin.ts";
import { setupKeyOf } from "./services/box/setup-key.ts";
import type { System } from "./system.ts";
import { systemMetrics } from "./system.ts";

export function serveWeb(system: System, uiFolder: string): Web & { setupKey: () => string | undefined } {
  const boxSetting = (key: string) => system.config.values()["box"]![key];
  const api = createApi({
    clock: system.clock,
    log: system.log.area("web"),
    events: system.events,
    words: system.words,
    version: system.version,
    services: system.services,
    authenticate: (token, proof) => system.people.authenticate(token, proof),
    cookieName: `comu_session_${system.identity.boxId.slice(0, 8)}`,
    isRunning: (name) => system.supervisor.status().some((part) => part.name === name && part.state === "running"),
    hostNames: () => boxSetting("hostNames") as string[],
    ownOrigin: () => pageOrigin(system.run.bind ?? String(boxSetting("bind")), system.run.port ?? 0),
    defaultLanguage: () => boxSetting("language") as Language,
  });
  const web = createWeb({
    log: system.log.area("web"),
    api: (request, arrival) => api.fetch(request, arrival),
    files: createStatic(uiFolder),
    healthz: () => {
      const down = system.supervisor.status().filter((part) => part.state !== "running" && part.state !== "off");
      return {
        ok: down.length === 0,
        body: { ok: down.length === 0, version: system.version, down: down.map((part) => part.name) },
      };
    },
    metrics: () => systemMetrics(system),
    hostNames: () => boxSetting("hostNames") as string[],
  });
  return { ...web, setupKey: () => (system.people.hasAccounts() ? undefined : setupKeyOf(system.identity)) };
}
