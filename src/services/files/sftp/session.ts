/**
 * One SFTP session: requests of one channel in, answers out, in whatever order they are ready. Bounded in what it works
 * on at once; while that is reached, or the client does not read its answers, no further request is taken.
 *
 *   packets ──► admitted (count, bytes, unread answers) ──► paths: in turn where they touch ──► answer
 *                                                      └──► handles: one at a time on each  ──► answer
 */
import type { Duplex } from "node:stream";
import type { Clock } from "../../../kernel/clock.ts";
import type { Failure } from "../../../kernel/errors.ts";
import type { Log } from "../../../kernel/log.ts";
import type { FileSystem } from "../tree/file-system.ts";
import { pathOf } from "../tree/paths.ts";
import { refuse, statusOf } from "./answers.ts";
import { attributesOf, longName } from "./attributes.ts";
import type { SftpLimits } from "./constants.ts";
import { LISTED_AT_ONCE_MAX, PACKET_MAX_BYTES, PIECE_MAX_BYTES } from "./constants.ts";
import type { Handle, Opened } from "./handles.ts";
import { Handles } from "./handles.ts";
import { OpenWriters } from "./open-writers.ts";
import { packetsOf } from "./packet-stream.ts";
import type { Request } from "./packets.ts";
import {
  attributesPacket,
  dataPacket,
  handlePacket,
  isHello,
  namePacket,
  numbersPacket,
  readRequest,
  STATUS,
  statusPacket,
  versionPacket,
} from "./packets.ts";
import { changeOpen, PathRequests } from "./path-requests.ts";
import { PathTurns } from "./path-turns.ts";
import type { ReadAhead } from "./reading-file.ts";
import type { SpoolRoom } from "./spool.ts";

export interface SessionNeeds {
  files: FileSystem;
  /** The member's name, for listings. */
  owner: string;
  room: SpoolRoom;
  ahead: ReadAhead;
  limits: SftpLimits;
  clock: Clock;
  log: Log;
  explain: (failure: Failure) => string;
  /** Resolves when the client has taken enough of what was sent; false: it is gone. */
  drained: () => Promise<boolean>;
  /** Storing is given up. */
  signal: AbortSignal;
}

type Kind<K extends Request["kind"]> = Extract<Request, { kind: K }>;

export class Session {
  readonly #channel: Duplex;
  readonly #needs: SessionNeeds;
  readonly #handles: Handles;
  readonly #writers = new OpenWriters();
  readonly #turns = new PathTurns();
  readonly #paths: PathRequests;
  #running = 0;
  #runningBytes = 0;
  #wake: (() => void) | undefined;

  constructor(channel: Duplex, needs: SessionNeeds) {
    this.#channel = channel;
    this.#needs = needs;
    this.#handles = new Handles(needs.limits.handlesMax);
    const failed = (error: unknown) => needs.log.warn("a time was not put to a file", { error });
    this.#paths = new PathRequests({ ...needs, writers: this.#writers, failed });
  }

  /** Until the client has gone, or says what cannot be understood; everything it held open is closed then. */
  async run(): Promise<void> {
    let isFirst = true;
    try {
      // The channel stays: whoever opened it says how it ended before it closes.
      for await (const packet of packetsOf(this.#channel.iterator({ destroyOnReturn: false }))) {
        if (isFirst) {
          if (!isHello(packet)) return;
          this.#send(versionPacket());
          isFirst = false;
          continue;
        }
        const request = readRequest(packet);
        if (!request) return;
        // What waits here of a client that is gone is not worked on any more.
        if (!(await this.#admit(request))) return;
        this.#start(request);
      }
    } finally {
      await this.#abandonAll();
    }
  }

  async #admit(request: Request): Promise<boolean> {
    const { limits, drained } = this.#needs;
    const bytes = bytesOf(request);
    while (
      this.#running >= limits.requestsMax ||
      (this.#running > 0 && this.#runningBytes + bytes > limits.requestBytesMax)
    ) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    if (!(await drained())) return false;
    this.#running += 1;
    this.#runningBytes += bytes;
    return true;
  }

  #start(request: Request): void {
    const { explain, log, signal } = this.#needs;
    void this.#answer(request)
      .catch((error: unknown) => {
        const status = statusOf(error, explain);
        if (!status && !signal.aborted) log.error("sftp request", { kind: request.kind, error });
        const { code, message } = status ?? { code: STATUS.failure, message: "The box has failed." };
        return statusPacket(request.id, code, message);
      })
      .then((packet) => {
        this.#send(packet);
        this.#running -= 1;
        this.#runningBytes -= bytesOf(request);
        this.#wake?.();
      });
  }

  #send(packet: Buffer): void {
    if (this.#channel.writable) this.#channel.write(packet);
  }

  /** What must be known before the next request is looked at happens before the first `await`. */
  async #answer(request: Request): Promise<Buffer> {
    switch (request.kind) {
      case "close":
        return await this.#close(request);
      case "read":
      case "write":
      case "fstat":
      case "fsetstat":
      case "readdir":
      case "fsync":
        return await this.#byHandle(request);
      case "fstatvfs":
      case "statvfs":
        return numbersPacket(request.id, await this.#paths.space());
      case "limits": {
        const { handlesMax } = this.#needs.limits;
        return numbersPacket(request.id, [PACKET_MAX_BYTES, PIECE_MAX_BYTES, PIECE_MAX_BYTES, handlesMax]);
      }
      case "unsupported":
        throw refuse.unsupported();
      case "bad":
        throw refuse.badPacket();
      default:
        return await this.#byPath(request);
    }
  }

  #byPath(
    request: Kind<
      | ("lstat" | "stat" | "opendir" | "remove" | "rmdir" | "realpath" | "mkdir")
      | ("open" | "setstat" | "rename" | "posix-rename")
    >,
  ): Promise<Buffer> {
    const { id } = request;
    const path = pathOf(request.path);
    const paths = this.#paths;
    const look = { paths: [path], isChange: false };
    const change = { paths: [path], isChange: true };
    const done = async (doing: Promise<void>) => {
      await doing;
      return okPacket(id);
    };
    switch (request.kind) {
      case "realpath":
        return Promise.resolve(namePacket(id, [{ name: path, longName: path, attributes: {} }]));
      case "stat":
      case "lstat":
        return this.#turns.run(look, async () => attributesPacket(id, attributesOf(await paths.look(path))));
      case "opendir":
        return this.#turns.run({ ...look, isListing: true }, () => this.#open(id, () => paths.openFolder(path)));
      case "open":
        return this.#turns.run(change, () => this.#open(id, () => paths.openFile(path, request.flags)));
      case "mkdir":
        return this.#turns.run(change, () => done(paths.makeFolder(path)));
      case "remove":
        return this.#turns.run(change, () => done(paths.remove(path)));
      case "rmdir":
        return this.#turns.run(change, () => done(paths.removeFolder(path)));
      case "setstat":
        return this.#turns.run(change, () => done(paths.change(path, request.attributes, this.#needs.signal)));
      case "rename":
      case "posix-rename": {
        const to = pathOf(request.to);
        const both = { paths: [path, to], isChange: true };
        return this.#turns.run(both, () => done(paths.rename(path, to, request.kind === "posix-rename")));
      }
    }
  }

  async #open(id: number, open: () => Promise<Opened>): Promise<Buffer> {
    const name = await this.#handles.add(open);
    const handle = this.#handles.get(name)!;
    if (handle.opened.kind === "writing") this.#writers.add(handle.opened.file, handle);
    return handlePacket(id, name);
  }

  async #close({ id, handle: name }: Kind<"close">): Promise<Buffer> {
    const handle = this.#handles.take(name);
    if (!handle) throw refuse.badHandle();
    await this.#closeHandle(handle, (file) => file.close(this.#needs.signal));
    return okPacket(id);
  }

  #closeHandle(handle: Handle, finish: (file: (Opened & { kind: "writing" })["file"]) => Promise<void>): Promise<void> {
    const { opened } = handle;
    const closing = handle.inTurn(async () => {
      if (opened.kind === "writing") await finish(opened.file);
      else if (opened.kind === "reading") opened.file.close();
    });
    if (opened.kind === "writing") this.#writers.closing(opened.file, closing);
    return closing;
  }

  #byHandle(request: Kind<"read" | "write" | "fstat" | "fsetstat" | "readdir" | "fsync">): Promise<Buffer> {
    const handle = this.#handles.get(request.handle);
    if (!handle) throw refuse.badHandle();
    return handle.inTurn(async () => {
      const { opened } = handle;
      if (request.kind === "readdir") return await this.#list(request.id, opened);
      if (opened.kind === "folder") {
        if (request.kind !== "fstat") throw refuse.notOpenSo();
        return attributesPacket(request.id, attributesOf(await this.#paths.look(opened.path)));
      }
      if (request.kind === "read") return await this.#read(request, opened);
      if (request.kind === "fstat") {
        return attributesPacket(
          request.id,
          attributesOf(opened.kind === "writing" ? opened.file.shown() : opened.file.entry),
        );
      }
      if (opened.kind === "reading") return await this.#onReading(request, opened.file.entry.path);
      if (request.kind === "write") {
        if (request.data.length > PIECE_MAX_BYTES) throw refuse.badPacket();
        await opened.file.write(request.offset, request.data);
      } else if (request.kind === "fsync") await opened.file.store(this.#needs.signal);
      else await changeOpen(opened.file, timed(request.attributes));
      return okPacket(request.id);
    });
  }

  /** Time and rights may be set through a handle that only reads; there is nothing to make safe. */
  async #onReading(request: Kind<"write" | "fsetstat" | "fsync">, path: string): Promise<Buffer> {
    if (request.kind === "write") throw refuse.notOpenSo();
    if (request.kind === "fsetstat") {
      if (request.attributes.size !== undefined) throw refuse.notOpenSo();
      await this.#paths.change(path, request.attributes, this.#needs.signal);
    }
    return okPacket(request.id);
  }

  async #read({ id, offset, length }: Kind<"read">, opened: Exclude<Opened, { kind: "folder" }>): Promise<Buffer> {
    if (opened.kind === "writing" && !opened.mayRead) throw refuse.notOpenSo();
    const data = await opened.file.read(offset, Math.min(length, PIECE_MAX_BYTES));
    return data ? dataPacket(id, data) : statusPacket(id, STATUS.eof, "End of file");
  }

  async #list(id: number, opened: Opened): Promise<Buffer> {
    if (opened.kind !== "folder") throw refuse.notOpenSo();
    const portion = opened.rest.splice(0, LISTED_AT_ONCE_MAX);
    if (portion.length === 0) return statusPacket(id, STATUS.eof, "End of folder");
    const nowMs = this.#needs.clock.wallMs();
    const names = portion.map((entry) => ({
      name: entry.name,
      longName: longName(entry.name, entry, this.#needs.owner, nowMs),
      attributes: attributesOf(entry),
    }));
    return namePacket(id, names);
  }

  /** What is being opened at this moment gets its handle first, so this looks again until nothing runs any more. */
  async #abandonAll(): Promise<void> {
    const closing: Promise<void>[] = [];
    for (;;) {
      for (const handle of this.#handles.takeAll()) {
        // Not in its turn: a read that waits for the grid is cut off.
        if (handle.opened.kind === "reading") handle.opened.file.close();
        closing.push(this.#closeHandle(handle, (file) => file.abandon(this.#needs.signal)));
      }
      if (this.#running === 0) break;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    for (const { reason } of (await Promise.allSettled(closing)).filter((one) => one.status === "rejected")) {
      this.#needs.log.info("sftp upload broken off", { error: reason });
    }
  }
}

/** What a request holds while it is worked on. */
function bytesOf(request: Request): number {
  if (request.kind === "write") return request.data.length;
  return request.kind === "read" ? Math.min(request.length, PIECE_MAX_BYTES) : 0;
}

function timed({ size, modifiedS }: { size?: number; modifiedS?: number }) {
  return { size, modifiedMs: modifiedS === undefined ? undefined : modifiedS * 1000 };
}

function okPacket(id: number): Buffer {
  return statusPacket(id, STATUS.ok, "");
}
