/**
 * Sends one version of a mutable file to its servers, all at once, one request for each server. A server changes
 * nothing unless its shares are as the server map says; one that is otherwise means that somebody else has written.
 *
 *   plan ──► all servers at once ──► all in time: written, or conflict
 *     ▲                │
 *     └── shares of servers that failed or are late go to others (WRITE_ROUNDS_MAX)
 *
 * Where another writer was met, the first server decides who goes on: the others are asked when that has written. Else
 * several writers that cross again and again could leave none of their versions whole, until all of them give up.
 *
 * A server is late soon when enough others have written, and much later when it is needed.
 */
import type { EncodedVersion } from "../../../protocols/grid/mutable-encoding.ts";
import { judgeAnswer, readVector, shareRequest } from "../../../protocols/grid/mutable-writes.ts";
import { happiness, placeShares } from "../../../protocols/grid/placement.ts";
import type { Holding } from "../../../protocols/grid/placement.ts";
import { knownShares, planWrites } from "../../../protocols/grid/server-map.ts";
import type { PlannedWrite, ServerMap } from "../../../protocols/grid/server-map.ts";
import type { Failure } from "../../../kernel/errors.ts";
import { filesErrors } from "../errors.ts";
import type { Draft } from "./draft.ts";
import {
  DECIDING_SERVERS_MAX,
  WRITE_LATE_MS,
  WRITE_ROUNDS_MAX,
  WRITE_SLOWEST_BYTES_PER_MS,
} from "./mutable-constants.ts";
import { leasesOf, writeEnablersFor } from "./mutable-file.ts";
import type { MutableFile, MutableNeeds } from "./mutable-file.ts";
import { lateAfterMs } from "./mutable-survey.ts";
import { ServerError } from "./server.ts";
import type { GridServer, LeaseSecrets, ReadTestWrite, ReadTestWritten } from "./server.ts";

export interface Publication {
  map: ServerMap;
  /** That may be written, in the order of the file. */
  servers: readonly GridServer[];
  /**
   * Writings beyond the usual ones: all known shares are replaced, those that are nowhere get a place, and so do
   * further ones where there would be fewer than `spread` servers.
   */
  extra?: readonly PlannedWrite[];
  /** Only these writings, besides shares of this very version that are there already. */
  only?: { plan: readonly PlannedWrite[]; held: readonly Holding[] };
  /** New files that go with the writings: shares of theirs to each server, before it writes. See `goWith`. */
  drafts?: readonly Draft[];
  /** Another writer of this file was met a moment ago. */
  isContended?: boolean;
  /** That are to have no share of the file, and are asked whether it is so while the others write. */
  lookers?: readonly GridServer[];
  version: EncodedVersion;
  /** Servers that must hold different shares in the end. */
  spread: number;
  /** Shares that must be there in the end to be read again. */
  needed: number;
}

/** `isWhole`: each server that was to write has done so. */
export type Published = { state: "written"; holdings: Holding[]; isWhole: boolean } | { state: "conflict" };

type Outcome = "written" | "conflict" | "late" | ServerError;

/**
 * Throws `files-not-spread` and `files-no-room`. Nothing is sent when it is clear beforehand that there are too few
 * servers. What has begun is brought to its end: no signal stops it half-way.
 */
export async function publish(needs: MutableNeeds, file: MutableFile, wish: Publication): Promise<Published> {
  const { servers, version, spread, needed, only, lookers = [] } = wish;
  if (servers.length < spread) throw notSpread(servers.length, spread);
  const total = version.writes.length;
  const holdings: Holding[] = [...(only?.held ?? [])];
  const errors: ServerError[] = [];
  const leaseFor = leasesOf(needs, file.storageIndex);
  let fit = servers;
  let isWhole = true;
  let writes: readonly PlannedWrite[] = only?.plan ?? usualPlan(wish, total);
  for (let round = 1; writes.length > 0; round++) {
    const waves = [...byServer(writes, servers)];
    // Whose writings are tested shows its shares anyway.
    const idle = round === 1 ? lookers.filter((server) => !waves.some(([one]) => one === server)) : [];
    const enough = Promise.withResolvers<void>();
    const there = [...holdings];
    const write = async ([server, wave]: (typeof waves)[number]) => {
      const outcome = await send(needs, file, { server, wave, wish, lease: leaseFor(server), enough: enough.promise });
      if (outcome === "written") there.push(...wave.map(({ share }) => ({ server: server.id, share })));
      // What is not known yet must be too little for a version of somebody else's: readers could prefer that one.
      const isRivalOpen = writes.length - (there.length - holdings.length) >= needed;
      if (happiness(there) >= spread && sharesIn(there) >= needed && !isRivalOpen) enough.resolve();
      return outcome;
    };
    const decided = wish.isContended && round === 1 ? await decide(waves, write) : [];
    if (decided.includes("conflict")) return { state: "conflict" };
    const [outcomes, looked] = await Promise.all([
      Promise.all(waves.map((wave, index) => decided[index] ?? write(wave))),
      Promise.all(idle.map((server) => look(needs, file, { server, lease: leaseFor(server) }))),
    ]);
    if (outcomes.includes("conflict") || looked.includes("conflict")) return { state: "conflict" };
    // Of whom nobody has asked first, what is not known may be somebody else's version: better to ask now.
    const open = waves.flatMap(([, wave], index) => (outcomes[index] === "late" ? wave : []));
    if (wish.lookers && open.length >= needed) return { state: "conflict" };
    for (const [index, [server, wave]] of waves.entries()) {
      const outcome = outcomes[index]!;
      if (outcome instanceof ServerError) errors.push(outcome);
      if (outcome === "written") holdings.push(...wave.map(({ share }) => ({ server: server.id, share })));
      else {
        isWhole = false;
        fit = fit.filter((one) => one !== server);
      }
    }
    if (round === WRITE_ROUNDS_MAX) break;
    writes = rehoused(holdings, fit, total);
  }
  const reached = happiness(holdings);
  // A new file has nothing elsewhere that would make up for servers that take none of it.
  const least = wish.drafts?.length ? spread : Math.min(spread, needed);
  const wanted = Math.max(least, spread - closedTo(wish, errors));
  if (sharesIn(holdings) >= needed && reached >= wanted) return { state: "written", holdings, isWhole };
  const isFull = errors.length > 0 && errors.every(({ code }) => code === "no-room");
  throw isFull ? filesErrors.fail("files-no-room", { cause: errors[0] }) : notSpread(reached, wanted, errors[0]);
}

/** One after the other until one has written, or another writer was there before: what each of them said. */
async function decide<T>(waves: readonly T[], write: (wave: T) => Promise<Outcome>): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const wave of waves.slice(0, DECIDING_SERVERS_MAX)) {
    const outcome = await write(wave);
    outcomes.push(outcome);
    if (outcome === "written" || outcome === "conflict") break;
  }
  return outcomes;
}

function sharesIn(holdings: readonly Holding[]): number {
  return new Set(holdings.map(({ share }) => share)).size;
}

/** Where a version of so many shares goes. */
export function usualPlan(
  { map, servers, spread, extra = [] }: Pick<Publication, "map" | "servers" | "spread" | "extra">,
  total: number,
): PlannedWrite[] {
  const standings = servers.map((server) => ({ id: server.id, mayTakeNew: takesNew(server), hasFailed: false }));
  const { writes } = planWrites(map, standings, total);
  const isPlanned = (one: PlannedWrite) =>
    writes.some(({ share, server }) => share === one.share && server === one.server);
  const planned = [...writes, ...extra.filter((one) => !isPlanned(one))];
  return happiness(planned) < spread ? [...planned, ...widening(planned, servers, total)] : planned;
}

/** A file from when the grid was smaller: shares for servers that would get none. */
function widening(planned: readonly PlannedWrite[], servers: readonly GridServer[], total: number): PlannedWrite[] {
  const ids = servers.map(({ id }) => id);
  const takers = servers.filter(takesNew).map(({ id }) => id);
  const readOnly = ids.filter((id) => !takers.includes(id));
  const places = placeShares({ shares: total, writable: takers, readOnly, existing: planned });
  return [...places]
    .filter(([share, server]) => !planned.some((one) => one.share === share && one.server === server))
    .map(([share, server]) => ({ share, server, known: { state: "absent" } }));
}

/**
 * Servers that answer and will not take a share of this file, which must not stop it for good: those that are full and
 * hold none, and those where somebody put copies, while the owner was away, that no writer can write over.
 */
function closedTo({ map, servers }: Publication, errors: readonly ServerError[]): number {
  if (map.seen.length === 0) return 0;
  const isHolder = ({ id }: GridServer) => map.seen.some(({ server }) => server === id);
  const full = servers.filter((server) => !takesNew(server) && !isHolder(server));
  return full.length + errors.filter(({ code }) => code === "write-enabler").length;
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
  lease: LeaseSecrets;
  /** Resolves when the version has come to lie on as many servers as it must: then those that are late are left. */
  enough: Promise<void>;
}

/** A server that is late may still do it: the version is the same, and it tests what is there as the others do. */
function send(
  needs: MutableNeeds,
  file: MutableFile,
  { server, wave, wish, lease, enough }: Sending,
): Promise<Outcome> {
  const { map, version, drafts = [] } = wish;
  const numbers = wave.map(({ share }) => share);
  const shares = new Map(wave.map(({ share, known }) => [share, shareRequest(known, version.writes[share]!)]));
  const ofDrafts = drafts.reduce((sum, { shareBytes }) => sum + shareBytes, 0);
  const bytes = wave.reduce((sum, { share }) => sum + length(version.writes[share]!) + ofDrafts, 0);
  const sendingMs = bytes / WRITE_SLOWEST_BYTES_PER_MS;
  const lateMs = Math.max(WRITE_LATE_MS, lateAfterMs(server));
  const known = knownShares(map, server.id);
  return new Promise((resolve, reject) => {
    const late = () => resolve("late");
    const cancelLate = needs.clock.after(lateMs + sendingMs, late);
    const cancelSlow = needs.clock.after(lateAfterMs(server) + sendingMs, () => void enough.then(late));
    void ask(server, file.index, writeEnablersFor(needs, file, server), {
      lease,
      shares,
      read: [readVector(file.format)],
      before: drafts.length > 0 ? drafts.map((one) => one.before(server, numbers)) : undefined,
    })
      .then(
        (answer) => {
          const verdict = judgeAnswer(answer, known, version.checkstring);
          resolve(verdict.state === "written" ? "written" : "conflict");
        },
        (error: unknown) => (error instanceof ServerError ? resolve(error) : reject(error as Error)),
      )
      .finally(() => {
        cancelLate();
        cancelSlow();
      });
  });
}

/** Whether a server has a share where none is to be. Who is late, or fails, is not waited for. */
function look(
  needs: MutableNeeds,
  file: MutableFile,
  { server, lease }: Pick<Sending, "server" | "lease">,
): Promise<"empty" | "conflict" | "unknown"> {
  const [writeEnabler] = writeEnablersFor(needs, file, server);
  return new Promise((resolve, reject) => {
    const cancel = needs.clock.after(lateAfterMs(server), () => resolve("unknown"));
    server
      .readTestWrite(file.index, {
        writeEnabler: writeEnabler!,
        lease,
        shares: new Map(),
        read: [readVector(file.format)],
      })
      .then(
        ({ data }) => resolve(data.size > 0 ? "conflict" : "empty"),
        (error: unknown) => {
          if (!(error instanceof ServerError)) return reject(error as Error);
          resolve(error.code === "write-enabler" ? "conflict" : "unknown");
        },
      )
      .finally(cancel);
  });
}

/** With the first write enabler that opens the slot; there is at least one. */
async function ask(
  server: GridServer,
  index: string,
  writeEnablers: Iterator<Uint8Array>,
  wish: Omit<ReadTestWrite, "writeEnabler">,
): Promise<ReadTestWritten> {
  for (let enabler = writeEnablers.next(); ;) {
    try {
      return await server.readTestWrite(index, { ...wish, writeEnabler: enabler.value as Uint8Array });
    } catch (error) {
      if (!(error instanceof ServerError && error.code === "write-enabler")) throw error;
      enabler = writeEnablers.next();
      if (enabler.done) throw error;
    }
  }
}

function length(writes: readonly { data: Uint8Array }[]): number {
  return writes.reduce((sum, { data }) => sum + data.length, 0);
}
