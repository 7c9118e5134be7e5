/** What the endpoints of the files service take and give, where it is more than a word or two. */
import { z } from "zod";

/** Longer than any path that `pathOf` takes: 64 names of 255 bytes. */
export const PATH_CHARS_MAX = 17_000;
/** A read, write or verify cap of any kind; LIT caps hold their content. */
export const CAP_CHARS_MAX = 2_000;
/** Bad ones that a check tells one by one. */
export const CHECK_ITEMS_MAX = 100;

export const path = z.string().min(1).max(PATH_CHARS_MAX).describe('A path, such as "/Photos/a.jpg"');
export const folderPath = path.default("/").describe("A folder; / is the top one");
export const id = z.string().min(1).max(128);
export const size = z
  .string()
  .regex(/^(?:off|\d{1,7}\s?(?:MiB|GiB|TiB))$/, "off, or a size such as 500MiB, 100GiB or 2TiB");

export const entry = z.object({
  /** "" for the top folder. */
  name: z.string(),
  path: z.string(),
  kind: z.enum(["file", "folder"]),
  bytes: z.number(),
  mediaType: z.string(),
  modifiedAt: z.string(),
  createdAt: z.string(),
  etag: z.string(),
  canWrite: z.boolean(),
  /** Older ones that are kept, and the present one. 1 for folders. */
  versions: z.number(),
});

export const listing = z.object({ entry, entries: z.array(entry) });

export const server = z.object({
  id: z.string(),
  name: z.string(),
  /** Id of the box that it belongs to; null for one of an imported list. */
  box: z.string().nullable(),
  owner: z.string().nullable(),
  zone: z.string().nullable(),
  state: z.enum(["unknown", "up", "slow", "away"]),
  availableBytes: z.number().nullable(),
  responseMs: z.number().nullable(),
  origin: z.enum(["box", "list"]),
});

const door = z.object({ on: z.boolean(), port: z.number(), url: z.string().nullable(), reason: z.string().nullable() });

export const careStatus = z.object({
  /** `waiting`: until the next round; `held`: too few servers answer, so it would only do harm. */
  state: z.enum(["off", "waiting", "checking", "repairing", "held"]),
  /** End of the last whole round. */
  checkedAt: z.string().nullable(),
  files: z.number(),
  healthy: z.number(),
  weak: z.number(),
  lost: z.number(),
  running: z.object({ kind: z.enum(["check", "repair"]), done: z.number(), total: z.number() }).nullable(),
});

export const filesStatus = z.object({
  giving: z.object({
    on: z.boolean(),
    bytesGiven: z.number(),
    bytesUsed: z.number(),
    port: z.number(),
    /** Why it cannot: a code such as `port-in-use`. */
    reason: z.string().nullable(),
  }),
  grid: z.object({
    servers: z.array(server),
    needed: z.number(),
    total: z.number(),
    happy: z.number(),
    /** Servers that answer. */
    reachable: z.number(),
    /** As many as an upload wants. */
    enough: z.boolean(),
  }),
  me: z.object({ usedBytes: z.number(), quotaBytes: z.number().nullable() }),
  access: z.object({ webdav: door, sftp: door }),
  care: careStatus,
});

export const given = z.object({
  /** The pseudonym under which its box asked for room. */
  member: z.string(),
  /** Its name: of accounts of this box alone, the others' boxes do not tell. */
  account: z.string().nullable(),
  box: z.string(),
  /** Of the box, as it says. */
  owner: z.string().nullable(),
  usedBytes: z.number(),
  quotaBytes: z.number(),
  /** All accounts of that box together; null for this box itself, which has no such limit. */
  boxUsedBytes: z.number().nullable(),
  boxQuotaBytes: z.number().nullable(),
});

export const ticket = z.object({ url: z.string(), expiresAt: z.string() });

export const trashed = z.object({
  id: z.string(),
  name: z.string(),
  path: z.string(),
  kind: z.enum(["file", "folder"]),
  bytes: z.number(),
  removedAt: z.string(),
});

export const version = z.object({ id: z.string(), bytes: z.number(), modifiedAt: z.string(), current: z.boolean() });

export const upload = z.object({
  id: z.string(),
  path: z.string(),
  bytes: z.number(),
  /** What this box has taken in; the next piece begins here. */
  receivedBytes: z.number(),
  state: z.enum(["receiving", "storing", "done", "failed"]),
  /** What is on the storage servers. */
  storedBytes: z.number(),
  /** A code of this service. */
  error: z.string().optional(),
  /** While it is tried again by itself: the code of what it waits for. */
  waitingFor: z.string().optional(),
});

export const health = z.object({
  path: z.string(),
  /** `unknown`: not checked yet. */
  state: z.enum(["unknown", "healthy", "weak", "lost"]),
  /** Different good pieces, how many there should be, and how many are enough. */
  good: z.number(),
  total: z.number(),
  needed: z.number(),
  servers: z.number(),
  owners: z.number(),
  zones: z.number(),
  checkedAt: z.string().nullable(),
});

export const checked = z.object({
  checked: z.number(),
  healthy: z.number(),
  weak: z.number(),
  lost: z.number(),
  /** Pieces with wrong bytes; only looked for with `verify`. */
  damaged: z.number(),
  /** The first hundred that are not healthy. */
  items: z.array(health),
  ok: z.boolean(),
});

export const repaired = z.object({
  checked: z.number(),
  repaired: z.number(),
  /** Pieces that were written. */
  written: z.number(),
  /** Could not be made whole. */
  failed: z.number(),
  /** Of these, left until more boxes answer: all that is missing would lie on one. */
  waiting: z.number(),
  items: z.array(health),
  ok: z.boolean(),
});

export const shareMode = z.enum(["read", "write"]);

export const share = z.object({
  id: z.string(),
  /** Told once, when it is made: only its hash is kept. */
  url: z.string().nullable(),
  path: z.string(),
  mode: shareMode,
  note: z.string(),
  createdAt: z.string(),
  expiresAt: z.string().nullable(),
});

/** What a link shows: paths begin at what is shared. */
export const sharedView = z.object({
  name: z.string(),
  mode: shareMode,
  expiresAt: z.string().nullable(),
  entry,
  entries: z.array(entry),
});

export const link = z.object({
  id: z.string(),
  name: z.string(),
  /** Of the box that shares. */
  box: z.string(),
  mode: shareMode,
  addedAt: z.string(),
});

export const device = z.object({
  id: z.string(),
  name: z.string(),
  user: z.string(),
  mayWrite: z.boolean(),
  /** It sees what is below this folder. */
  path: z.string(),
  publicKey: z.string().nullable(),
  createdAt: z.string(),
  lastUsedAt: z.string().nullable(),
});

export const phraseState = z.object({
  made: z.boolean(),
  madeAt: z.string().nullable(),
  /** When some box last said that it keeps what the words lead to. */
  renewedAt: z.string().nullable(),
  /** Names of those that do. */
  boxes: z.array(z.string()),
});

export const madePhrase = z.object({
  /** Twelve words; told this once, and kept nowhere. */
  phrase: z.string(),
  boxes: z.array(z.string()),
});

export const recovered = z.object({
  /** `whole`: it is your top folder now; `already`: it was before; `folder`: it is in your files, at `path`. */
  state: z.enum(["whole", "already", "folder"]),
  path: z.string(),
  /** Files and folders right in it. */
  entries: z.number(),
  phraseMadeAt: z.string(),
  /** Names of the boxes that had it. */
  boxes: z.array(z.string()),
  /** Boxes that answered, and some of those that did not. */
  answered: z.number(),
  away: z.array(z.string()),
});
