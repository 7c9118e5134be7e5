/**
 * The doctor: gathers the checks of all services and its own, on request and twice a day by itself. What is not well
 * at the last look stands as a health warning, with the same words.
 */
import { isoTime } from "../../kernel/clock.ts";
import type { Check, Warning } from "../../kernel/contract.ts";
import type { Language, WordTables } from "../../kernel/words.ts";
import { say } from "../../kernel/words.ts";
import { diskSpace } from "../../platform/files.ts";
import type { System } from "../../system.ts";

export const DOCTOR_INTERVAL_MS = 12 * 3_600_000;
/** The first look comes soon after the start, when the mesh had time to find its peers. */
export const DOCTOR_FIRST_MS = 60_000;
/** A check that takes longer counts as failed. */
export const CHECK_TIMEOUT_MS = 20_000;
const NODE_MAJOR_MIN = 24;
/** With less, the box cannot write what it is told. */
const DISK_MIB_MIN = 16;
const MIB = 1024 * 1024;

export interface DoctorReport {
  atMs: number;
  checks: Check[];
}

/** What has a warning of its own that is always fresh, such as the disk, has no words as one of the doctor's. */
export function warningsOf(checks: readonly Check[], words: WordTables): Warning[] {
  return checks
    .filter(({ ok, severity }) => !ok && severity !== "info")
    .map(({ code, severity, params }) => ({ code: `doctor-${code}`, severity, params }))
    .filter(({ code }) => `health.${code}` in words.en);
}

export function createDoctor(system: System) {
  let last: DoctorReport | undefined;
  let cancels: (() => void)[] = [];

  const own = async (): Promise<Check[]> => {
    const disk = await diskSpace(system.dataFolder);
    const reserve = Number(system.config.values()["box"]!["diskReserveMiB"]) * MIB;
    const freeMiB = Math.floor(disk.freeBytes / MIB);
    const engines = system.services.filter((service) => service.contract.optional).length;
    return [
      {
        code: "disk",
        ok: disk.freeBytes >= reserve,
        severity: freeMiB < DISK_MIB_MIN ? "error" : "warning",
        params: { free: freeMiB },
      },
      { code: "store", ok: system.store.checkIntegrity().length === 0, severity: "error" },
      {
        code: "versions",
        ok: Number(process.versions.node.split(".")[0]) >= NODE_MAJOR_MIN,
        severity: "warning",
        params: { version: system.version, node: process.versions.node },
      },
      { code: "engines", ok: true, severity: "info", params: { count: engines } },
    ];
  };

  const bounded = (name: string, look: Promise<Check[]>): Promise<Check[]> => {
    const late = new Promise<Check[]>((resolve) => {
      system.clock.after(CHECK_TIMEOUT_MS, () =>
        resolve([{ code: "slow", ok: false, severity: "warning", params: { part: name } }]),
      );
    });
    return Promise.race([look, late]);
  };

  const run = async (): Promise<DoctorReport> => {
    const looks = system.services.flatMap((service) =>
      service.doctor ? [bounded(service.contract.name, service.doctor())] : [],
    );
    const checks = (await Promise.all([own(), ...looks])).flat();
    last = { atMs: system.clock.wallMs(), checks };
    return last;
  };

  return {
    run,
    report: (report: DoctorReport, language: Language) => ({
      ok: report.checks.every((check) => check.ok || check.severity !== "error"),
      checkedAt: isoTime(report.atMs),
      checks: report.checks.map((check) => {
        const word = (part: string) => say(system.words, language, `check.${check.code}.${part}`, check.params);
        return {
          code: check.code,
          ok: check.ok,
          severity: check.ok ? ("info" as const) : check.severity,
          title: word("title"),
          text: word(check.ok ? "ok" : "bad"),
          fix: check.ok ? "" : word("fix"),
        };
      }),
    }),
    /** What the last look found unwell. */
    warnings: (): Warning[] => warningsOf(last?.checks ?? [], system.words),
    start() {
      const look = () => void run().catch((error: unknown) => system.supervisor.crash("box", error));
      cancels = [system.clock.after(DOCTOR_FIRST_MS, look), system.clock.every(DOCTOR_INTERVAL_MS, look)];
    },
    stop: () => cancels.forEach((cancel) => cancel()),
  };
}
