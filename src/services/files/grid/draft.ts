/**
 * Small new files that are made and not stored yet. Whoever links one in a folder may let it go with the folder's own
 * change: each server gets its shares and the folder's new version in one request, and takes that version only when the
 * shares are on its disk (`GridServer.takesBefore`). Share for share they lie where the folder's do, so whoever finds
 * enough of that version to read it finds enough of the file, also when only some of the requests were done.
 *
 * That is for grids in which each server gets a share of every file anyway; in larger ones each file has servers of its
 * own, and is stored before its folder is changed. So it is also when anything is not as expected.
 */
import type { KnownCap } from "../../../protocols/grid/caps.ts";
import type { Holding } from "../../../protocols/grid/placement.ts";
import type { PlannedWrite } from "../../../protocols/grid/server-map.ts";
import type { Encoding } from "./grid.ts";
import type { Before, GridServer } from "./server.ts";
import { BEFORE_BODY_MAX_BYTES, BEFORE_WRITES_MAX } from "./storage-client-constants.ts";

export interface Draft {
  readonly cap: KnownCap;
  readonly needed: number;
  readonly total: number;
  /** Of one share. */
  readonly shareBytes: number;
  /** What this server is told so that it has the shares of these numbers. */
  before(server: GridServer, shares: readonly number[]): Before;
  /** Stores it by itself, spread as every new file is. Throws as `Grid.upload`. */
  store(): Promise<void>;
  /** It was stored with a change: who has what, and whether everybody who was to have something has it. */
  stored(holdings: readonly Holding[], isWhole: boolean): void;
}

/** Those that go with one change. */
export interface Drafts {
  readonly all: readonly Draft[];
  /** Stores those that are not stored; what cannot be is for the change to leave out. Does it once. */
  store(): Promise<void>;
  /** Something could not be stored. */
  areRefused(): boolean;
}

/** Of a draft's secrets and numbers in a request, and of its entry in the folder's shares, generously. */
const DRAFT_EXTRA_BYTES = 1024;

/** True when new files can go with changes in this grid: each server gets a share of each, and all are at hand. */
export function mayDraft(servers: readonly GridServer[], { total, happy }: Encoding): boolean {
  return servers.length >= happy && servers.length <= total && servers.every(isAtHand);
}

function isAtHand(server: GridServer): boolean {
  return server.state() === "up" && server.takesBefore() && server.availableBytes() !== 0;
}

/** True when these can go with the writes of `plan`, of a version with shares of `shareBytes`. */
export function goWith(
  drafts: readonly Draft[],
  plan: readonly PlannedWrite[],
  wish: { servers: readonly GridServer[]; encoding: Encoding; needed: number; total: number; shareBytes: number },
): boolean {
  const { servers, encoding, needed, total, shareBytes } = wish;
  if (drafts.length > BEFORE_WRITES_MAX || !mayDraft(servers, encoding)) return false;
  if (drafts.some((one) => one.needed !== needed || one.total !== total)) return false;
  const counts = new Map<string, number>();
  for (const { server } of plan) counts.set(server, (counts.get(server) ?? 0) + 1);
  const isEverywhere = servers.every(({ id }) => counts.has(id));
  if (!isEverywhere || new Set(plan.map(({ share }) => share)).size < total) return false;
  const ofOneShare = drafts.reduce((sum, one) => sum + one.shareBytes, shareBytes);
  const bytes = Math.max(...counts.values()) * ofOneShare + drafts.length * DRAFT_EXTRA_BYTES;
  return bytes <= BEFORE_BODY_MAX_BYTES;
}
