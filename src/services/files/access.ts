/**
 * Where the accounts of this box may store: the boxes that announce space, each asked once over the mesh for a swissnum
 * of this account, which is kept. And the other side of it: other boxes ask us.
 *
 *   record "storage" of a box ──► /files/access {member} ──► swissnum, quota ──► a place in the account's server list
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import { isFailure } from "../../kernel/errors.ts";
import { decodeBase32 } from "../../protocols/grid/base32.ts";
import type { BoxView, MeshClient } from "../mesh/client.ts";
import { ACCESS_AGAIN_MS, ACCESS_BYTES_MAX, ACCESS_TIMEOUT_MS } from "./constants.ts";
import type { Giving } from "./giving.ts";
import { SERVERS_MAX } from "./grid/constants.ts";
import type { ServerPlace } from "./grid/storage-client.ts";
import type { Members } from "./members.ts";
import type { FilesSecrets } from "./secrets.ts";
import type { SpaceStore } from "./space-store.ts";
import type { StorageBody } from "./storage-record.ts";
import { STORAGE_KIND, readStorageBody } from "./storage-record.ts";

const ACCESS_PATH = "/files/access";
const LOOPBACK = "127.0.0.1";
const EVERYWHERE = new Set(["0.0.0.0", "::"]);
const PSEUDONYM = /^[a-z2-7]{26}$/;
const SWISSNUM = /^[\w.-]{1,128}$/;

export interface Access {
  /** The boxes where the account may store, as far as they answered. `ownHost`: how others reach this one. */
  places(account: string, ownHost?: string): ServerPlace[];
  /** Asks those that were not asked since the start. Never rejects. */
  ask(account: string): Promise<void>;
  /** What this account may store altogether, where it is known. */
  quotaBytes(account: string): number | undefined;
}

export interface AccessNeeds {
  clock: Clock;
  log: Log;
  mesh: MeshClient;
  rows: SpaceStore;
  secrets: () => FilesSecrets;
  members: () => Members;
  giving: Giving;
  /** Where the own storage server listens. */
  address: () => string;
  quotaBytes: () => number;
  /** Of all accounts of one other box together. */
  boxQuotaBytes: () => number;
  /** The places of this account are others now. */
  changed: (account: string) => void;
}

export function createAccess(needs: AccessNeeds): Access {
  const { clock, log, mesh, rows, giving, changed } = needs;
  /** Account and box that answered since the start, or when one that did not was asked. */
  const asked = new Map<string, number | "answered">();

  mesh.serve(ACCESS_PATH, async ({ peer, body }) => encode(answer(needs, peer, body)));

  const askBox = async (account: string, boxId: string) => {
    const key = `${boxId} ${account}`;
    const before = asked.get(key);
    const isTooSoon = typeof before === "number" && clock.monotonicMs() - before < ACCESS_AGAIN_MS;
    if (before === "answered" || isTooSoon) return;
    asked.set(key, clock.monotonicMs());
    try {
      const question = encode({ member: needs.secrets().pseudonym(account) });
      const { status, body } = await mesh.request(boxId, ACCESS_PATH, question, { timeoutMs: ACCESS_TIMEOUT_MS });
      const { swissnum, quotaBytes } = decode(body);
      if (status !== 200 || typeof swissnum !== "string" || !SWISSNUM.test(swissnum)) return;
      asked.set(key, "answered");
      const quota = typeof quotaBytes === "number" && quotaBytes >= 0 ? Math.min(quotaBytes, 2 ** 52) : 0;
      rows.setAccess({ boxId, account, swissnum, quotaBytes: Math.floor(quota) });
      changed(account);
    } catch (error) {
      // It is away; it is asked again.
      log.debug("a box did not say how to store there", { box: boxId, error });
    }
  };
  const nearHost = () => (EVERYWHERE.has(needs.address()) ? LOOPBACK : needs.address());
  const others = () => announced(mesh).filter(({ boxId }) => boxId !== mesh.selfId);
  return {
    places(account, ownHost = nearHost()) {
      const known = new Map(rows.access(account).map((row) => [row.boxId, row.swissnum]));
      const found = others().flatMap((one) => placeOf(one, known.get(one.boxId), hostOf(one.box)) ?? []);
      const own = giving.open();
      if (!own) return found;
      const swissnum = needs.members().grant(mesh.selfId, needs.secrets().pseudonym(account));
      const self = placeOf({ boxId: mesh.selfId, body: own.body, box: mesh.box(mesh.selfId) }, swissnum, ownHost);
      return self ? [self, ...found] : found;
    },
    async ask(account) {
      await Promise.all(others().map(({ boxId }) => askBox(account, boxId)));
    },
    quotaBytes(account) {
      const quotas = rows.access(account).map((row) => row.quotaBytes);
      if (giving.open()) quotas.push(needs.quotaBytes());
      return quotas.length === 0 ? undefined : quotas.reduce((sum, one) => sum + one, 0);
    },
  };
}

/**
 * The boxes of the community that announce space: of very many the first by their ids, so that all boxes use the same
 * ones, and find what others stored.
 */
export function announced(mesh: MeshClient): { boxId: string; body: StorageBody; box: BoxView | undefined }[] {
  const boxes = new Map(mesh.boxes().map((box) => [box.id, box]));
  const found = mesh.records(STORAGE_KIND).flatMap(({ author, body }) => {
    const read = readStorageBody(body);
    const box = boxes.get(author);
    return read && box?.state !== "excluded" ? [{ boxId: author, body: read, box }] : [];
  });
  return found.toSorted((a, b) => (a.boxId < b.boxId ? -1 : 1)).slice(0, SERVERS_MAX);
}

/** As an announcement of Tahoe-LAFS would have it: the id of a box is a hash of its key. */
export function serverIdOf(boxId: string): string {
  return `v0-${boxId}`;
}

/** Where it answers, and not what it says: a record must not send us to somebody else. */
function hostOf(box: BoxView | undefined): string | undefined {
  return box?.answersAt ?? box?.address ?? undefined;
}

function placeOf(
  { boxId, body, box }: ReturnType<typeof announced>[number],
  swissnum: string | undefined,
  host: string | undefined,
): ServerPlace | undefined {
  const { port, pin, tub } = body;
  if (!host || swissnum === undefined) return undefined;
  const id = decodeBase32(tub)!;
  const facts = { owner: box?.owner || undefined, zone: box?.zone || undefined };
  const nurls = [{ pin, host, port, swissnum }];
  return { id: serverIdOf(boxId), name: box?.name ?? boxId.slice(0, 8), seed: id, tubId: id, ...facts, nurls };
}

function answer(needs: AccessNeeds, peer: string, body: Uint8Array): object {
  const { member } = decode(body);
  if (typeof member !== "string" || !PSEUDONYM.test(member)) return { error: "bad-input" };
  if (!needs.giving.open()) return { error: "off" };
  try {
    const quotaBytes = Math.min(needs.quotaBytes(), needs.boxQuotaBytes());
    return { swissnum: needs.members().grant(peer, member), quotaBytes };
  } catch (error) {
    if (!isFailure(error)) throw error;
    return { error: error.code };
  }
}

function encode(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/** Nothing where it is no object, or too much. */
function decode(bytes: Uint8Array): Record<string, unknown> {
  if (bytes.length > ACCESS_BYTES_MAX) return {};
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
