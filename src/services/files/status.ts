/** What the service says of itself: on its page, as warnings, as figures. */
import type { Check, Metric, Warning } from "../../kernel/contract.ts";
import { isoTime } from "../../kernel/clock.ts";
import { serverIdOf } from "./access.ts";
import type { CareStatus } from "./care/care.ts";
import { FULL_WARN } from "./constants.ts";
import type { DoorStatus } from "./doors.ts";
import type { GivingStatus } from "./giving.ts";
import type { Grid } from "./grid/grid.ts";
import type { GridServer } from "./grid/server.ts";

export interface Facts {
  giving: GivingStatus;
  grid: Pick<Grid, "servers" | "encoding">;
  care: CareStatus;
  doors: { webdav: DoorStatus; sftp: DoorStatus };
  /** Ids of the boxes of the community. */
  boxIds: readonly string[];
}

/** Servers that answer, or did a moment ago. */
export function reachable(grid: Pick<Grid, "servers">): readonly GridServer[] {
  return grid.servers().filter((server) => server.state() === "up" || server.state() === "slow");
}

export function serversShown({ grid, boxIds }: Facts) {
  const boxes = new Map(boxIds.map((boxId) => [serverIdOf(boxId), boxId]));
  return grid.servers().map((server) => ({
    id: server.id,
    name: server.name,
    box: boxes.get(server.id) ?? null,
    owner: server.owner ?? null,
    zone: server.zone ?? null,
    state: server.state(),
    availableBytes: server.availableBytes() ?? null,
    responseMs: rounded(server.responseMs()),
    origin: boxes.has(server.id) ? ("box" as const) : ("list" as const),
  }));
}

function rounded(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms * 10) / 10;
}

/** `host`: as the caller wrote it, for addresses that work where the caller is. */
export function statusShown(facts: Facts, me: { usedBytes: number; quotaBytes: number | null }, host: string) {
  const { giving, grid, care, doors } = facts;
  const { needed, total, happy } = grid.encoding();
  const count = reachable(grid).length;
  const door = ({ on, port, reason }: DoorStatus, scheme: string) => ({
    ...{ on, port },
    url: on ? `${scheme}://${host}:${port}/` : null,
    reason: reason ?? null,
  });
  return {
    giving: { ...giving, reason: giving.reason ?? null },
    grid: { servers: serversShown(facts), needed, total, happy, reachable: count, enough: count >= happy },
    me,
    access: { webdav: door(doors.webdav, "http"), sftp: door(doors.sftp, "sftp") },
    care: {
      state: care.state,
      checkedAt: care.checkedMs === undefined ? null : isoTime(care.checkedMs),
      files: care.healthy + care.weak + care.lost,
      ...{ healthy: care.healthy, weak: care.weak, lost: care.lost },
      running: care.running ?? null,
    },
  };
}

/** `isUsed`: somebody here keeps files, so that it matters whether they can be stored. */
export function warningsOf({ giving, grid, care, doors }: Facts, isUsed: boolean): Warning[] {
  const found: Warning[] = [];
  const count = reachable(grid).length;
  const { happy } = grid.encoding();
  if (giving.reason !== undefined)
    found.push({ code: "files-storage", severity: "error", params: { reason: giving.reason } });
  if (isUsed && (count < happy || count === 0))
    found.push({ code: "files-not-spread", severity: "warning", params: { found: count, wanted: happy } });
  else if (isUsed && grid.servers().length === 1) found.push({ code: "files-one-server", severity: "info" });
  if (care.lost > 0) found.push({ code: "files-lost", severity: "error", params: { count: care.lost } });
  if (care.weak > 0) found.push({ code: "files-weak", severity: "warning", params: { count: care.weak } });
  const full = giving.bytesUsed / giving.bytesGiven;
  if (giving.on && full >= FULL_WARN)
    found.push({ code: "files-full", severity: "warning", params: { percent: Math.floor(full * 100) } });
  for (const [protocol, { reason, port }] of [["WebDAV", doors.webdav] as const, ["SFTP", doors.sftp] as const]) {
    if (reason === undefined) continue;
    found.push({ code: "files-door", severity: "warning", params: { protocol, port, reason } });
  }
  return found;
}

export function checksOf({ giving, grid }: Facts, isUsed: boolean): Check[] {
  const found: Check[] = [];
  const count = reachable(grid).length;
  const { happy } = grid.encoding();
  const params = { found: count, wanted: happy };
  if (isUsed) found.push({ code: "files-servers", ok: count > 0 && count >= happy, severity: "warning", params });
  if (giving.on) {
    const ok = giving.port > 0;
    found.push({ code: "files-storage", ok, severity: "error", params: { port: giving.port } });
  }
  return found;
}

export function metricsOf({ giving, grid, care }: Facts): Metric[] {
  const gauge = (name: string, help: string, value: number): Metric => ({ name, type: "gauge", help, value });
  const files = (state: "healthy" | "weak" | "lost"): Metric => ({
    ...gauge("files_kept", "Files and folders of this box's accounts, by their last check.", care[state]),
    labels: { state },
  });
  return [
    gauge("files_given_bytes", "Disk that this box gives to files.", giving.bytesGiven),
    gauge("files_stored_bytes", "Shares that others store here.", giving.bytesUsed),
    gauge("files_servers", "Storage servers that are known.", grid.servers().length),
    gauge("files_servers_reachable", "Storage servers that answer.", reachable(grid).length),
    files("healthy"),
    files("weak"),
    files("lost"),
  ];
}
