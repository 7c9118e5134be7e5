/**
 * One file as a file system of its own, for a link to it: "/" is the file, and there is nothing else. Whoever has the
 * link sees no other name of the folder that the file is in.
 */
import { filesErrors } from "../errors.ts";
import type { FileEntry, FileSystem, ReadOptions, WriteOptions } from "./file-system.ts";
import { namesOf } from "./paths.ts";

export class SharedFile implements FileSystem {
  readonly #folder: FileSystem;
  readonly #path: string;

  /** `path`: of the file, in `folder`. */
  constructor(folder: FileSystem, path: string) {
    this.#folder = folder;
    this.#path = path;
  }

  async stat(path: string): Promise<FileEntry | undefined> {
    if (namesOf(path).length > 0) return undefined;
    const entry = await this.#folder.stat(this.#path);
    return entry?.kind === "file" ? { ...entry, path: "/" } : undefined;
  }

  async list(path: string): Promise<FileEntry[]> {
    this.#requireFile(path);
    throw filesErrors.fail("files-not-a-folder", { params: { path: "/" } });
  }

  async read(path: string, options?: ReadOptions): Promise<{ entry: FileEntry; content: AsyncIterable<Uint8Array> }> {
    this.#requireFile(path);
    const { entry, content } = await this.#folder.read(this.#path, options);
    return { entry: { ...entry, path: "/" }, content };
  }

  async write(path: string, content: AsyncIterable<Uint8Array>, options?: WriteOptions): Promise<FileEntry> {
    this.#requireFile(path);
    return { ...(await this.#folder.write(this.#path, content, options)), path: "/" };
  }

  async change(path: string, what: Parameters<FileSystem["change"]>[1]): Promise<FileEntry> {
    this.#requireFile(path);
    return { ...(await this.#folder.change(this.#path, what)), path: "/" };
  }

  makeFolder(): Promise<FileEntry> {
    return Promise.reject(readOnly());
  }

  move(): Promise<FileEntry> {
    return Promise.reject(readOnly());
  }

  copy(): Promise<FileEntry> {
    return Promise.reject(readOnly());
  }

  remove(): Promise<{ trashId: string | undefined }> {
    return Promise.reject(readOnly());
  }

  room(): Promise<{ freeBytes: number; usedBytes: number } | undefined> {
    return this.#folder.room();
  }

  #requireFile(path: string): void {
    if (namesOf(path).length > 0) throw filesErrors.fail("files-not-found", { params: { path } });
  }
}

function readOnly() {
  return filesErrors.fail("files-read-only", { params: { path: "/" } });
}
