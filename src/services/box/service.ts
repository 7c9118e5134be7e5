/**
 * The box service: first contact, status, health, doctor, settings, log, parts.
 */
import { timingSafeEqual } from "node:crypto";
import type { Handlers, Service } from "../../kernel/contract.ts";
import { isoTime } from "../../kernel/clock.ts";
import { fail as kernelFail } from "../../kernel/errors.ts";
import { say } from "../../kernel/words.ts";
import { localAddresses } from "../../platform/addresses.ts";
import { createSystemReader } from "../../platform/machine.ts";
import type { SystemFacts } from "../../platform/machine.ts";
import type { System } from "../../system.ts";
import { boxContract, boxErrors, boxSettings } from "./contract.ts";
import { createDoctor } from "./doctor.ts";
import { pageOrigin } from "./page-origin.ts";
import { settingOf, typeOfSetting } from "./setting-text.ts";
import { setupKeyOf } from "./setup-key.ts";

const MIB = 1024 * 1024;
/** Free space is looked at this often, for the warning. */
const DISK_LOOK_MS = 30_000;

const { fail } = boxErrors;

export function box(system: System): Service<typeof boxContract.endpoints> {
  const settings = () => system.config.section("box", boxSettings);
  const doctor = createDoctor(system);
  const reader = createSystemReader({ clock: system.clock, dataFolder: system.dataFolder });
  let facts: SystemFacts | undefined;
  let settingUp = false;
  let cancelLook = () => {};

  const community = () => {
    const seen = system.mesh.community();
    return seen ? { id: seen.id, name: seen.name } : null;
  };
  system.pageFacts = () => {
    const seen = system.mesh.community();
    return {
      box: { id: system.identity.boxId, name: settings().name },
      community: seen ? { id: seen.id, name: seen.name, accent: seen.policy.accent } : null,
      health: system.health.level(),
      language: settings().language,
      version: system.version,
      setupKeyNeeded: (address) => !isLoopback(address),
    };
  };

  const setup: Handlers<typeof boxContract.endpoints>["setup"] = async (input, context) => {
    if (system.people.hasAccounts()) throw fail("already-set-up");
    if (context.principal.via === "none" && !(isLoopback(context.address) && isPlainHost(context.origin)))
      checkKey(input.setupKey ?? "", setupKeyOf(system.identity));
    if (settingUp) throw kernelFail("conflict", { params: { what: "set-up" } });
    settingUp = true;
    const { name, language, zone: zoneBefore } = settings();
    try {
      const host = await system.people.prepareHost(input.owner, input.password);
      const zone = input.zone === undefined ? {} : { zone: input.zone };
      await system.config.change({ box: { name: input.name, language: context.language, ...zone } });
      const joined =
        "found" in input.community
          ? await system.mesh.found(input.community.found)
          : await system.mesh.join(input.community.join, input.owner);
      system.people.createHost(host);
      system.mesh.describeSelf();
      const session = context.principal.via === "none" ? system.people.openSession(host.name) : undefined;
      if (session) context.setSession(session.token);
      system.events.emit("box.changed", "guest");
      const community = { id: joined.id, name: joined.name };
      return { id: system.identity.boxId, name: input.name, community, csrf: session?.csrf ?? null };
    } catch (error) {
      // Refused means that nothing happened; that the first error is told matters more than this.
      await system.config.change({ box: { name, language, zone: zoneBefore } }).catch(() => undefined);
      throw error;
    } finally {
      settingUp = false;
    }
  };

  const change = async (values: Record<string, Record<string, unknown>>) => {
    const next = await system.config.change(values);
    system.events.emit("box.changed", "guest");
    return { values: next as Record<string, Record<string, unknown>> };
  };

  const handlers: Handlers<typeof boxContract.endpoints> = {
    setup,
    async status() {
      facts = await reader.read();
      const boxes = system.mesh.boxes();
      return {
        id: system.identity.boxId,
        name: settings().name,
        owner: system.people.ownerName(),
        zone: settings().zone,
        version: system.version,
        state: !system.people.hasAccounts() ? "new" : community() ? "running" : "alone",
        health: system.health.level(),
        community: community(),
        url: `${pageOrigin(system.run.bind ?? settings().bind, system.run.port ?? 0)}/`,
        port: system.run.port ?? 0,
        meshPort: system.run.meshPort ?? 0,
        addresses: localAddresses().map((one) => one.address),
        startedAt: isoTime(system.startedMs),
        uptimeS: Math.round(process.uptime()),
        boxes: { up: boxes.filter((one) => one.state === "up" || one.state === "suspect").length, known: boxes.length },
        services: system.discovery.counts(),
        memory: {
          rssBytes: facts.processRssBytes,
          freeBytes: facts.memoryFreeBytes,
          totalBytes: facts.memoryTotalBytes,
        },
        cpu: {
          processPercent: Math.round(facts.processCpu * 1000) / 10,
          load1: facts.load[0],
          cores: facts.processors,
        },
        disk: { freeBytes: facts.diskFreeBytes, totalBytes: facts.diskTotalBytes },
      };
    },
    health(_input, { language }) {
      system.health.refresh(system.clock.wallMs());
      return system.health.warnings().map((one) => ({
        code: one.code,
        source: one.source,
        severity: one.severity,
        text: say(system.words, language, `health.${one.code}`, one.params),
        fix: say(system.words, language, `fix.${one.code}`, one.params),
        since: isoTime(one.sinceMs),
        ignored: one.ignored,
      }));
    },
    doctor: async (_input, { language }) => doctor.report(await doctor.run(), language),
    settings: () => ({
      values: system.config.values() as Record<string, Record<string, unknown>>,
      schemas: system.config.schemas(),
    }),
    changeSettings: ({ values }) => change(values),
    setSetting: ({ section, key, value }) =>
      change({ [section]: { [key]: settingOf(value, typeOfSetting(system.config.schemas(), section, key)) } }),
    async rename({ name }) {
      await change({ box: { name } });
      return { name };
    },
    logs: ({ limit }) => system.log.recent(limit),
    parts: () =>
      system.supervisor.status().map((part) => {
        const service = system.services.find((one) => one.contract.name === part.name)!;
        return { ...part, summary: service.contract.summary, optional: service.contract.optional };
      }),
    async switchPart({ name, on }) {
      const service = system.services.find((one) => one.contract.name === name);
      if (!service) throw kernelFail("not-found");
      if (!service.contract.optional) throw kernelFail("not-allowed", { params: { role: "none" } });
      await system.supervisor.setOn(name, on);
      const off = new Set(settings().partsOff);
      if (on) off.delete(name);
      else off.add(name);
      await change({ box: { partsOff: [...off] } });
      return { name, on };
    },
  };

  system.config.listen({
    commit(next) {
      const values = next["box"]!;
      system.health.setIgnored(values["ignoredWarnings"] as string[]);
      system.log.setLevel(values["logLevel"] as "info");
      system.mesh.describeSelf();
    },
  });

  return {
    contract: boxContract,
    handlers,
    async start() {
      system.health.setIgnored(settings().ignoredWarnings);
      for (const name of settings().partsOff) await system.supervisor.setOn(name, false);
      const look = async () => void (facts = await reader.read());
      await look();
      cancelLook = system.clock.every(DISK_LOOK_MS, () => void look());
      doctor.start();
    },
    async stop() {
      cancelLook();
      doctor.stop();
    },
    health() {
      const freeBytes = facts?.diskFreeBytes ?? Number.POSITIVE_INFINITY;
      const low = freeBytes < settings().diskReserveMiB * MIB;
      const failed = system.supervisor.status().filter((part) => part.state === "failed");
      return [
        ...(low
          ? [{ code: "disk-low", severity: "warning" as const, params: { free: Math.floor(freeBytes / MIB) } }]
          : []),
        ...failed.map((part) => ({ code: "part-failed", severity: "error" as const, params: { part: part.name } })),
        ...doctor.warnings(),
      ];
    },
  };
}

/** Asked for by address or as localhost: a name could have been made to lead here by somebody else. */
function isPlainHost(origin: string): boolean {
  const { hostname } = new URL(origin);
  return hostname === "localhost" || /^(127\.[\d.]+|\[::1\])$/.test(hostname);
}

function isLoopback(address: string): boolean {
  return address === "local" || address === "::1" || address.startsWith("127.") || address.startsWith("::ffff:127.");
}

function checkKey(given: string, wanted: string): void {
  const [a, b] = [Buffer.from(given.trim().toLowerCase()), Buffer.from(wanted)];
  if (a.length !== b.length || !timingSafeEqual(a, b)) throw fail("setup-key-needed");
}
