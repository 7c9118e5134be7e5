/**
 * Files inside a container, running or not. The engine speaks of them in headers: `X-LXD-…`, in Incus `X-Incus-…`;
 * both are sent, and either is read.
 */
import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import { z } from "zod";
import { isFailure } from "../../kernel/errors.ts";
import { checked, collect } from "./answers.ts";
import { ENGINE_ANSWER_BYTES_MAX, FILE_BYTES_MAX } from "./constants.ts";
import { fail } from "./errors.ts";
import type { About } from "./errors.ts";
import { insidePath, instanceName } from "./names.ts";
import type { Transport } from "./transport.ts";

export interface InsideFile {
  type: "file" | "folder" | "link";
  /** Permission bits. */
  mode: number;
  /** Numbers inside the container. */
  user: number;
  group: number;
}

export interface WriteOptions {
  mode?: number;
  user?: number;
  group?: number;
  signal?: AbortSignal;
}

export interface InsideFiles {
  /**
   * A file's bytes, streaming: read or destroy them. Of a folder its names, of a link where it leads. A stream that
   * breaks throws `engine-interrupted`.
   */
  open(
    name: string,
    path: string,
    signal?: AbortSignal,
  ): Promise<InsideFile & { content: Readable | string[] | string }>;
  /** A whole file, by default up to 64 MB: `engine-answer-too-large`. */
  read(name: string, path: string, bytesMax?: number): Promise<Buffer>;
  /** Makes or replaces a file. Its folder must be there. Broken off in the midst it may be left half written. */
  write(name: string, path: string, content: Readable | Uint8Array, options?: WriteOptions): Promise<void>;
  makeFolder(name: string, path: string, options?: WriteOptions): Promise<void>;
  /** A file, a link or an empty folder. */
  remove(name: string, path: string): Promise<void>;
}

const FOLDER_MODE = 0o755;
const FILE_MODE = 0o644;
const TYPES: Readonly<Record<string, InsideFile["type"]>> = { file: "file", directory: "folder", symlink: "link" };
const LINK_BYTES_MAX = 4096;
const folderShape = z.object({ metadata: z.array(z.string()).nullish() });

export function insideFiles(transport: Transport): InsideFiles {
  const about = (name: string, path: string): About => ({ kind: "file", name: path, instance: name });
  const at = (name: string, path: string) => ({
    path: `/instances/${instanceName(name)}/files`,
    // Only to be refused here if it is no path; the transport encodes it.
    query: { path: decodeURIComponent(insidePath(path)) },
    about: about(name, path),
  });
  const broken = (cause: unknown) => fail("engine-interrupted", { cause });

  const open: InsideFiles["open"] = async (name, path, signal) => {
    const { headers, body } = await transport.stream({ ...at(name, path), signal });
    const said = factsOf(headers);
    const abort = () => body.destroy(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    body.once("close", () => signal?.removeEventListener("abort", abort));
    if (said.type === "file") return { ...said, content: Readable.from(bytesOf(body, broken), { objectMode: false }) };
    if (said.type === "link") return { ...said, content: (await collect(body, LINK_BYTES_MAX, broken)).toString() };
    const text = (await collect(body, ENGINE_ANSWER_BYTES_MAX, broken)).toString("utf8");
    return { ...said, content: namesOf(text) };
  };

  const post = async (name: string, path: string, kind: string, options: WriteOptions, body: Readable | Uint8Array) => {
    const mode = options.mode ?? (kind === "directory" ? FOLDER_MODE : FILE_MODE);
    const facts = {
      ...{ type: kind, mode: mode.toString(8).padStart(4, "0"), write: "overwrite" },
      ...{ uid: String(options.user ?? 0), gid: String(options.group ?? 0) },
    };
    const pairs = Object.entries(facts).flatMap(([key, value]) => [
      [`X-LXD-${key}`, value],
      [`X-Incus-${key}`, value],
    ]);
    const headers = { "Content-Type": "application/octet-stream", ...Object.fromEntries(pairs) };
    await transport.ask({ ...at(name, path), method: "POST", headers, body, signal: options.signal });
  };

  return {
    open,
    async read(name, path, bytesMax = FILE_BYTES_MAX) {
      const { content } = await open(name, path);
      if (!(content instanceof Readable)) throw fail("engine-bad-request", { params: { said: `${path} is no file` } });
      return collect(content, bytesMax, broken);
    },
    write: (name, path, content, options = {}) => post(name, path, "file", options, content),
    makeFolder: (name, path, options = {}) => post(name, path, "directory", options, new Uint8Array()),
    async remove(name, path) {
      await transport.ask({ ...at(name, path), method: "DELETE" });
    },
  };
}

async function* bytesOf(body: Readable, asFailure: (error: unknown) => unknown): AsyncGenerator<Buffer> {
  try {
    yield* body as AsyncIterable<Buffer>;
  } catch (error) {
    throw isFailure(error) ? error : asFailure(error);
  }
}

function factsOf(headers: IncomingHttpHeaders): InsideFile {
  const header = (key: string) => String(headers[`x-incus-${key}`] ?? headers[`x-lxd-${key}`] ?? "");
  const type = TYPES[header("type")];
  const [mode, user, group] = [parseInt(header("mode"), 8), Number(header("uid")), Number(header("gid"))];
  if (type === undefined || ![mode, user, group].every(Number.isSafeInteger)) {
    throw fail("engine-garbled", { params: { what: "a file" } });
  }
  return { type, mode: mode & 0o7777, user, group };
}

function namesOf(text: string): string[] {
  try {
    return checked(folderShape, JSON.parse(text), "a folder").metadata ?? [];
  } catch (error) {
    throw isFailure(error) ? error : fail("engine-garbled", { params: { what: "a folder" }, cause: error });
  }
}
