/** The endpoints about the tree of who asks. */
import type { Handlers } from "../../kernel/contract.ts";
import { isoTime } from "../../kernel/clock.ts";
import { release } from "../../platform/memory.ts";
import { pause } from "./care/pace.ts";
import { contentAnswer } from "./content-answer.ts";
import type { OpenedFile } from "./content-answer.ts";
import type { treeEndpoints } from "./contract-tree.ts";
import { SEARCH_FOUND_MAX } from "./contract-tree.ts";
import { filesErrors } from "./errors.ts";
import type { ServiceParts, TicketTarget } from "./parts.ts";
import { entryShown, viewOf } from "./shown.ts";
import type { FileSystem } from "./tree/file-system.ts";
import { nameOf, pathOf } from "./tree/paths.ts";
import type { MemberFiles } from "./tree/member-files.ts";
import type { TrashItem } from "./tree/trash.ts";
import type { UploadSeen } from "./tree/uploads.ts";
import { zipOfFiles } from "./zip/sources.ts";

export function treeHandlers(parts: ServiceParts): Handlers<typeof treeEndpoints> {
  return { ...contentHandlers(parts), ...folderHandlers(parts), ...trashHandlers(parts), ...uploadHandlers(parts) };
}

type All = Handlers<typeof treeEndpoints>;

/** The bytes of a file below `files`. Throws `files-not-found`, `files-is-a-folder`. */
export async function openFile(files: FileSystem, path: string, signal?: AbortSignal): Promise<OpenedFile> {
  const { entry } = await files.read(path);
  const options = signal ? { signal } : {};
  return { entry, read: async (at, length) => (await files.read(path, { ...options, at, length })).content };
}

/** Bytes that came in one request. */
export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

export function notFound(path: string) {
  return filesErrors.fail("files-not-found", { params: { path } });
}

function contentHandlers(parts: ServiceParts): Pick<All, "ticket" | "open" | "read" | "zip" | "putSmall"> {
  const { tickets, zips, filesOf, accountOf, mayStill } = parts;
  return {
    async ticket({ path, version }, context) {
      const files = filesOf(context);
      const account = accountOf(context);
      const folder = await files.stat(path);
      const isFolder = folder?.kind === "folder";
      const source = isFolder ? zipOfFiles(files, folder) : undefined;
      const name = source ? `${source.name}.zip` : (await openVersion(files, path, version)).entry.name;
      const target: TicketTarget = async ({ range, download, signal }) =>
        source
          ? zips.answer(account, source, path, signal)
          : contentAnswer(await openVersion(files, path, version, signal), range, download);
      const { url, expiresMs } = tickets.make(target, name, account, mayStill(context));
      return { url, expiresAt: isoTime(expiresMs) };
    },
    open: ({ ticket, ...wish }, { signal }) => tickets.find(ticket)({ ...wish, range: wish.range, signal }),
    async zip({ path }, context) {
      const files = filesOf(context);
      const folder = await files.stat(path);
      if (!folder) throw notFound(path);
      if (folder.kind === "file") throw filesErrors.fail("files-not-a-folder", { params: { path } });
      return zips.answer(accountOf(context), zipOfFiles(files, folder), path, context.signal);
    },
    async read({ path, version, range }, context) {
      return contentAnswer(await openVersion(filesOf(context), path, version, context.signal), range, true);
    },
    async putSmall({ path, modifiedAt, ...wish }, context) {
      const { bytes, signal } = context;
      const modified = modifiedAt === undefined ? {} : { modifiedMs: Date.parse(modifiedAt) };
      return entryShown(await filesOf(context).write(path, once(bytes), { ...plain(wish), ...modified, signal }));
    },
  };
}

/** What is not given is not there, as these types want it. */
function plain<T extends object>(wish: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const given = Object.entries(wish).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as { [K in keyof T]: Exclude<T[K], undefined> };
}

async function openVersion(
  files: MemberFiles,
  path: string,
  version: string | undefined,
  signal?: AbortSignal,
): Promise<OpenedFile> {
  const opened = await openFile(files, path, signal);
  if (version === undefined) return opened;
  const found = (await files.versions(path)).find(({ id }) => id === version);
  if (!found) throw notFound(`${path} ${version}`);
  const options = signal ? { signal } : {};
  return {
    entry: { ...opened.entry, bytes: found.bytes, etag: version },
    read: (at, length) => files.readVersion(path, version, { ...options, at, length }),
  };
}

/** As `cp` and `mv` have it: a slash at the end names the folder that it goes into. */
export function intoFolder(from: string, to: string): string {
  return to.endsWith("/") ? `${to}${nameOf(pathOf(from))}` : to;
}

function folderHandlers({
  filesOf,
}: ServiceParts): Pick<
  All,
  "list" | "entry" | "makeFolder" | "move" | "copy" | "remove" | "versions" | "restoreVersion" | "search"
> {
  return {
    async list({ path }, context) {
      const files = filesOf(context);
      const seen = await viewOf(files, path);
      if (!seen) throw notFound(path);
      if (seen.entry.kind === "file") throw filesErrors.fail("files-not-a-folder", { params: { path } });
      return seen;
    },
    async entry({ path }, context) {
      const entry = await filesOf(context).stat(path);
      if (!entry) throw notFound(path);
      return entryShown(entry);
    },
    async makeFolder({ path }, context) {
      return entryShown(await filesOf(context).makeFolder(path));
    },
    async move({ from, to, replace }, context) {
      return entryShown(await filesOf(context).move(from, intoFolder(from, to), { replace }));
    },
    async copy({ from, to, replace }, context) {
      return entryShown(await filesOf(context).copy(from, intoFolder(from, to), { replace }));
    },
    async remove({ path }, context) {
      const { trashId } = await filesOf(context).remove(path);
      return { trashId: trashId ?? null };
    },
    async versions({ path }, context) {
      const versions = await filesOf(context).versions(path);
      return versions.map(({ modifiedMs, ...same }) => ({ ...same, modifiedAt: isoTime(modifiedMs) }));
    },
    async restoreVersion({ path, id }, context) {
      return entryShown(await filesOf(context).restoreVersion(path, id));
    },
    async search({ q }, context) {
      const found = await filesOf(context).search(q);
      return found.slice(0, SEARCH_FOUND_MAX).map(entryShown);
    },
  };
}

function trashHandlers({ filesOf }: ServiceParts): Pick<All, "trash" | "restore" | "forget" | "emptyTrash"> {
  return {
    trash: (_input, context) => filesOf(context).trash().map(trashedShown),
    async restore({ id }, context) {
      return entryShown(await filesOf(context).restore(id));
    },
    forget({ id }, context) {
      filesOf(context).forget(id);
      return {};
    },
    emptyTrash(_input, context) {
      const files = filesOf(context);
      const removed = files.trash().length;
      files.emptyTrash();
      return { removed };
    },
  };
}

function trashedShown({ id, name, path, kind, bytes, removedMs }: TrashItem) {
  return { id, name, path, kind, bytes, removedAt: isoTime(removedMs) };
}

/** Who waits for an upload to end is answered after this time in any case, and as soon after the end as this. */
const UPLOAD_WAIT_MS = 20_000;
const UPLOAD_LOOK_MS = 25;

function uploadHandlers({
  clock,
  tree,
  accountOf,
}: ServiceParts): Pick<All, "beginUpload" | "putPiece" | "uploads" | "upload" | "cancelUpload" | "retryUpload"> {
  const { uploads } = tree;
  return {
    async beginUpload({ modifiedAt, ...wish }, context) {
      const modifiedMs = modifiedAt === undefined ? undefined : Date.parse(modifiedAt);
      return uploadShown(await uploads.begin(accountOf(context), { ...wish, modifiedMs }));
    },
    async putPiece({ id, offset }, context) {
      const seen = await uploads.piece(accountOf(context), id, offset, context.bytes);
      // It is on the disk.
      release(context.bytes);
      return uploadShown(seen);
    },
    uploads: (_input, context) => uploads.list(accountOf(context)).map(uploadShown),
    async upload({ id, wait }, context) {
      const account = accountOf(context);
      const untilMs = clock.monotonicMs() + (wait ? UPLOAD_WAIT_MS : 0);
      const before = uploads.get(account, id).waitingFor;
      // Who waits hears at once when it has to wait for something else.
      const isUnderWay = () => {
        const { state, waitingFor } = uploads.get(account, id);
        return /^(?:receiving|storing)$/.test(state) && (waitingFor ?? before) === before;
      };
      while (isUnderWay() && clock.monotonicMs() < untilMs) await pause(clock, UPLOAD_LOOK_MS, context.signal);
      return uploadShown(uploads.get(account, id));
    },
    async cancelUpload({ id }, context) {
      await uploads.cancel(accountOf(context), id);
      return {};
    },
    retryUpload: ({ id }, context) => uploadShown(uploads.retry(accountOf(context), id)),
  };
}

export function uploadShown({ error, waitingFor, ...upload }: UploadSeen) {
  return {
    ...upload,
    ...(error === undefined ? {} : { error }),
    ...(waitingFor === undefined ? {} : { waitingFor }),
  };
}
