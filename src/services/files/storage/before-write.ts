/**
 * A write with what must be there before it, in one request: small shares of new files and the first versions of new
 * folders, and then the change of the folder that links to them. The write is looked at only when all of that is on the
 * disk, so that no entry on this server leads to what is not here.
 *
 *   each of `before` ──► all on the disk ──► the write is tested, and done ──► answer
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
  // All of them end before one failure is told.
  const done = await Promise.allSettled(before.map((one) => storeOne(store, member, one)));
  for (const one of done) if (one.status === "rejected") throw one.reason;
  return writeEnclosed(store, member, write);
}

async function writeEnclosed(
  store: ShareStore,
  member: StorageMember,
  { storageIndex, writeEnabler, secrets, body }: EnclosedWrite,
): Promise<WriteAnswer> {
  const lease = store.leaseRequest(member, secrets);
  const received = await store.mutable.bodies.receive([body]);
  return store.mutable.readTestWrite({ member, storageIndex, writeEnabler, lease, body: received });
}

async function storeOne(store: ShareStore, member: StorageMember, one: Before): Promise<void> {
  if (one.shares) {
    const { storageIndex, uploadSecret, secrets, shares } = one;
    const { alreadyHave, stored } = await store.storeSmall(member, storageIndex, { shares, uploadSecret, secrets });
    const there = new Set([...alreadyHave, ...stored]);
    if (![...shares.keys()].every((number) => there.has(number))) refuse(507, "no room for a share before the write");
    return;
  }
  const { success } = await writeEnclosed(store, member, one);
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
