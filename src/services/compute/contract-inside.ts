/** The endpoints about what is inside a sliver: snapshots, files, logs, figures. Only for whoever has its slice. */
import { z } from "zod";
import { bytesAnswer, endpoint, switchInput } from "../../kernel/contract.ts";
import { INSIDE_FILE_BYTES_MAX, INSIDE_PIECE_BYTES_MAX, LOG_LINES_MAX } from "./constants.ts";
import { insidePath, LOG_SOURCES, SNAPSHOT_NAME, uploadId } from "./messages-inside.ts";
import { sliverPlace } from "./shapes.ts";

const sliver = sliverPlace;
const snapshotName = z
  .string()
  .regex(SNAPSHOT_NAME, "lower-case letters, digits and hyphens, at most 40")
  .describe("The name of a snapshot");
const path = insidePath.describe("An absolute path in it");

const snapshot = z.object({ name: z.string(), takenAt: z.string() });
const SNAPSHOT_COLUMNS = ["name", "takenAt"];

const entry = z.object({
  name: z.string(),
  kind: z.enum(["file", "folder", "link", "other"]),
  bytes: z.number(),
  /** Permissions as `ls` has them in figures: "644". */
  mode: z.string(),
  modifiedAt: z.string(),
});

/** Rates are averages since the sample before. */
const sample = z.object({
  at: z.string(),
  cores: z.number().nullable(),
  memoryBytes: z.number(),
  diskBytes: z.number().nullable(),
  processes: z.number(),
  receivedBytesPerS: z.number().nullable(),
  sentBytesPerS: z.number().nullable(),
});

export const insideEndpoints = {
  snapshots: endpoint({
    method: "GET",
    path: "/compute/slivers/:sliver/snapshots",
    role: "member",
    summary: "The snapshots of a sliver",
    input: z.strictObject({ sliver }),
    output: z.array(snapshot),
    cli: { command: "compute snapshot ls", positional: ["sliver"], columns: SNAPSHOT_COLUMNS },
  }),
  takeSnapshot: endpoint({
    method: "POST",
    path: "/compute/slivers/:sliver/snapshots",
    role: "member",
    summary: "Keeps a sliver's disk as it is now, to go back to it",
    input: z.strictObject({ sliver, name: snapshotName.optional() }),
    output: z.array(snapshot),
    cli: {
      command: "compute snapshot take",
      positional: ["sliver", "name"],
      columns: SNAPSHOT_COLUMNS,
      waiting: "compute.waiting-snapshot",
      patient: true,
    },
  }),
  restoreSnapshot: endpoint({
    method: "POST",
    path: "/compute/slivers/:sliver/snapshots/:name/restore",
    role: "member",
    summary: "Puts a sliver back to a snapshot: what has changed in it since then is lost",
    input: z.strictObject({ sliver, name: snapshotName }),
    output: z.array(snapshot),
    cli: {
      command: "compute snapshot restore",
      positional: ["sliver", "name"],
      columns: SNAPSHOT_COLUMNS,
      confirm: "compute.confirm-restore",
      waiting: "compute.waiting-snapshot",
      patient: true,
    },
  }),
  dropSnapshot: endpoint({
    method: "DELETE",
    path: "/compute/slivers/:sliver/snapshots/:name",
    role: "member",
    summary: "Deletes a snapshot; the sliver stays as it is",
    input: z.strictObject({ sliver, name: snapshotName }),
    output: z.array(snapshot),
    cli: {
      command: "compute snapshot delete",
      positional: ["sliver", "name"],
      columns: SNAPSHOT_COLUMNS,
      confirm: "compute.confirm-drop-snapshot",
      patient: true,
    },
  }),
  sliverFiles: endpoint({
    method: "GET",
    path: "/compute/slivers/:sliver/files",
    role: "member",
    summary: "What is in a folder of a sliver",
    input: z.strictObject({ sliver, path: path.default("/") }),
    output: z.object({
      entries: z.array(entry),
      /** There is more than is told. */
      isCut: z.boolean(),
    }),
    cli: {
      command: "compute files ls",
      positional: ["sliver", "path"],
      rows: "entries",
      columns: ["name", "kind", "bytes", "mode", "modifiedAt"],
      cut: { flag: "isCut", words: "compute.folder-cut" },
    },
  }),
  sliverFile: endpoint({
    method: "GET",
    path: "/compute/slivers/:sliver/content",
    role: "member",
    summary: "The bytes of a file in a sliver",
    input: z.strictObject({ sliver, path }),
    output: bytesAnswer,
    answerType: "application/octet-stream",
    cli: { command: "compute files get", positional: ["sliver", "path"], toFile: "file", patient: true },
  }),
  putSliverFile: endpoint({
    method: "PUT",
    path: "/compute/slivers/:sliver/content",
    role: "member",
    summary: "Writes a file in a sliver, in pieces: it takes its place with the last one",
    input: z.strictObject({
      ...{ sliver, path },
      upload: uploadId.describe("The same for all pieces of one file"),
      offset: z.coerce.number().int().min(0).max(INSIDE_FILE_BYTES_MAX).default(0),
      isLast: switchInput.describe("Nothing comes after this piece"),
    }),
    output: z.object({}),
    bytes: { max: INSIDE_PIECE_BYTES_MAX },
    cli: {
      command: "compute files put",
      positional: ["sliver", "path"],
      bytes: { pieces: "file", cancel: "cancelSliverFile" },
    },
  }),
  cancelSliverFile: endpoint({
    method: "DELETE",
    path: "/compute/slivers/:sliver/content",
    role: "member",
    summary: "Takes away what came of a file whose last piece will not come",
    input: z.strictObject({ sliver, path, upload: uploadId }),
    output: z.object({}),
  }),
  sliverLog: endpoint({
    method: "GET",
    path: "/compute/slivers/:sliver/log",
    role: "member",
    summary: "What a sliver wrote on its console, or its system into its log",
    input: z.strictObject({
      sliver,
      source: z.enum(LOG_SOURCES).default("console").describe("Its console, or the journal or syslog in it"),
      lines: z.coerce.number().int().min(1).max(LOG_LINES_MAX).default(200).describe("The last so many lines"),
      follow: switchInput.describe("Go on with what is new until it is stopped"),
    }),
    output: bytesAnswer,
    answerType: "text/plain; charset=utf-8",
    cli: { command: "compute logs", positional: ["sliver"], patient: true },
  }),
  figures: endpoint({
    method: "GET",
    path: "/compute/slivers/:sliver/figures",
    role: "member",
    summary: "What a sliver uses now, and each minute of the last hour",
    input: z.strictObject({ sliver }),
    output: z.object({
      /** Null while it does not run. */
      now: sample.nullable(),
      samples: z.array(sample),
    }),
    cli: {
      command: "compute figures",
      positional: ["sliver"],
      rows: "samples",
      columns: ["at", "cores", "memoryBytes", "diskBytes", "processes", "receivedBytesPerS", "sentBytesPerS"],
    },
  }),
};
