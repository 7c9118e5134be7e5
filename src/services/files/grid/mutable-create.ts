/** New mutable files: keys from the pool, a first version, and its shares on the servers. */
import type { KnownCap, MutableFormat } from "../../../protocols/grid/caps.ts";
import { GridError } from "../../../protocols/grid/errors.ts";
import type { EncodedVersion } from "../../../protocols/grid/mutable-encoding.ts";
import { mutableKeys } from "../../../protocols/grid/mutable-keys.ts";
import type { MutableKeys } from "../../../protocols/grid/mutable-keys.ts";
import { shareRequest } from "../../../protocols/grid/mutable-writes.ts";
import { serverMap } from "../../../protocols/grid/server-map.ts";
import { filesErrors } from "../errors.ts";
import { mayDraft } from "./draft.ts";
import type { Draft } from "./draft.ts";
import type { KeyPool } from "./key-pool.ts";
import { checkContent, encodeVersion } from "./mutable-encode.ts";
import { leasesOf, newMutableFile, serversFor, writeEnablersFor } from "./mutable-file.ts";
import type { MutableFile, MutableNeeds } from "./mutable-file.ts";
import { noteWritten } from "./mutable-known.ts";
import { publish } from "./mutable-publish.ts";
import type { Published } from "./mutable-publish.ts";
import type { GridServer } from "./server.ts";

/** A new file that met another one in its place takes another key. */
const CREATE_ATTEMPTS_MAX = 3;

export interface NewFileWish {
  format: MutableFormat;
  content: Uint8Array;
  signal?: AbortSignal | undefined;
}

/** Throws `files-too-large`, `files-not-spread`, `files-no-room`. */
export async function createMutableFile(needs: MutableNeeds, keyPool: KeyPool, wish: NewFileWish): Promise<KnownCap> {
  checkContent(wish.format, wish.content);
  for (let attempt = 1; attempt <= CREATE_ATTEMPTS_MAX; attempt++) {
    const made = await make(needs, keyPool, wish);
    if (made && (await store(needs, made))) return made.cap;
  }
  throw filesErrors.fail("files-contended");
}

/** A small one whose first version may go with the change of a folder; undefined where that cannot be. */
export async function draftMutableFile(
  needs: MutableNeeds,
  keyPool: KeyPool,
  wish: Omit<NewFileWish, "format">,
): Promise<Draft | undefined> {
  if (!mayDraft(needs.servers(), needs.encoding())) return undefined;
  const made = await make(needs, keyPool, { format: "sdmf", ...wish });
  if (!made) return undefined;
  const { cap, file, version, needed } = made;
  const leaseFor = leasesOf(needs, file.storageIndex);
  const enablerFor = (server: GridServer) => {
    const [writeEnabler] = writeEnablersFor(needs, file, server);
    return writeEnabler!;
  };
  return {
    cap,
    needed,
    total: version.writes.length,
    shareBytes: Math.max(...version.writes.map(([whole]) => whole!.data.length)),
    before: (server, shares) => ({
      kind: "new",
      storageIndex: file.index,
      wish: {
        writeEnabler: enablerFor(server),
        lease: leaseFor(server),
        shares: new Map(shares.map((one) => [one, shareRequest({ state: "absent" }, version.writes[one]!)])),
        read: [],
      },
    }),
    store: async () => {
      if (!(await store(needs, made))) throw filesErrors.fail("files-contended");
    },
    stored: (holdings, isWhole) => note(needs, made, { state: "written", holdings: [...holdings], isWhole }),
  };
}

interface Made {
  cap: KnownCap;
  keys: MutableKeys;
  file: MutableFile;
  content: Uint8Array;
  version: EncodedVersion;
  needed: number;
  happy: number;
}

const FIRST_SEQUENCE = 1n;

/** Undefined for a damaged key, out of the pool's file. */
async function make(needs: MutableNeeds, keyPool: KeyPool, wish: NewFileWish): Promise<Made | undefined> {
  const { format, content, signal } = wish;
  const { needed, total, happy } = needs.encoding();
  const keys = keysOf(needs, await keyPool.take(signal));
  if (!keys) return undefined;
  const file = newMutableFile(keys, format);
  const version = await encodeVersion(needs, { keys, format, needed, total, sequence: FIRST_SEQUENCE, content });
  signal?.throwIfAborted();
  const { writeKey, fingerprint } = keys;
  const cap: KnownCap = { kind: "mutable-write", format, writeKey, fingerprint };
  return { cap, keys, file, content, version, needed, happy };
}

/** False when another file is in its place. */
async function store(needs: MutableNeeds, made: Made): Promise<boolean> {
  const { file, version, needed, happy } = made;
  const servers = serversFor(needs, file.storageIndex).filter(isPresent);
  // Those that are slow only come after the others.
  const [quick, slow] = [servers.filter(isQuick), servers.filter((server) => !isQuick(server))];
  const enough = quick.length >= Math.min(version.writes.length, happy + 1) ? quick : [...quick, ...slow];
  const published = await publish(needs, file, {
    map: serverMap([]),
    servers: enough,
    version,
    spread: happy,
    needed,
  });
  if (published.state === "conflict") return false;
  note(needs, made, published);
  return true;
}

function note(needs: MutableNeeds, { keys, file, version, content }: Made, published: Written): void {
  needs.memory.noteKeys(file.index, keys);
  noteWritten(needs, file, { before: serverMap([]), published, version, sequence: FIRST_SEQUENCE, content });
}

type Written = Extract<Published, { state: "written" }>;

function keysOf({ crypto }: MutableNeeds, key: Uint8Array): MutableKeys | undefined {
  try {
    return mutableKeys(crypto, key);
  } catch (error) {
    if (error instanceof GridError) return undefined;
    throw error;
  }
}

function isPresent(server: GridServer): boolean {
  return server.state() !== "away";
}

function isQuick(server: GridServer): boolean {
  return server.state() !== "slow";
}
