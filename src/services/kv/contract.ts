/**
 * The key-value store as people, programs and other boxes' owners meet it: values as JSON for pages and commands, as
 * raw bytes for programs, the ring, and taking part in it. What each operation promises: docs/protocols/kv.md.
 */
import { z } from "zod";
import { bytesAnswer, defineContract, endpoint, switchInput } from "../../kernel/contract.ts";
import type { Failure } from "../../kernel/errors.ts";
import { defineErrors } from "../../kernel/errors.ts";
import { LIST_KEYS_MAX, VALUE_BYTES_MAX } from "../../protocols/kv/constants.ts";
import { RESP_ADDRESS, RESP_PASSWORD_BYTES_MAX } from "./resp-limits.ts";
import {
  change,
  changed,
  encoding,
  JSON_VALUE_CHARS_MAX,
  keyInput,
  keyName,
  keyText,
  kvEntry,
  kvStatus,
  staleInput,
  ttl,
  valueInput,
} from "./shapes.ts";
import ca from "./ui/ca.json" with { type: "json" };
import en from "./ui/en.json" with { type: "json" };
import es from "./ui/es.json" with { type: "json" };

/** What a box gives at most, and what it gives unless its owner says otherwise. */
export const QUOTA_MIB_MAX = 1_000_000;
export const QUOTA_MIB = 64;
/** One request of an import; a client cuts a longer file at the ends of its lines. One line of 8 MiB fits. */
export const IMPORT_BYTES_MAX = 16 * 1024 * 1024;
/** Refused lines of one import that are told one by one. */
export const IMPORT_REFUSED_MAX = 20;

export const kvErrors = defineErrors({
  /** This box takes no part in the store. */
  "kv-off": 409,
  /** It should, but its store has failed: its disk, most often. */
  "kv-failed": 503,
  /** No answer in time: the change may have been made, or may still be. */
  "kv-unknown": 504,
  /** Certainly not done: no majority of those that hold the key answers. */
  "kv-no-majority": 503,
  "kv-too-many": 429,
  /** Params: limit, in bytes. */
  "kv-key-too-long": 400,
  /** Params: limit, in bytes. */
  "kv-value-too-large": 413,
  "kv-full": 507,
  /** There is no such key. Params: key. */
  "kv-key-unknown": 404,
  /** The condition was not met; nothing was changed. Params: key. */
  "kv-condition": 412,
  /** Params: key. */
  "kv-not-an-integer": 409,
  /** Too many watch already. Params: limit. */
  "kv-watches-full": 429,
});

export const valueTooLarge = (): Failure => kvErrors.fail("kv-value-too-large", { params: { limit: VALUE_BYTES_MAX } });

export const kvSettings = z.object({
  takePart: z.boolean().default(false).describe("This box holds a part of the community's key-value store."),
  quotaMiB: z
    .number()
    .int()
    .min(16)
    .max(QUOTA_MIB_MAX)
    .default(QUOTA_MIB)
    .describe("Room that this box gives to the store, in MiB."),
  respPort: z
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(0)
    .describe("Port for Redis clients; 0: none. The usual one is 6379."),
  respAddress: z
    .string()
    .trim()
    .max(64)
    .default(RESP_ADDRESS)
    .describe("Address on which Redis clients are taken. Those of other machines need a password."),
});

export const kvContract = defineContract({
  name: "kv",
  summary: "The key-value store: one truth for the community, on several boxes",
  optional: true,
  errors: kvErrors.table,
  words: { ca, es, en },
  events: {
    changed: { role: "guest", summary: "The ring of the key-value store, or this box's part in it, changed" },
  },
  settings: kvSettings,
  endpoints: {
    status: endpoint({
      method: "GET",
      path: "/kv/status",
      role: "guest",
      summary: "The ring of the key-value store: boxes, copies, room, speed",
      input: z.strictObject({}),
      output: kvStatus,
      cli: { command: "kv ring" },
    }),
    read: endpoint({
      method: "GET",
      path: "/kv/value",
      role: "member",
      summary: "The value of a key as raw bytes; ETag is its version",
      input: z.strictObject({ ...keyInput, stale: staleInput }),
      output: bytesAnswer,
      answerType: "application/octet-stream",
    }),
    entry: endpoint({
      method: "GET",
      path: "/kv/entry",
      role: "member",
      summary: "What a key of the store holds",
      input: z.strictObject({ ...keyInput, stale: staleInput }),
      output: kvEntry,
      cli: { command: "kv get", positional: ["key"], headline: "value", raw: "read" },
    }),
    write: endpoint({
      method: "PUT",
      path: "/kv/value",
      role: "member",
      summary: "Gives a key a value: the bytes of the body, whatever their type",
      input: z.strictObject({ ...keyInput, ...change }),
      output: changed,
      bytes: {
        max: VALUE_BYTES_MAX,
        tooLarge: valueTooLarge,
      },
      headers: { ifAbsent: "if-none-match", ifVersion: "if-match" },
      cli: {
        command: "kv put",
        positional: ["key"],
        bytes: { argument: "value", option: "file" },
        headline: "version",
      },
    }),
    set: endpoint({
      method: "POST",
      path: "/kv/entry",
      role: "member",
      summary: "Gives a key a value that fits into JSON",
      input: z.strictObject({ ...keyInput, ...valueInput, ...change }),
      output: changed,
    }),
    cas: endpoint({
      method: "POST",
      path: "/kv/cas",
      role: "member",
      summary: "Compare and set: gives a key a value only when it still holds what is expected",
      input: z
        .strictObject({
          ...keyInput,
          ...valueInput,
          ttl: change.ttl,
          expect: z.string().max(JSON_VALUE_CHARS_MAX).optional().describe("The value that it should hold still"),
          expectEncoding: encoding.default("text").describe("How the expected value is written"),
          ifVersion: change.ifVersion,
        })
        .refine(({ expect, ifVersion }) => (expect === undefined) !== (ifVersion === undefined), {
          message: "either --expect or --if-version (in JSON expect, ifVersion) is needed, and not both",
          path: ["expect"],
        }),
      output: changed,
      cli: { command: "kv cas", positional: ["key", "value"], headline: "version" },
    }),
    add: endpoint({
      method: "POST",
      path: "/kv/add",
      role: "member",
      summary: "Adds to a whole number of 64 bits; a key that is not there counts as 0",
      input: z.strictObject({
        ...keyInput,
        by: z
          .string()
          .regex(/^-?\d{1,19}$/, "a whole number")
          .default("1")
          .describe("How much; with -- before it when it is negative"),
      }),
      /** The number as text: JSON's own cannot hold all of them. */
      output: changed.extend({ value: z.string() }),
      cli: { command: "kv incr", positional: ["key", "by"], headline: "value" },
    }),
    remove: endpoint({
      method: "DELETE",
      path: "/kv/value",
      role: "member",
      summary: "Removes a key",
      input: z.strictObject({ ...keyInput, ifVersion: change.ifVersion }),
      output: keyName.extend({
        /** No: there was none. */
        removed: z.boolean(),
      }),
      headers: { ifVersion: "if-match" },
      cli: { command: "kv del", positional: ["key"] },
    }),
    ttl: endpoint({
      method: "GET",
      path: "/kv/ttl",
      role: "member",
      summary: "When a key ends",
      input: z.strictObject(keyInput),
      /** Null: it stays. `leftMs` by this box's clock. */
      output: keyName.extend({ expiresAt: z.string().nullable(), leftMs: z.number().nullable() }),
      cli: { command: "kv ttl", positional: ["key"] },
    }),
    expire: endpoint({
      method: "POST",
      path: "/kv/expire",
      role: "member",
      summary: "Says when a key ends: after a time such as 30s, or never",
      input: z.strictObject({ ...keyInput, ttl: z.union([z.literal("never"), ttl]).describe("30s, 10m, 2h, never") }),
      output: changed,
      cli: { command: "kv expire", positional: ["key", "ttl"] },
    }),
    list: endpoint({
      method: "GET",
      path: "/kv/keys",
      role: "member",
      summary: "Keys that begin with a prefix, in no order; not a snapshot",
      input: z.strictObject({
        prefix: keyText.default("").describe("What the keys begin with"),
        prefixEncoding: encoding.default("text").describe("How the prefix is written"),
        limit: z.coerce.number().int().min(1).max(LIST_KEYS_MAX).default(100),
        cursor: z.string().max(4000).optional().describe("Where an earlier list ended"),
      }),
      /** `cursor`: ask with it for more; null: that was all. */
      output: z.object({ keys: z.array(keyName), cursor: z.string().nullable() }),
      cli: { command: "kv ls", positional: ["prefix"], rows: "keys", columns: ["key", "keyEncoding"] },
    }),
    watch: endpoint({
      method: "GET",
      path: "/kv/watch",
      role: "member",
      summary: "Follows a key, or all with a prefix: a line of JSON each time one has changed, until you hang up",
      input: z.strictObject({
        key: keyText.optional().describe("The key"),
        keyEncoding: encoding.default("text").describe("How key and prefix are written"),
        prefix: keyText.optional().describe("Instead of one key: all that begin so"),
      }),
      /** Lines of `kvChange`; empty ones keep the connection alive. */
      output: bytesAnswer,
      answerType: "application/x-ndjson",
      cli: { command: "kv watch", positional: ["key"] },
    }),
    export: endpoint({
      method: "GET",
      path: "/kv/export",
      role: "host",
      summary: "All keys with their values, a line of JSON each; not a snapshot",
      input: z.strictObject({
        prefix: keyText.default("").describe("Only keys that begin so"),
        prefixEncoding: encoding.default("text").describe("How the prefix is written"),
      }),
      /** Lines of `kvExported`. */
      output: bytesAnswer,
      answerType: "application/x-ndjson",
      cli: { command: "kv export", toFile: "file" },
    }),
    import: endpoint({
      method: "POST",
      path: "/kv/import",
      role: "host",
      summary: "Puts exported keys back; what is there stays unless it is told otherwise",
      input: z.strictObject({
        overwrite: switchInput.describe("Also keys that are there already"),
        firstLine: z.coerce.number().int().min(1).default(1).describe("Number of the first line, for refusals"),
      }),
      output: z.object({
        written: z.number(),
        /** Were there already. */
        kept: z.number(),
        /** Their time was over. */
        expired: z.number(),
        refused: z.number(),
        /** The first refused lines of each request. */
        refusals: z.array(z.object({ line: z.number(), code: z.string() })),
      }),
      bytes: { max: IMPORT_BYTES_MAX },
      cli: { command: "kv import", bytes: { lines: "file", from: "firstLine" }, refused: "refused" },
    }),
    takePart: endpoint({
      method: "POST",
      path: "/kv/take-part",
      role: "host",
      summary: "This box takes part in the store: holds a share of it and serves it",
      input: z.strictObject({
        quota: z
          .string()
          .regex(/^\d{1,7}\s?(?:MiB|GiB|TiB)$/, "a size such as 256MiB or 2GiB")
          .optional()
          .describe("Room that this box gives, such as 256MiB"),
      }),
      output: kvStatus,
      cli: { command: "kv on" },
    }),
    leave: endpoint({
      method: "POST",
      path: "/kv/leave",
      role: "host",
      summary: "This box takes no part in the store any more: hands over what it holds, then stops",
      input: z.strictObject({}),
      output: kvStatus,
      cli: { command: "kv off", confirm: "kv.leave-confirm", waiting: "kv.leave-waiting" },
    }),
    setRedisPassword: endpoint({
      method: "PUT",
      path: "/kv/redis-password",
      role: "host",
      summary: "Sets the password for Redis clients, without which those of other machines are not taken",
      input: z.strictObject({
        password: z
          .string()
          .min(8)
          .max(RESP_PASSWORD_BYTES_MAX / 4),
      }),
      output: z.object({ set: z.boolean() }),
      cli: { command: "kv redis-password", fromFile: { password: "password-file" } },
    }),
    clearRedisPassword: endpoint({
      method: "DELETE",
      path: "/kv/redis-password",
      role: "host",
      summary: "Takes the password for Redis clients away: only this machine's are taken then",
      input: z.strictObject({}),
      output: z.object({ set: z.boolean() }),
      cli: { command: "kv redis-password-rm" },
    }),
  },
});
