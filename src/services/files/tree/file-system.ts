/**
 * The internal file-system interface: one member's files by path, as every front end uses them (pages and commands,
 * WebDAV, SFTP; later FTP, S3 and a mount). Implemented in `member-files.ts` over directories in the grid.
 *
 * A path is its names joined by "/", with one in front: "/", "/Photos/2026". Names are in Unicode's composed form
 * (NFC), 1 to 255 bytes of UTF-8, without "/", without control characters, neither "." nor "..". Whoever takes paths
 * from outside passes them through `pathOf` (paths.ts). All failures are those of `files/errors.ts`.
 */

export interface FileEntry {
  /** "" for the root. */
  name: string;
  path: string;
  kind: "file" | "folder";
  /** 0 for folders. */
  bytes: number;
  /** Wall clock. */
  modifiedMs: number;
  createdMs: number;
  /** Changes whenever the content does; the same content under the same name keeps it. 16 to 64 letters and digits. */
  etag: string;
  /** "text/plain" and the like: what was said when it was stored, or what the name says. */
  mediaType: string;
  canWrite: boolean;
  /** Small texts that a front end keeps with an entry: WebDAV's dead properties, by "{namespace}name". */
  properties: Readonly<Record<string, string>>;
  /** Contents of a file that are kept: the present one and former ones. Absent: not known, or a folder. */
  versions?: number;
}

export interface ReadOptions {
  /** 0 by default. */
  at?: number;
  /** To the end by default. */
  length?: number;
  signal?: AbortSignal;
}

export interface WriteOptions {
  /** `new`: fails with `files-exists`. `replace` (the default): what is there becomes an older version. */
  mode?: "new" | "replace";
  /** Only while the entry has this etag; else `files-changed`. */
  ifEtag?: string;
  mediaType?: string;
  /** Now, by default. */
  modifiedMs?: number;
  signal?: AbortSignal;
}

export interface FileSystem {
  /** Undefined when there is nothing; the failure of another kind is thrown. */
  stat(path: string): Promise<FileEntry | undefined>;
  /** Without order. Fails with `files-not-found`, `files-not-a-folder`. */
  list(path: string): Promise<FileEntry[]>;
  /** The entry as it was opened, and its bytes. Nothing is fetched before the first one is asked for. */
  read(path: string, options?: ReadOptions): Promise<{ entry: FileEntry; content: AsyncIterable<Uint8Array> }>;
  /**
   * Takes the bytes in, stores them in the grid and then puts the entry into its folder: until then nothing is seen of
   * it, and a write that is broken off leaves what was there. The folder must be there.
   */
  write(path: string, content: AsyncIterable<Uint8Array>, options?: WriteOptions): Promise<FileEntry>;
  /** Fails with `files-exists`. The folder above must be there. */
  makeFolder(path: string): Promise<FileEntry>;
  /** `replace`: what is at `to` goes to the trash first; else `files-exists`. */
  move(from: string, to: string, options?: { replace?: boolean }): Promise<FileEntry>;
  /** Folders whole unless `shallow`. Files share their content: nothing is sent again. */
  copy(from: string, to: string, options?: { replace?: boolean; shallow?: boolean }): Promise<FileEntry>;
  /** To the trash. Gives the id by which it comes back; undefined when trash is not kept. */
  remove(path: string): Promise<{ trashId: string | undefined }>;
  /** Changes what is said of an entry; `properties` given as undefined go. */
  change(
    path: string,
    what: { modifiedMs?: number; mediaType?: string; properties?: Readonly<Record<string, string | undefined>> },
  ): Promise<FileEntry>;
  /** Of this member: what may still be stored, and what is. Undefined when it is not known. */
  room(): Promise<{ freeBytes: number; usedBytes: number } | undefined>;
}
