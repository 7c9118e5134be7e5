/** What was dropped or chosen, as files with their places: a folder is followed into all that is in it. */
import { DEPTH_MAX, QUEUE_MAX } from "./limits.ts";

export interface Dropped {
  /** Relative, each after the one that it is in. */
  folders: string[];
  files: { path: string; file: File }[];
  /** There was more than may wait at one time, or deeper folders than are followed. */
  isCut: boolean;
}

/** What systems leave behind, and nobody means to keep. */
const LITTER = new Set([".DS_Store", "Thumbs.db", "desktop.ini"]);

/**
 * To be called while the drop is being told, and not after: the browser forgets what was dropped. Null when something
 * else than files was.
 */
export function droppedEntries(data: DataTransfer | null): FileSystemEntry[] | null {
  const items = [...(data?.items ?? [])].filter(({ kind }) => kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  return entries.length > 0 ? entries : null;
}

export async function walk(entries: readonly FileSystemEntry[]): Promise<Dropped> {
  const found: Dropped = { folders: [], files: [], isCut: false };
  const visit = async (entry: FileSystemEntry, above: string, depth: number): Promise<void> => {
    if (LITTER.has(entry.name)) return;
    if (found.files.length + found.folders.length >= QUEUE_MAX || depth > DEPTH_MAX) {
      found.isCut = true;
      return;
    }
    const path = above + entry.name.normalize("NFC");
    if (entry.isFile) {
      const file = await new Promise<File>((done, failed) => (entry as FileSystemFileEntry).file(done, failed));
      found.files.push({ path, file });
      return;
    }
    found.folders.push(path);
    for (const child of await childrenOf(entry as FileSystemDirectoryEntry)) await visit(child, `${path}/`, depth + 1);
  };
  for (const entry of entries) await visit(entry, "", 0);
  return found;
}

/** A reader gives some at a time, until it gives none. */
async function childrenOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  while (all.length < QUEUE_MAX) {
    const some = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
    if (some.length === 0) break;
    all.push(...some);
  }
  return all;
}

/** Of an input, where a chosen folder tells each file's place in it. */
export function chosenFiles(list: FileList | null): Dropped {
  const folders = new Set<string>();
  const kept = [...(list ?? [])].filter(({ name }) => !LITTER.has(name));
  const files = kept.slice(0, QUEUE_MAX).map((file) => {
    const path = (file.webkitRelativePath || file.name).normalize("NFC");
    const names = path.split("/").slice(0, -1);
    names.forEach((_, index) => folders.add(names.slice(0, index + 1).join("/")));
    return { path, file };
  });
  return { folders: [...folders], files, isCut: kept.length > files.length };
}
