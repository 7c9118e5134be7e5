/**
 * The shapes that the store's endpoints share. Keys and values are bytes: in JSON and in a query they stand as text
 * when they are text, and in base64url otherwise, and each says which.
 */
import { z } from "zod";
import { DURATION } from "../../kernel/duration.ts";
import { KEY_BYTES_MAX } from "../../protocols/kv/constants.ts";

/** Of a value that is given or told inside JSON, as text. Larger ones go as raw bytes. */
export const JSON_VALUE_CHARS_MAX = 32 * 1024;
export const encoding = z.enum(["text", "base64url"]);
export const keyText = z.string().max(KEY_BYTES_MAX * 2);
export const keyInput = {
  key: keyText.min(1).describe("The key"),
  keyEncoding: encoding.default("text").describe("How the key is written"),
};
/** A read in one phase: see `stale` of the protocol's `get`. */
export const staleInput = z
  .stringbool({ truthy: ["true", "1", "yes"] })
  .default(false)
  .meta({ format: "switch" })
  .describe("May be behind: read also when no majority answers");
export const ttl = z
  .string()
  .regex(DURATION, "a whole number of up to six digits with ms, s, m, h or d, such as 30s; the most is 999999d")
  .regex(/[1-9]/, "more than nothing");
/** A version as answers tell it; as an ETag it stands in quotation marks; "*": any, but the key must be there. */
export const versionInput = z.string().regex(/^(?:\*|"?\d{1,16}\.\d{1,16}\.\d{1,16}"?)$/, "a version such as 3.77.12");
export const change = {
  ttl: ttl.optional().describe("The key ends after this time, such as 30s; without it, it stays"),
  ifAbsent: z
    .stringbool({ truthy: ["true", "1", "yes", "*"] })
    .default(false)
    .meta({ format: "switch" })
    .describe("Only when there is no such key"),
  ifVersion: versionInput.optional().describe("Only when the key has this version still; * for any"),
};
export const valueInput = {
  value: z.string().max(JSON_VALUE_CHARS_MAX).describe("The value"),
  valueEncoding: encoding.default("text").describe("How the value is written"),
};

export const keyName = z.object({
  /** As text when it is text, in base64url otherwise. */
  key: z.string(),
  keyEncoding: encoding,
});
/** What a change left behind. */
export const changed = keyName.extend({
  version: z.string(),
  expiresAt: z.string().nullable(),
});
/** What a key holds. */
export const kvEntry = changed.extend({
  /** Null when it is longer than what goes into JSON: fetch the bytes. */
  value: z.string().nullable(),
  valueEncoding: encoding,
  sizeBytes: z.number(),
});

const sent = z.object({ messages: z.number(), bytes: z.number() });

export const kvStatus = z.object({
  state: z.enum(["off", "waiting", "running", "leaving", "failed"]),
  /** Names the store; null before one is founded or found. */
  store: z.string().nullable(),
  /** This box in the ring; null while it takes no part. */
  node: z.string().nullable(),
  members: z.array(
    z.object({
      box: z.string(),
      boxId: z.string(),
      self: z.boolean(),
      up: z.boolean(),
      /** Slots of which it holds a copy, and slots that it coordinates, as far as this box knows. */
      slots: z.number(),
      coordinates: z.number(),
      node: z.string(),
    }),
  ),
  slots: z.object({
    total: z.number(),
    ready: z.number(),
    copying: z.number(),
    leaving: z.number(),
    /** A majority of their members seems to be up. */
    reachable: z.number(),
  }),
  /** Slots held here whose groups are to change. 0 at every box, and nothing copying or leaving: all is settled. */
  dueSlots: z.number(),
  /** Of each key: the size of the smallest group. */
  copies: z.number(),
  /** Boxes that may fail, besides those that are away, before some key cannot be used. */
  survives: z.number(),
  keys: z.number(),
  usedBytes: z.number(),
  quotaBytes: z.number(),
  /** Changes of groups since the start. */
  moves: z.number(),
  /** Those that this box carries on now. */
  moving: z.number(),
  /** What this box has copied from others since the start. */
  copiedSlots: z.number(),
  copiedKeys: z.number(),
  /** To the other boxes since the start: because groups change, and for all else. */
  sent: z.object({ copying: sent, other: sent }),
  /** Frames that could not be sent, streams closed because what came was no frame, and because there were too many. */
  streams: z.object({ lost: z.number(), garbled: z.number(), refused: z.number() }),
  openOperations: z.number(),
  /** Since the start. */
  operations: z.number(),
  operationsPerSecond: z.number(),
  /** Of what was asked here in the last minute; null when nothing was. */
  p50Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
  /** Where Redis clients are taken. */
  redis: z.object({
    state: z.enum(["off", "running", "failed"]),
    /** Why it failed: a code such as `port-in-use`. */
    reason: z.string().nullable(),
    address: z.string(),
    port: z.number(),
    clients: z.number(),
    password: z.boolean(),
  }),
});

/** A line of `watch`. */
export const kvChange = z.union([
  kvEntry.extend({ event: z.literal("set") }),
  keyName.extend({ event: z.literal("removed") }),
  /** More changed at once than is kept for a slow reader: what was told so far may be old. */
  z.object({ event: z.literal("lost") }),
]);

/** An end as `isoTime` writes it: from the year 10000 on, years have a sign and six digits. */
const farTime = z
  .string()
  .regex(/^\+\d{6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  .refine((text) => !Number.isNaN(Date.parse(text)));

/** A line of `export` and `import`: key and value in base64url, the end in ISO 8601 or null. */
export const kvExported = z.strictObject({
  key: z.string().regex(/^[\w-]*$/),
  value: z.string().regex(/^[\w-]*$/),
  expiresAt: z.union([z.iso.datetime(), farTime]).nullable(),
});
