/**
 * Sends one version of a mutable file to its servers, all at once, one request for each server. A server changes
 * nothing unless its shares are as the server map says; one that is otherwise means that somebody else has written.
 *
 *   plan ──► all servers at once ──► all in time: written, or conflict
 *     ▲                │
 *     └── shares of servers that failed or are late go to others (WRITE_ROUNDS_MAX)
 */
import type { EncodedVersion } from "../../../protocols/grid/mutable-encoding.ts";
import { judgeAnswer, readVector, shareRequest } from "../../../protocols/grid/mutable-writes.ts";
import { happiness } from "../../../protocols/grid/placement.ts";
import type { Holding } from "../../../protocols/grid/placement.ts";
import { knownShares, planWrites } from "../../../protocols/grid/server-map.ts";
import type { PlannedWrite, ServerMap } from "../../../protocols/grid/server-map.ts";
import type { Failure } from "../../../kernel/errors.ts";
import { filesErrors } from "../errors.ts";
import { WRITE_LATE_MS, WRITE_ROUNDS_MAX, WRITE_SLOWEST_BYTES_PER_MS } from "./mutable-constants.ts";
import { leasesFor, writeEnablersFor } from "./mutable-file.ts";
import type { MutableFile, MutableNeeds } from "./mutable-file.ts";
import { lateAfterMs } from "./mutable-survey.ts";
import { ServerError } from "./server.ts";
import type { GridServer, ReadTestWrite, ReadTestWritten } from "./server.ts";

export interface Publication {
  map: ServerMap;
  /** That may be written, in the order of the file. */
  servers: readonly GridServer[];
  /** Writings beyond the usual ones: all known shares are replaced, and those that are nowhere get a place. */
  extra?: readonly PlannedWrite[];
  /** Only these writings, besides shares of this very version that are there already. */
  only?: { plan: readonly PlannedWrite[]; held: readonly Holding[] };
  version: EncodedVersion;
  /** Servers that must hold different shares in the end. */
  spread: number;
  /** Shares that must be there in the end to be read again. */
  needed: number;
}

export type Published = { state: "written"; holdings: Holding[] } | { state: "conflict" };

type Outcome = "written" | "conflict" | "late" | ServerError;

/**
 * Throws `files-not-spread` and `files-no-room`. Nothing is sent when it is clear beforehand that there are too few
 * servers. What has begun is brought to its end: no signal stops it half-way.
 */
export async function publish(needs: MutableNeeds, file: MutableFile, wish: Publication): Promise<Published> {
  const { servers, version, spread, needed, only } = wish;
  if (servers.length < spread) throw notSpread(servers.length, spread);
  const total = version.writes.length;
  const holdings: Holding[] = [...(only?.held ?? [])];
  const errors: ServerError[] = [];
  let fit = servers;
  let writes: readonly PlannedWrite[] = only?.plan ?? usualPlan(wish);
  for (let round = 1; writes.length > 0; round++) {
    const waves = [...byServer(writes, servers)];
    const outcomes = await Promise.all(waves.map(([server, wave]) => send(needs, file, { server, wave, wish })));
    if (outcomes.includes("conflict")) return { state: "conflict" };
    for (const [index, [server, wave]] of waves.entries()) {
      const outcome = outcomes[index]!;
      if (outcome instanceof ServerError) errors.push(outcome);
      if (outcome === "written") holdings.push(...wave.map(({ share }) => ({ server: server.id, share })));
      else fit = fit.filter((one) => one !== server);
    }
    if (round === WRITE_ROUNDS_MAX) break;
    writes = rehoused(holdings, fit, total);
  }
  const reached = happiness(holdings);
  const shares = new Set(holdings.map(({ share }) => share)).size;
  if (shares >= needed && reached >= spread) return { state: "written", holdings };
  const isFull = errors.length > 0 && errors.every(({ code }) => code === "no-room");
  throw isFull ? filesErrors.fail("files-no-room", { cause: errors[0] }) : notSpread(reached, spread, errors[0]);
}

function usualPlan({ map, servers, version, extra = [] }: Publication): PlannedWrite[] {
  const standings = servers.map((server) => ({ id: server.id, mayTakeNew: takesNew(server), hasFailed: false }));
  const { writes } = planWrites(map, standings, version.writes.length);
  const isPlanned = (one: PlannedWrite) =>
    writes.some(({ share, server }) => share === one.share && server === one.server);
  return [...writes, ...extra.filter((one) => !isPlanned(one))];
}

function notSpread(found: number, wanted: number, cause?: unknown): Failure {
  return filesErrors.fail("files-not-spread", { params: { found, wanted }, cause });
}

export function takesNew(server: GridServer): boolean {
  return server.availableBytes() !== 0;
}

/** For shares that are nowhere: the servers with the fewest, of those the first. */
function rehoused(holdings: readonly Holding[], servers: readonly GridServer[], total: number): PlannedWrite[] {
  const counts = new Map(servers.filter(takesNew).map(({ id }) => [id, 0]));
  for (const { server } of holdings) if (counts.has(server)) counts.set(server, counts.get(server)! + 1);
  const housed = new Set(holdings.map(({ share }) => share));
  const writes: PlannedWrite[] = [];
  for (let share = 0; share < total; share++) {
    if (housed.has(share)) continue;
    const [server] = [...counts].toSorted(([, one], [, other]) => one - other)[0] ?? [];
    if (server === undefined) break;
    counts.set(server, counts.get(server)! + 1);
    writes.push({ server, share, known: { state: "absent" } });
  }
  return writes;
}

function byServer(writes: readonly PlannedWrite[], servers: readonly GridServer[]): Map<GridServer, PlannedWrite[]> {
  const waves = new Map<GridServer, PlannedWrite[]>();
  for (const server of servers) {
    const wave = writes.filter((one) => one.server === server.id);
    if (wave.length > 0) waves.set(server, wave);
  }
  return waves;
}

interface Sending {
  server: GridServer;
  wave: readonly PlannedWrite[];
  wish: Publication;
}

/** A server that is late may still do it: the version is the same, and it tests what is there as the others do. */
function send(needs: MutableNeeds, file: MutableFile, { server, wave, wish }: Sending): Promise<Outcome> {
  const { map, version } = wish;
  const shares = new Map(wave.map(({ share, known }) => [share, shareRequest(known, version.writes[share]!)]));
  const bytes = wave.reduce((sum, { share }) => sum + length(version.writes[share]!), 0);
  const lateMs = Math.max(WRITE_LATE_MS, lateAfterMs(server)) + bytes / WRITE_SLOWEST_BYTES_PER_MS;
  const known = knownShares(map, server.id);
  return new Promise((resolve, reject) => {
    const cancel = needs.clock.after(lateMs, () => resolve("late"));
    const lease = leasesFor(needs, file.storageIndex, server);
    void ask(server, file.index, writeEnablersFor(needs, file, server), {
      lease,
      shares,
      read: [readVector(file.format)],
    })
      .then(
        (answer) => {
          const verdict = judgeAnswer(answer, known, version.checkstring);
          resolve(verdict.state === "written" ? "written" : "conflict");
        },
        (error: unknown) => (error instanceof ServerError ? resolve(error) : reject(error as Error)),
      )
      .finally(cancel);
  });
}

/** With the first write enabler that opens the slot. */
async function ask(
  server: GridServer,
  index: string,
  [writeEnabler, ...others]: readonly Uint8Array[],
  wish: Omit<ReadTestWrite, "writeEnabler">,
): Promise<ReadTestWritten> {
  try {
    return await server.readTestWrite(index, { ...wish, writeEnabler: writeEnabler! });
  } catch (error) {
    if (others.length === 0 || !(error instanceof ServerError && error.code === "write-enabler")) throw error;
    return ask(server, index, others, wish);
  }
}

function length(writes: readonly { data: Uint8Array }[]): number {
  return writes.reduce((sum, { data }) => sum + data.length, 0);
}
