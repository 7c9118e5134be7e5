/**
 * A write with what must be there before it, in one request: small shares of new files and the first versions of new
 * folders, and then the change of the folder that links to them. The write is done only when all of that is on the
 * disk, or in one step with it, so that no entry on this server leads to what is not here.
 *
 *   each of `before` ──► all can be stored ──► the write is tested ──► all on the disk in one step ──► answer
 *          └── one cannot be stored ──► refused, nothing is written (what was stored stays until its lease ends)
 */
import { BEFORE_WRITES_MAX } from "./constants.ts";
import type { WriteAnswer } from "./mutable-slots.ts";
import { refuse } from "./refusal.ts";
import { sharesOf } from "./request-body.ts";
import { LEASE_SECRETS, checkSecrets, leaseSecretsOf } from "./request-headers.ts";
import type { StorageMember } from "./room.ts";
import { isStorageIndex } from "./share-paths.ts";
import type { LeaseSecrets, ShareStore } from "./share-store.ts";
import { storeTogether } from "./store-together.ts";
import type { Storing } from "./store-together.ts";

/** A read-test-write request as it is in a body. */
export interface EnclosedWrite {
  storageIndex: string;
  writeEnabler: Buffer;
  secrets: LeaseSecrets;
  /** Of a request of its own. */
  body: Uint8Array;
}

type Before =
  | { storageIndex: string; uploadSecret: Buffer; secrets: LeaseSecrets; shares: Map<number, Uint8Array> }
  | (EnclosedWrite & { shares?: undefined });

/** The decoded body taken apart: what comes before, and the body of the write. 400 for what is none. */
export function readBeforeWrite(decoded: unknown): { before: Before[]; body: Uint8Array } {
  const [before, body] = fields(decoded, ["before", "write"]);
  if (!Array.isArray(before) || !(body instanceof Uint8Array)) refuse(400, "before is a list, write a byte string");
  if (before.length > BEFORE_WRITES_MAX) refuse(400, `more than ${BEFORE_WRITES_MAX} come before the write`);
  return { before: before.map(readOne), body };
}

/** Stores all that comes before, then does the write. Throws the refusal of the first that cannot be stored. */
export async function writeAfter(
  store: ShareStore,
  member: StorageMember,
  before: readonly Before[],
  write: EnclosedWrite,
): Promise<WriteAnswer> {
  const parts = before.map((one) => (storing: Storing) => storeOne(store, member, one, storing));
  const last = (storing: Storing) => writeEnclosed(store, member, write, storing);
  const indexes = new Set([...before, write].map(({ storageIndex }) => storageIndex));
  if (indexes.size > before.length) return storeTogether(store.pending, parts, last);
  // Two that are the same file wait for each other. All of them end before one failure is told.
  const done = await Promise.allSettled(parts.map((part) => part(store.pending)));
  for (const one of done) if (one.status === "rejected") throw one.reason;
  return last(store.pending);
}

function writeEnclosed(
  store: ShareStore,
  member: StorageMember,
  { storageIndex, writeEnabler, secrets, body }: EnclosedWrite,
  storing: Storing,
): Promise<WriteAnswer> {
  const lease = store.leaseRequest(member, secrets);
  const held = store.mutable.bodies.held(body);
  return store.mutable.readTestWrite({ member, storageIndex, writeEnabler, lease, body: held }, storing);
}

async function storeOne(store: ShareStore, member: StorageMember, one: Before, storing: Storing): Promise<void> {
  if (one.shares) {
    const { storageIndex, uploadSecret, secrets, shares } = one;
    await store.storeSmall(member, storageIndex, { shares, uploadSecret, secrets, isAllOrNone: true }, storing);
    return;
  }
  const { success } = await writeEnclosed(store, member, one, storing);
  if (!success) refuse(409, "a file that is to be new is there already");
}

function readOne(value: unknown): Before {
  const isWrite = value instanceof Map && value.has("write");
  const [index, given, content] = fields(value, ["storage-index", "secrets", isWrite ? "write" : "shares"]);
  const storageIndex = typeof index === "string" && isStorageIndex(index) ? index : refuse(400, "no storage index");
  if (isWrite) {
    const secrets = checkSecrets(given, [...LEASE_SECRETS, "write-enabler"]);
    if (!(content instanceof Uint8Array)) refuse(400, "a write is a byte string");
    return { storageIndex, writeEnabler: secrets["write-enabler"], secrets: leaseSecretsOf(secrets), body: content };
  }
  const secrets = checkSecrets(given, [...LEASE_SECRETS, "upload-secret"]);
  const uploadSecret = secrets["upload-secret"];
  return { storageIndex, uploadSecret, secrets: leaseSecretsOf(secrets), shares: sharesOf(content) };
}

/** The values of a map with exactly these keys. */
function fields(value: unknown, keys: readonly string[]): unknown[] {
  const isSo = value instanceof Map && value.size === keys.length && keys.every((key) => value.has(key));
  if (!isSo) refuse(400, `a map of ${keys.join(", ")} is expected`);
  return keys.map((key) => value.get(key) as unknown);
}
