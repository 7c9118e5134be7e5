/**
 * A FileSystem in memory, for quick tests of what speaks WebDAV, SFTP and the like: everything that the interface
 * promises, without a grid. What must be shown of the whole is shown on real storage servers.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../src/kernel/clock.ts";
import { nextTurn, systemClock } from "../../src/kernel/clock.ts";
import { filesErrors } from "../../src/services/files/errors.ts";
import type { FileEntry, FileSystem, WriteOptions } from "../../src/services/files/tree/file-system.ts";
import { join, nameOf, namesOf, parentOf, pathOf } from "../../src/services/files/tree/paths.ts";

export interface MemoryFilesOptions {
  clock?: Clock;
  /** `write` fails with `files-no-room` beyond. */
  capacityBytes?: number;
  /** False: every change fails with `files-read-only`. */
  canWrite?: boolean;
  /** What `read` gives at once. */
  pieceBytes?: number;
}

export interface MemoryFiles extends FileSystem {
  /** Everything in the trash, newest last. */
  readonly trash: readonly { id: string; path: string }[];
  /** Pieces that were handed to readers so far: shows that somebody reads no faster than is taken. */
  piecesRead(): number;
}

interface Folder {
  kind: "folder";
  children: Map<string, Node>;
}
interface File {
  kind: "file";
  content: Buffer;
  mediaType: string;
}
type Node = (Folder | File) & {
  etag: string;
  modifiedMs: number;
  createdMs: number;
  properties: Record<string, string>;
};

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  txt: "text/plain",
  html: "text/html",
  jpg: "image/jpeg",
  json: "application/json",
};
const PIECE_BYTES = 65_536;

const failed = filesErrors.fail;

export function memoryFiles(options: MemoryFilesOptions = {}): MemoryFiles {
  return new Memory(options);
}

class Memory implements MemoryFiles {
  readonly trash: { id: string; path: string }[] = [];
  readonly #clock: Clock;
  readonly #capacityBytes: number;
  readonly #canWrite: boolean;
  readonly #pieceBytes: number;
  readonly #root: Node & Folder;
  #usedBytes = 0;
  #pieces = 0;
  #made = 0;

  constructor({ clock = systemClock(), capacityBytes = 2 ** 30, canWrite = true, ...rest }: MemoryFilesOptions) {
    this.#clock = clock;
    this.#capacityBytes = capacityBytes;
    this.#canWrite = canWrite;
    this.#pieceBytes = rest.pieceBytes ?? PIECE_BYTES;
    this.#root = this.#newFolder();
  }

  piecesRead(): number {
    return this.#pieces;
  }

  async stat(path: string): Promise<FileEntry | undefined> {
    const node = this.#at(path);
    return node && this.#entry(pathOf(path), node);
  }

  async list(path: string): Promise<FileEntry[]> {
    const folder = this.#folder(path);
    return [...folder.children].map(([name, node]) => this.#entry(join(pathOf(path), name), node));
  }

  async read(path: string, { at = 0, length = Infinity, signal }: Parameters<FileSystem["read"]>[1] = {}) {
    const node = this.#present(path);
    if (node.kind === "folder") throw failed("files-is-a-folder", { params: { path } });
    const entry = this.#entry(pathOf(path), node);
    return { entry, content: this.#pieceByPiece(node.content.subarray(at, at + length), signal) };
  }

  async *#pieceByPiece(content: Buffer, signal: AbortSignal | undefined): AsyncIterable<Uint8Array> {
    for (let at = 0; at < content.length; at += this.#pieceBytes) {
      signal?.throwIfAborted();
      this.#pieces += 1;
      yield content.subarray(at, at + this.#pieceBytes);
      await nextTurn();
    }
  }

  async write(path: string, content: AsyncIterable<Uint8Array>, options: WriteOptions = {}): Promise<FileEntry> {
    this.#mayWrite(path);
    this.#writable(path, options);
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of content) {
      options.signal?.throwIfAborted();
      bytes += piece.length;
      if (this.#usedBytes + bytes > this.#capacityBytes) throw failed("files-no-room");
      // A stream may use its buffers again.
      pieces.push(Buffer.from(piece));
    }
    // Others may have been here meanwhile.
    const { folder, name, before } = this.#writable(path, options);
    const whole = Buffer.concat(pieces);
    const nowMs = this.#clock.wallMs();
    const node: Node = {
      kind: "file",
      content: whole,
      mediaType: options.mediaType ?? MEDIA_TYPES[name.split(".").at(-1)!] ?? "application/octet-stream",
      etag: createHash("sha256").update(whole).digest("hex").slice(0, 32),
      modifiedMs: options.modifiedMs ?? nowMs,
      createdMs: before?.createdMs ?? nowMs,
      properties: before?.properties ?? {},
    };
    this.#usedBytes += whole.length - (before?.kind === "file" ? before.content.length : 0);
    folder.children.set(name, node);
    return this.#entry(pathOf(path), node);
  }

  #writable(path: string, { mode, ifEtag }: WriteOptions) {
    const { folder, name } = this.#place(path);
    const before = folder.children.get(name);
    if (before?.kind === "folder") throw failed("files-is-a-folder", { params: { path } });
    if (before && mode === "new") throw failed("files-exists", { params: { path } });
    if (ifEtag !== undefined && before?.etag !== ifEtag) throw failed("files-changed", { params: { path } });
    return { folder, name, before };
  }

  async makeFolder(path: string): Promise<FileEntry> {
    this.#mayWrite(path);
    if (this.#at(path)) throw failed("files-exists", { params: { path } });
    const { folder, name } = this.#place(path);
    const node = this.#newFolder();
    folder.children.set(name, node);
    return this.#entry(pathOf(path), node);
  }

  async move(from: string, to: string, options: { replace?: boolean } = {}): Promise<FileEntry> {
    this.#mayWrite(to);
    const node = this.#present(from);
    const source = this.#place(from);
    const target = this.#free(from, to, options);
    source.folder.children.delete(source.name);
    target.folder.children.set(target.name, node);
    return this.#entry(pathOf(to), node);
  }

  async copy(from: string, to: string, options: { replace?: boolean; shallow?: boolean } = {}): Promise<FileEntry> {
    this.#mayWrite(to);
    const node = this.#present(from);
    const target = this.#free(from, to, options);
    const copied = this.#copied(node, options.shallow === true);
    target.folder.children.set(target.name, copied);
    return this.#entry(pathOf(to), copied);
  }

  #copied(node: Node, isShallow: boolean): Node {
    const nowMs = this.#clock.wallMs();
    const properties = { ...node.properties };
    if (node.kind === "file") {
      this.#usedBytes += node.content.length;
      return { ...node, properties, createdMs: nowMs };
    }
    const children = isShallow ? [] : [...node.children].map(([name, child]) => [name, this.#copied(child, false)]);
    return { ...node, etag: this.#newEtag(), properties, createdMs: nowMs, children: new Map(children as []) };
  }

  /** The place for something that comes; what is there goes when it may. */
  #free(from: string, to: string, { replace = false }: { replace?: boolean }) {
    const [source, target] = [pathOf(from), pathOf(to)];
    if (source === target || target.startsWith(source === "/" ? "/" : `${source}/`)) {
      throw failed("files-into-itself");
    }
    const place = this.#place(to);
    if (place.folder.children.has(place.name)) {
      if (!replace) throw failed("files-exists", { params: { path: to } });
      if (source.startsWith(`${target}/`)) throw failed("files-into-itself");
      this.#drop(to);
    }
    return place;
  }

  async remove(path: string): Promise<{ trashId: string | undefined }> {
    this.#mayWrite(path);
    this.#present(path);
    return { trashId: this.#drop(path) };
  }

  #drop(path: string): string {
    const { folder, name } = this.#place(path);
    this.#usedBytes -= sizeOf(folder.children.get(name)!);
    folder.children.delete(name);
    const id = `trash-${(this.#made += 1)}`;
    this.trash.push({ id, path: pathOf(path) });
    return id;
  }

  async change(path: string, what: Parameters<FileSystem["change"]>[1]): Promise<FileEntry> {
    this.#mayWrite(path);
    const node = this.#present(path);
    if (what.modifiedMs !== undefined) node.modifiedMs = what.modifiedMs;
    if (what.mediaType !== undefined && node.kind === "file") node.mediaType = what.mediaType;
    const changed = Object.entries({ ...node.properties, ...what.properties });
    node.properties = Object.fromEntries(changed.filter((one): one is [string, string] => one[1] !== undefined));
    return this.#entry(pathOf(path), node);
  }

  async room() {
    return { freeBytes: this.#capacityBytes - this.#usedBytes, usedBytes: this.#usedBytes };
  }

  #at(path: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const name of namesOf(path)) node = node?.kind === "folder" ? node.children.get(name) : undefined;
    return node;
  }

  #present(path: string): Node {
    const node = this.#at(path);
    if (!node) throw failed("files-not-found", { params: { path } });
    return node;
  }

  #folder(path: string): Node & Folder {
    const node = this.#present(path);
    if (node.kind === "file") throw failed("files-not-a-folder", { params: { path } });
    return node;
  }

  #place(path: string): { folder: Folder; name: string } {
    const full = pathOf(path);
    if (full === "/") throw failed("files-exists", { params: { path } });
    return { folder: this.#folder(parentOf(full)), name: nameOf(full) };
  }

  #mayWrite(path: string): void {
    if (!this.#canWrite) throw failed("files-read-only", { params: { path } });
  }

  #newFolder(): Node & Folder {
    const nowMs = this.#clock.wallMs();
    const times = { modifiedMs: nowMs, createdMs: nowMs };
    return { kind: "folder", children: new Map(), etag: this.#newEtag(), ...times, properties: {} };
  }

  #newEtag(): string {
    return `folder${String((this.#made += 1)).padStart(16, "0")}`;
  }

  #entry(path: string, node: Node): FileEntry {
    return {
      name: path === "/" ? "" : nameOf(path),
      path,
      kind: node.kind,
      bytes: node.kind === "file" ? node.content.length : 0,
      modifiedMs: node.modifiedMs,
      createdMs: node.createdMs,
      etag: node.etag,
      mediaType: node.kind === "file" ? node.mediaType : "",
      canWrite: this.#canWrite,
      properties: node.properties,
    };
  }
}

function sizeOf(node: Node): number {
  if (node.kind === "file") return node.content.length;
  let sum = 0;
  for (const child of node.children.values()) sum += sizeOf(child);
  return sum;
}
