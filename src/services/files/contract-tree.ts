/** The endpoints about the tree of who asks: folders, content, uploads in pieces, trash, versions, search. */
import { z } from "zod";
import { bytesAnswer, endpoint, switchInput } from "../../kernel/contract.ts";
import { filesErrors } from "./errors.ts";
import { entry, folderPath, id, listing, path, ticket, trashed, upload, version } from "./shapes.ts";

/** Of a piece of an upload, and of a file that is written in one request. */
export const PIECE_BYTES_MAX = 8 * 1024 * 1024;
export const UPLOAD_BYTES_MAX = 2 ** 44;
export const SEARCH_FOUND_MAX = 500;

const tooLarge = () => filesErrors.fail("files-too-large", { params: { limit: PIECE_BYTES_MAX } });
const piece = { max: PIECE_BYTES_MAX, tooLarge };
const range = z.string().max(200).optional().describe("A range of bytes, as in HTTP");
const mediaType = z
  .string()
  .max(127)
  .regex(/^[\w.+-]+\/[\w.+-]+$/)
  .optional();
const target = path.describe('The new path; with a slash at the end the folder that it goes into, such as "/Photos/"');
const replace = z.boolean().default(false).describe("What is there goes to the trash first");
const versionId = id.describe("One of: comu files versions");
const modifiedAt = z.iso.datetime().optional();

export const treeEndpoints = {
  list: endpoint({
    method: "GET",
    path: "/files/list",
    role: "member",
    summary: "A folder and what is in it",
    input: z.strictObject({ path: folderPath }),
    output: listing,
    cli: {
      command: "files ls",
      positional: ["path"],
      rows: "entries",
      columns: ["name", "kind", "bytes", "modifiedAt"],
    },
  }),
  entry: endpoint({
    method: "GET",
    path: "/files/entry",
    role: "member",
    summary: "A file or folder",
    input: z.strictObject({ path }),
    output: entry,
    cli: { command: "files stat", positional: ["path"] },
  }),
  ticket: endpoint({
    method: "POST",
    path: "/files/tickets",
    role: "member",
    summary: "An address by which a file, or a folder as one .zip, can be read for twelve hours",
    input: z.strictObject({ path, version: id.optional() }),
    output: ticket,
  }),
  open: endpoint({
    method: "GET",
    path: "/files/open/:ticket/:name",
    role: "public",
    summary: "A file, or a folder as one .zip, by the address that a ticket gave",
    input: z.strictObject({ ticket: id, name: z.string().max(300), download: switchInput, range }),
    output: bytesAnswer,
    answerType: "application/octet-stream",
    headers: { range: "range" },
  }),
  read: endpoint({
    method: "GET",
    path: "/files/content",
    role: "member",
    summary: "The bytes of a file",
    input: z.strictObject({ path, version: versionId.optional(), range }),
    output: bytesAnswer,
    answerType: "application/octet-stream",
    headers: { range: "range" },
    cli: { command: "files cat", positional: ["path"] },
  }),
  zip: endpoint({
    method: "GET",
    path: "/files/zip",
    role: "member",
    summary: "A folder with all that is in it as one .zip, nothing compressed",
    input: z.strictObject({ path: folderPath }),
    output: bytesAnswer,
    answerType: "application/zip",
    cli: { command: "files zip", positional: ["path"], toFile: "file" },
  }),
  makeFolder: endpoint({
    method: "POST",
    path: "/files/folders",
    role: "member",
    summary: "Makes a folder",
    input: z.strictObject({ path }),
    output: entry,
    cli: { command: "files mkdir", positional: ["path"], headline: "path" },
  }),
  move: endpoint({
    method: "POST",
    path: "/files/move",
    role: "member",
    summary: "Renames or moves a file or folder",
    input: z.strictObject({ from: path, to: target, replace }),
    output: entry,
    cli: { command: "files mv", positional: ["from", "to"], headline: "path" },
  }),
  copy: endpoint({
    method: "POST",
    path: "/files/copy",
    role: "member",
    summary: "Copies a file or folder; nothing is stored twice",
    input: z.strictObject({ from: path, to: target, replace }),
    output: entry,
    cli: { command: "files cp", positional: ["from", "to"], headline: "path" },
  }),
  remove: endpoint({
    method: "POST",
    path: "/files/remove",
    role: "member",
    summary: "Puts a file or folder into the trash",
    input: z.strictObject({ path }),
    /** Null: trash is not kept. */
    output: z.object({ trashId: z.string().nullable() }),
    cli: { command: "files rm", positional: ["path"], headline: "trashId" },
  }),
  trash: endpoint({
    method: "GET",
    path: "/files/trash",
    role: "member",
    summary: "What is in the trash",
    input: z.strictObject({}),
    output: z.array(trashed),
    cli: { command: "files trash", columns: ["id", "path", "kind", "bytes", "removedAt"] },
  }),
  restore: endpoint({
    method: "POST",
    path: "/files/trash/:id/restore",
    role: "member",
    summary: "Puts something from the trash back where it was",
    input: z.strictObject({ id }),
    output: entry,
    cli: { command: "files restore", positional: ["id"], headline: "path" },
  }),
  forget: endpoint({
    method: "DELETE",
    path: "/files/trash/:id",
    role: "member",
    summary: "Takes something out of the trash for good",
    input: z.strictObject({ id }),
    output: z.object({}),
  }),
  emptyTrash: endpoint({
    method: "DELETE",
    path: "/files/trash",
    role: "member",
    summary: "Empties the trash",
    input: z.strictObject({}),
    output: z.object({ removed: z.number() }),
    cli: { command: "files empty-trash", confirm: "files.confirm-empty-trash" },
  }),
  versions: endpoint({
    method: "GET",
    path: "/files/versions",
    role: "member",
    summary: "The versions of a file that are kept, newest first",
    input: z.strictObject({ path }),
    output: z.array(version),
    cli: { command: "files versions", positional: ["path"] },
  }),
  restoreVersion: endpoint({
    method: "POST",
    path: "/files/versions/restore",
    role: "member",
    summary: "Makes an older version of a file the present one; what was present becomes an older one",
    input: z.strictObject({ path, id: versionId }),
    output: entry,
    cli: { command: "files restore-version", positional: ["path", "id"], headline: "path" },
  }),
  beginUpload: endpoint({
    method: "POST",
    path: "/files/uploads",
    role: "member",
    summary: "Begins an upload in pieces, or finds the same one again",
    input: z.strictObject({
      path,
      bytes: z.number().int().min(0).max(UPLOAD_BYTES_MAX),
      modifiedAt,
      mediaType,
      /** `rename`: beside what is there, under a name of its own. */
      mode: z.enum(["new", "replace", "rename"]).default("replace"),
      /** By which the same file is told again: the same one of the same account gives the same upload back. */
      fingerprint: z.string().min(1).max(500).optional(),
    }),
    output: upload,
  }),
  putPiece: endpoint({
    method: "PUT",
    path: "/files/uploads/:id",
    role: "member",
    summary: "The next piece of an upload; on the disk of this box when it is answered",
    input: z.strictObject({ id, offset: z.coerce.number().int().min(0) }),
    output: upload,
    bytes: { ...piece, isPassing: true },
  }),
  uploads: endpoint({
    method: "GET",
    path: "/files/uploads",
    role: "member",
    summary: "Uploads that are not done, and those that ended of late",
    input: z.strictObject({}),
    output: z.array(upload),
    cli: {
      command: "files uploads",
      columns: ["id", "path", "state", "bytes", "receivedBytes", "storedBytes", "error"],
    },
  }),
  upload: endpoint({
    method: "GET",
    path: "/files/uploads/:id",
    role: "member",
    summary: "How far an upload is",
    input: z.strictObject({
      id,
      wait: switchInput.describe("Answer when it has ended, or after twenty seconds"),
    }),
    output: upload,
  }),
  cancelUpload: endpoint({
    method: "DELETE",
    path: "/files/uploads/:id",
    role: "member",
    summary: "Gives an upload up",
    input: z.strictObject({ id }),
    output: z.object({}),
    cli: { command: "files cancel", positional: ["id"] },
  }),
  retryUpload: endpoint({
    method: "POST",
    path: "/files/uploads/:id/retry",
    role: "member",
    summary: "Tries to store an upload that failed again",
    input: z.strictObject({ id }),
    output: upload,
    cli: { command: "files retry", positional: ["id"] },
  }),
  putSmall: endpoint({
    method: "PUT",
    path: "/files/content",
    role: "member",
    summary: "Writes a small file: the bytes of the body",
    input: z.strictObject({
      path,
      mode: z.enum(["new", "replace"]).default("replace"),
      ifEtag: z.string().max(80).optional(),
      mediaType,
      modifiedAt,
    }),
    output: entry,
    bytes: piece,
  }),
  search: endpoint({
    method: "GET",
    path: "/files/search",
    role: "member",
    summary: "Files and folders of which the name holds a text",
    input: z.strictObject({ q: z.string().trim().min(1).max(200).describe("Part of a name") }),
    output: z.array(entry),
    cli: { command: "files search", positional: ["q"], columns: ["path", "kind", "bytes", "modifiedAt"] },
  }),
};
