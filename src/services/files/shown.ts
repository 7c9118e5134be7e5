/** How entries of a tree look in answers. */
import { isoTime } from "../../kernel/clock.ts";
import type { FileEntry, FileSystem } from "./tree/file-system.ts";

export interface EntryShown {
  name: string;
  path: string;
  kind: "file" | "folder";
  bytes: number;
  mediaType: string;
  modifiedAt: string;
  createdAt: string;
  etag: string;
  canWrite: boolean;
  versions: number;
}

export function entryShown(entry: FileEntry): EntryShown {
  const { name, path, kind, bytes, mediaType, etag, canWrite, versions = 1 } = entry;
  const [modifiedAt, createdAt] = [shownTime(entry.modifiedMs), shownTime(entry.createdMs)];
  return { name, path, kind, bytes, mediaType, etag, canWrite, modifiedAt, createdAt, versions };
}

/** What somebody else's program wrote as a time may be none. */
function shownTime(wallMs: number): string {
  return isoTime(Number.isFinite(wallMs) && Math.abs(wallMs) < 8.64e15 ? wallMs : 0);
}

/** An entry, and what is in it when it is a folder. */
export async function viewOf(
  files: FileSystem,
  path: string,
): Promise<{ entry: EntryShown; entries: EntryShown[] } | undefined> {
  const entry = await files.stat(path);
  if (!entry) return undefined;
  const entries = entry.kind === "folder" ? await files.list(path) : [];
  return { entry: entryShown(entry), entries: entries.map(entryShown) };
}
