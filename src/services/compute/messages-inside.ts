/**
 * What boxes say about what is inside a sliver: one stream for each question, of the mesh, which has proven who asks.
 *
 *   home box ── one line {sliver, do, …}, for a piece of a file its bytes ──► host
 *            ◄── one line {done} or {error}, then the bytes of a file or a log ──
 */
import { z } from "zod";
import {
  FIGURES_KEPT_MAX,
  FOLDER_ENTRIES_MAX,
  INSIDE_FILE_BYTES_MAX,
  INSIDE_PIECE_BYTES_MAX,
  LOG_LINES_MAX,
  SLIVER_SNAPSHOTS_MAX,
} from "./constants.ts";
import { sliverId } from "./host/books.ts";

export const INSIDE_PATH = "/compute/inside";

export const SNAPSHOT_NAME = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;
const snapshotName = z.string().regex(SNAPSHOT_NAME);
/** Absolute, and where it ends without what "." and ".." would mean. */
export const insidePath = z
  .string()
  .max(4096)
  .regex(/^\/[^\0]*$/, "a path that begins with a slash")
  .refine((path) => !path.split("/").some((part) => part === "." || part === ".."), "a path without . and ..");
export const uploadId = z.string().regex(/^[0-9a-z]{8,40}$/);
const count = z.number().int().min(0);

export const LOG_SOURCES = ["console", "system"] as const;

const sliver = sliverId;
export const insideQuestion = z.discriminatedUnion("do", [
  z.object({ do: z.literal("snapshots"), sliver }),
  z.object({ do: z.enum(["take", "restore", "drop"]), sliver, name: snapshotName }),
  z.object({ do: z.literal("list"), sliver, path: insidePath }),
  z.object({ do: z.literal("get"), sliver, path: insidePath }),
  z.object({
    ...{ do: z.literal("put"), sliver, path: insidePath, upload: uploadId, isLast: z.boolean() },
    ...{ at: count.max(INSIDE_FILE_BYTES_MAX), bytes: count.max(INSIDE_PIECE_BYTES_MAX) },
  }),
  z.object({ do: z.literal("cancel"), sliver, path: insidePath, upload: uploadId }),
  z.object({
    ...{ do: z.literal("log"), sliver, source: z.enum(LOG_SOURCES), follow: z.boolean() },
    lines: count.min(1).max(LOG_LINES_MAX),
  }),
  z.object({ do: z.literal("figures"), sliver }),
]);
export type InsideQuestion = z.output<typeof insideQuestion>;

/** Times are spans: the clocks of two boxes may differ by hours. */
export const snapshotsAnswer = z.object({
  snapshots: z
    .array(z.object({ name: z.string().max(100), ageMs: z.number().min(0) }))
    // What an engine's owner made beside ours is shown, too.
    .max(10 * SLIVER_SNAPSHOTS_MAX),
});
export const listAnswer = z.object({
  entries: z
    .array(
      z.object({
        ...{ name: z.string().max(1024), kind: z.enum(["file", "folder", "link", "other"]), bytes: count },
        ...{ mode: count, ageMs: z.number() },
      }),
    )
    .max(FOLDER_ENTRIES_MAX),
  isCut: z.boolean(),
});
/** No `bytes`: it does not say, and comes to its end. */
export const getAnswer = z.object({ bytes: count.optional() });
export const doneAnswer = z.object({});

const share = z.number().min(0);
export const figuresSample = z.object({
  ageMs: share,
  /** Cores that it kept busy, on average since the sample before; null in the first one. */
  cores: share.nullable(),
  memoryBytes: share,
  /** Null where the storage counts nothing. */
  diskBytes: share.nullable(),
  processes: share,
  /** Null without a network. */
  receivedBytesPerS: share.nullable(),
  sentBytesPerS: share.nullable(),
});
export type FiguresSample = z.output<typeof figuresSample>;
export const figuresAnswer = z.object({
  /** Null while it does not run. */
  now: figuresSample.nullable(),
  samples: z.array(figuresSample).max(FIGURES_KEPT_MAX),
});

/** The codes that a host may answer with; another box does not choose our words. */
export const INSIDE_REFUSALS = [
  ...["compute-sliver-unknown", "compute-not-running", "compute-snapshot-unknown", "compute-snapshot-exists"],
  ...["compute-snapshots-full", "compute-snapshot-no-room", "compute-file-unknown", "compute-file-refused"],
  ...["compute-sliver-full", "compute-no-log", "compute-busy", "compute-engine-failed"],
] as const;
export const insideAnswer = z.union([
  z.object({ done: z.unknown() }),
  z.object({ error: z.object({ code: z.string().max(60) }) }),
]);
