/** The endpoints about links: made here for anybody, and those of other boxes that a member keeps here; and caps. */
import { z } from "zod";
import { bytesAnswer, endpoint, switchInput } from "../../kernel/contract.ts";
import { PIECE_BYTES_MAX } from "./contract-tree.ts";
import { filesErrors } from "./errors.ts";
import { CAP_CHARS_MAX, entry, id, link, path, share, shareMode, sharedView, ticket } from "./shapes.ts";

export const SHARE_DAYS_MAX = 3650;
/** Calls a minute of one address on what strangers may call. */
const STRANGER_PER_MINUTE_MAX = 300;

const token = z.string().min(1).max(200).describe("The end of a link");
const below = path.default("/").describe("Below what is shared");
const piece = {
  max: PIECE_BYTES_MAX,
  tooLarge: () => filesErrors.fail("files-too-large", { params: { limit: PIECE_BYTES_MAX } }),
};

export const sharingEndpoints = {
  share: endpoint({
    method: "POST",
    path: "/files/shares",
    role: "member",
    summary: "Makes a link by which anybody who has it may read, or write, a file or folder",
    input: z.strictObject({
      path,
      mode: shareMode.default("read"),
      days: z.number().int().min(1).max(SHARE_DAYS_MAX).nullable().default(null).describe("It ends after so many days"),
      note: z.string().trim().max(100).default("").describe("Whom it is for"),
    }),
    output: share,
    cli: { command: "files share", positional: ["path"], headline: "url" },
  }),
  shares: endpoint({
    method: "GET",
    path: "/files/shares",
    role: "member",
    summary: "The links that you have made",
    input: z.strictObject({}),
    output: z.array(share),
    cli: { command: "files shares", columns: ["id", "path", "mode", "note", "expiresAt"] },
  }),
  unshare: endpoint({
    method: "DELETE",
    path: "/files/shares/:id",
    role: "member",
    summary: "Takes a link back",
    input: z.strictObject({ id }),
    output: z.object({}),
    cli: { command: "files unshare", positional: ["id"] },
  }),
  shared: endpoint({
    method: "GET",
    path: "/files/shared/:token",
    role: "public",
    perMinuteMax: STRANGER_PER_MINUTE_MAX,
    summary: "What a link shows",
    input: z.strictObject({ token, path: below }),
    output: sharedView,
  }),
  sharedTicket: endpoint({
    method: "POST",
    path: "/files/shared/:token/tickets",
    role: "public",
    beforeSignIn: true,
    perMinuteMax: STRANGER_PER_MINUTE_MAX,
    summary: "An address by which a file of a link, or a folder as one .zip, can be read for twelve hours",
    input: z.strictObject({ token, path: below }),
    output: ticket,
  }),
  sharedWrite: endpoint({
    method: "PUT",
    path: "/files/shared/:token/content",
    role: "public",
    beforeSignIn: true,
    perMinuteMax: STRANGER_PER_MINUTE_MAX,
    summary: "Writes a small file by a link that allows it",
    input: z.strictObject({ token, path: below }),
    output: entry,
    bytes: piece,
  }),
  links: endpoint({
    method: "GET",
    path: "/files/links",
    role: "member",
    summary: "What others have shared with you",
    input: z.strictObject({}),
    output: z.array(link),
    cli: { command: "files links", columns: ["id", "name", "box", "mode", "addedAt"] },
  }),
  addLink: endpoint({
    method: "POST",
    path: "/files/links",
    role: "member",
    summary: "Keeps a link of any box of the community",
    input: z.strictObject({ url: z.string().trim().min(1).max(500).describe("The link") }),
    output: link,
    cli: { command: "files add-link", positional: ["url"], headline: "id" },
  }),
  dropLink: endpoint({
    method: "DELETE",
    path: "/files/links/:id",
    role: "member",
    summary: "Forgets a link",
    input: z.strictObject({ id }),
    output: z.object({}),
    cli: { command: "files drop-link", positional: ["id"] },
  }),
  linkView: endpoint({
    method: "GET",
    path: "/files/links/:id",
    role: "member",
    summary: "What is behind a link that you keep",
    input: z.strictObject({ id, path: below }),
    output: sharedView,
    cli: { command: "files link", positional: ["id", "path"], rows: "entries", columns: ["name", "kind", "bytes"] },
  }),
  linkTicket: endpoint({
    method: "POST",
    path: "/files/links/:id/tickets",
    role: "member",
    summary: "An address on this box for a file, or a folder as one .zip, behind a link that you keep",
    input: z.strictObject({ id, path: below }),
    output: ticket,
  }),
  linkRead: endpoint({
    method: "GET",
    path: "/files/links/:id/content",
    role: "member",
    summary: "The bytes of a file behind a link that you keep, or a folder as one .zip",
    input: z.strictObject({ id, path: below, download: switchInput, range: z.string().max(200).optional() }),
    output: bytesAnswer,
    answerType: "application/octet-stream",
    headers: { range: "range" },
    cli: { command: "files link-get", positional: ["id", "path"], toFile: "file" },
  }),
  caps: endpoint({
    method: "GET",
    path: "/files/caps",
    role: "member",
    summary: "The capabilities of a file or folder, as Tahoe-LAFS knows them: whoever has one may do what it says",
    input: z.strictObject({ path }),
    output: z.object({ read: z.string(), write: z.string().nullable(), verify: z.string().nullable() }),
    cli: { command: "files caps", positional: ["path"] },
  }),
  attach: endpoint({
    method: "POST",
    path: "/files/attach",
    role: "member",
    summary: "Puts a file or folder that you have a capability of into your tree",
    input: z.strictObject({ path, cap: z.string().trim().min(4).max(CAP_CHARS_MAX).describe("A read or write cap") }),
    output: entry,
    cli: { command: "files attach", positional: ["path", "cap"], headline: "path" },
  }),
};
