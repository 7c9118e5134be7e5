/**
 * Writing a mutable file without asking first. Who has written it or looked through it a moment ago knows which version
 * lies where, and sends the next one at once; that every server changes nothing unless its shares are still that very
 * version makes the question superfluous. Servers that held nothing then, and that an asking writer would have asked,
 * are asked at the same time: a share on one of them is somebody else's work. Whoever meets anything unexpected has
 * not written, begins again with questions, and asks first for a while.
 */
import type { MutableFormat } from "../../../protocols/grid/caps.ts";
import type { EncodedVersion } from "../../../protocols/grid/mutable-encoding.ts";
import { readMutableHeader } from "../../../protocols/grid/mutable-layout.ts";
import type { Holding } from "../../../protocols/grid/placement.ts";
import { serverMap } from "../../../protocols/grid/server-map.ts";
import type { SeenShare, ServerMap } from "../../../protocols/grid/server-map.ts";
import { serversFor } from "./mutable-file.ts";
import type { MutableFile, MutableNeeds } from "./mutable-file.ts";
import type { KnownFile } from "./mutable-memory.ts";
import type { Published } from "./mutable-publish.ts";
import type { GridServer } from "./server.ts";

/** True when nothing but whole shares of one version was seen: then it is clear what a writer will find. */
export function isClear({ versions, best, seen }: ServerMap): boolean {
  return versions.length === 1 && best !== undefined && seen.every(({ state }) => state === "good");
}

/**
 * What is there after all of `holdings` was written; undefined when not everything that was seen before is among them,
 * or for MDMF, whose shares are not made in one piece.
 */
function mapAfter(
  format: MutableFormat,
  before: ServerMap,
  { writes }: EncodedVersion,
  holdings: readonly Holding[],
): ServerMap | undefined {
  if (format !== "sdmf") return undefined;
  const isWritten = (one: Holding) =>
    holdings.some(({ server, share }) => server === one.server && share === one.share);
  if (!before.seen.every(isWritten)) return undefined;
  const headers = writes.map(([whole]) => readMutableHeader(whole!.data));
  return serverMap(
    holdings.map(({ server, share }): SeenShare => ({ server, share, state: "good", header: headers[share]! })),
  );
}

/** What a writing has left behind: who holds what, and all of it if nothing is uncertain. */
export function noteWritten(
  { memory, clock }: MutableNeeds,
  { index, format }: MutableFile,
  wish: {
    before: ServerMap;
    published: Extract<Published, { state: "written" }>;
    version: EncodedVersion;
    sequence: bigint;
    content: Uint8Array;
  },
): void {
  const { before, published, version, sequence, content } = wish;
  memory.noteHolders(index, holdersOf(published.holdings));
  memory.noteNewest(index, sequence, clock.monotonicMs());
  const map = published.isWhole ? mapAfter(format, before, version, published.holdings) : undefined;
  if (map) memory.noteKnown(index, { map, content, atMs: clock.monotonicMs() });
  else memory.forgetKnown(index);
}

function holdersOf(holdings: readonly { server: string; share: number }[]): Map<string, number[]> {
  const holders = new Map<string, number[]>();
  for (const { server, share } of holdings) holders.set(server, [...(holders.get(server) ?? []), share]);
  return holders;
}

export interface Usable extends KnownFile {
  /** In the order of the file, with those that hold nothing yet; all answer in time. */
  servers: readonly GridServer[];
  /** Of them, those that a survey would ask besides the holders. */
  lookers: readonly GridServer[];
}

/** What is known of the file, if a writer can do with it: all who hold shares answer. */
export function usable(needs: MutableNeeds, file: MutableFile): Usable | undefined {
  const known = needs.memory.knownOf(file.index, needs.clock.monotonicMs());
  const header = known?.map.best?.header;
  if (!known || !header || !needs.memory.keysOf(file.index)) return undefined;
  const holders = new Set(known.map.seen.map(({ server }) => server));
  const order = serversFor(needs, file.storageIndex);
  const servers = order.filter((server) => server.state() === "up");
  if (servers.filter(({ id }) => holders.has(id)).length < holders.size) return undefined;
  const last = order.findLastIndex(({ id }) => holders.has(id));
  const asked = order.slice(0, Math.max(last + 1 + header.k, header.k + header.n));
  const lookers = asked.filter((server) => !holders.has(server.id) && server.state() === "up");
  return { ...known, servers, lookers };
}
