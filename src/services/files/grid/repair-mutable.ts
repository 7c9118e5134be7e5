/**
 * Brings a mutable file back to all of its shares. Who has the write cap writes the newest version again as a new one,
 * over everything; everybody else makes the lost shares again out of those that are there, byte for byte, and puts them
 * on servers that have none. Such copies lie under a write enabler of this box's own: whoever writes the file next
 * passes them over, unless it is this box, which knows both.
 *
 * What is lost is not replaced by something older without a person's wish: with shares of a newer version that cannot
 * be read, or with two versions of the same number, nothing is done.
 */
import { nextTurn } from "../../../kernel/clock.ts";
import { GridError } from "../../../protocols/grid/errors.ts";
import { segmentCount } from "../../../protocols/grid/mutable-layout.ts";
import { MutableRegrowth } from "../../../protocols/grid/mutable-regrow.ts";
import { placeShares } from "../../../protocols/grid/placement.ts";
import { judgeRepair } from "../../../protocols/grid/server-map.ts";
import type { KnownShare, MutableVersion, PlannedWrite } from "../../../protocols/grid/server-map.ts";
import { filesErrors } from "../errors.ts";
import { checkMutable, holdingsOf } from "./check-mutable.ts";
import type { CheckedMutable } from "./check-mutable.ts";
import { hangsOnOne } from "./check-result.ts";
import type { RepairResult } from "./grid.ts";
import type { MutableFile, MutableNeeds } from "./mutable-file.ts";
import type { MutableWriter } from "./mutable-modify.ts";
import { publish, takesNew } from "./mutable-publish.ts";
import { fetchShares } from "./mutable-read.ts";
import type { Surveyed } from "./mutable-survey.ts";

export interface RepairOptions {
  verify?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** Throws like reading and writing. A file that nobody can bring back is left as it is, and `before` says so. */
export async function repairMutable(
  needs: MutableNeeds,
  writer: MutableWriter,
  file: MutableFile,
  { verify, signal }: RepairOptions = {},
): Promise<RepairResult> {
  // A copy takes over what it cannot judge: then every byte is looked at before.
  const checked = await checkMutable(needs, file, { verify: verify === true || !file.writeKey, signal });
  const before = checked.result;
  const { state } = judgeRepair(checked.surveyed.map);
  if (before.state === "lost" || state === "refused" || state === "unrecoverable") {
    return { before, after: before, written: 0 };
  }
  // A damaged share is worth a repair even when all numbers are there once more.
  if (before.state === "healthy" && before.damaged.length === 0) return { before, after: before, written: 0 };
  if (hangsOnOne(before, needs.servers())) return { before, after: before, written: 0, isHeld: true };
  let written = 0;
  if (file.writeKey) await writer.rewrite(file, (surveyed) => spreadPlan(needs, surveyed), signal);
  else written = await regrow(needs, file, checked, signal);
  const after = (await checkMutable(needs, file, { verify, signal })).result;
  return { before, after, written: file.writeKey ? after.shares.length : written };
}

/** Shares that also go to servers that have none, so that the file does not hang on a few. */
function spreadPlan(needs: MutableNeeds, { map, servers, standingOf }: Surveyed): PlannedWrite[] {
  const { best } = map;
  if (!best) return [];
  return wishedPlaces(
    needs,
    best,
    servers.filter((server) => standingOf(server) === "answered"),
  ).filter(({ server }) => !map.seen.some((one) => one.server === server));
}

/** Where shares of this version should be and are not. */
function wishedPlaces(needs: MutableNeeds, version: MutableVersion, servers: Surveyed["servers"]): PlannedWrite[] {
  const existing = holdingsOf(version);
  const holders = new Set(existing.map(({ server }) => server));
  const all = needs.servers();
  const plan = placeShares({
    shares: version.header.n,
    writable: servers.filter(takesNew).map(({ id }) => id),
    readOnly: servers.filter((server) => !takesNew(server) && holders.has(server.id)).map(({ id }) => id),
    existing,
    domainOf: (id) => all.find((server) => server.id === id)?.owner ?? id,
  });
  const isThere = (share: number, server: string) => version.shares.get(share)?.includes(server) === true;
  return [...plan]
    .filter(([share, server]) => !isThere(share, server))
    .map(([share, server]) => ({ share, server, known: { state: "absent" } satisfies KnownShare }));
}

/** Gives the number of shares that were put on servers. */
async function regrow(
  needs: MutableNeeds,
  file: MutableFile,
  { surveyed, damaged }: CheckedMutable,
  signal?: AbortSignal,
): Promise<number> {
  const { map, shares, servers, standingOf } = surveyed;
  const version = withoutDamaged(map.best!, damaged);
  const { header } = version;
  const isFree = ({ id }: { id: string }) => !map.seen.some((one) => one.server === id);
  const free = servers.filter((server) => standingOf(server) === "answered" && isFree(server));
  const holders = servers.filter((server) => standingOf(server) === "answered" && !isFree(server));
  const plan = wishedPlaces(needs, version, [...free, ...holders]);
  const targets = rehome(
    plan,
    free.filter(takesNew).map(({ id }) => id),
  );
  if (targets.length === 0) return 0;
  const source = { surveyed, version, damaged: new Set<string>() };
  const blocks = segmentCount(header) > 0 ? await fetchShares(needs, source, signal) : [];
  const writes = await grown(needs, { version, shares, blocks }, signal);
  const held = holdingsOf(version);
  const encoded = { prefix: header.prefix, checkstring: header.checkstring, writes };
  const only = { plan: targets, held };
  const wish = { map, servers: free, only, version: encoded, spread: 0, needed: header.k };
  const published = await publish(needs, file, wish);
  return published.state === "written" ? published.holdings.length - held.length : 0;
}

/** A slot of whoever writes the file cannot be written without the write cap: only servers without one take some. */
function rehome(plan: readonly PlannedWrite[], free: readonly string[]): PlannedWrite[] {
  if (free.length === 0) return [];
  let next = 0;
  return plan.map((one) => (free.includes(one.server) ? one : { ...one, server: free[next++ % free.length]! }));
}

function withoutDamaged(version: MutableVersion, damaged: ReadonlySet<string>): MutableVersion {
  const good = [...version.shares].map(
    ([share, servers]) => [share, servers.filter((server) => !damaged.has(`${share}/${server}`))] as const,
  );
  return { ...version, shares: new Map(good.filter(([, servers]) => servers.length > 0)) };
}

async function grown(
  needs: MutableNeeds,
  {
    version,
    shares,
    blocks,
  }: { version: MutableVersion; shares: Surveyed["shares"]; blocks: Awaited<ReturnType<typeof fetchShares>> },
  signal?: AbortSignal,
): Promise<{ offset: number; data: Uint8Array }[][]> {
  const { header } = version;
  const [first] = holdingsOf(version);
  const template = await shares
    .get(`${first!.share}/${first!.server}`)!
    .read({ start: 0, end: header.sections.end }, signal);
  try {
    const code = needs.codeOf(header.k, header.n);
    const regrowth = new MutableRegrowth({ crypto: needs.crypto, code }, header, template);
    for (let index = 0; index < regrowth.segmentCount; index++) {
      regrowth.segment(blocks.map((all) => all[index]!));
      await nextTurn();
    }
    return regrowth.finish().map((data) => [{ offset: 0, data }]);
  } catch (error) {
    if (!(error instanceof GridError)) throw error;
    throw filesErrors.fail("files-damaged", { params: { good: 0, needed: header.k }, cause: error });
  }
}
