/**
 * A client of SFTP version 3 (draft-ietf-secsh-filexfer-02), as much of it as reading and writing files takes: one
 * session on a connection, requests side by side, answers by their numbers. It keeps nothing: whoever asks waits for
 * each answer, so what is under way is bounded by how much was asked for at once.
 */
import type { Socket } from "node:net";
import { SFTP_PACKET_BYTES_MAX } from "./constants.ts";
import { asEngineFailure, fail } from "./errors.ts";
import type { About } from "./errors.ts";

const VERSION = 3;
const ASK = {
  ...{ init: 1, open: 3, close: 4, read: 5, write: 6, lstat: 7, opendir: 11, readdir: 12, remove: 13 },
  ...{ stat: 17, extended: 200 },
} as const;
const SAID = { version: 2, status: 101, handle: 102, data: 103, name: 104, attributes: 105 } as const;
const STATUS = { ok: 0, end: 1, missing: 2, denied: 3 } as const;
export const OPEN = { read: 1, write: 2, create: 8 } as const;
const HAS = { size: 1, owner: 2, mode: 4, times: 8, extended: 0x80000000 } as const;
const KIND_BITS = 0o170000;
const KINDS: Readonly<Record<number, SftpKind>> = { 0o100000: "file", 0o040000: "folder", 0o120000: "link" };

export type SftpKind = "file" | "folder" | "link" | "other";

export interface SftpFacts {
  kind: SftpKind;
  bytes: number;
  /** Permission bits. */
  mode: number;
  modifiedS: number;
}

export interface SftpEntry extends SftpFacts {
  name: string;
}

interface Waiting {
  resolve: (answer: Answer) => void;
  reject: (error: unknown) => void;
}

/** An answer, or what a file's status says. */
interface Answer {
  type: number;
  body: Buffer;
}

export interface SftpSession {
  /** Of what a link leads to, or of the link itself. */
  facts(path: string, ofLink?: boolean): Promise<SftpFacts>;
  open(path: string, flags: number): Promise<Buffer>;
  openFolder(path: string): Promise<Buffer>;
  /** Some entries, without "." and ".."; undefined after the last. */
  nextEntries(handle: Buffer): Promise<SftpEntry[] | undefined>;
  /** At most so many bytes; none at the end of the file. */
  read(handle: Buffer, at: number, length: number): Promise<Buffer>;
  write(handle: Buffer, at: number, bytes: Uint8Array): Promise<void>;
  close(handle: Buffer): Promise<void>;
  remove(path: string): Promise<void>;
  /** Over whatever is there. */
  rename(from: string, to: string): Promise<void>;
  end(): void;
}

/**
 * Says hello. Every call throws the engine's failures: `engine-has-no` for a file that is not there, `engine-full`,
 * `engine-failed`, `engine-interrupted` when the connection breaks, `engine-garbled` when what comes is no SFTP.
 */
export async function sftpSession(socket: Socket, head: Buffer, about: About): Promise<SftpSession> {
  const line = openSftpLine(socket, head);
  const version = await line.ask(ASK.init, uint32(VERSION));
  if (version.type !== SAID.version) throw line.garbled();
  const about_ = (path: string): About => ({ ...about, name: path });
  const said = async (type: number, wanted: number, path: string, ...parts: Uint8Array[]): Promise<Buffer> => {
    const answer = await line.ask(type, ...parts);
    if (answer.type === wanted) return answer.body;
    throw answer.type === SAID.status ? failureOf(answer.body, about_(path)) : line.garbled();
  };
  const done = async (type: number, path: string, ...parts: Uint8Array[]): Promise<void> => {
    const body = await said(type, SAID.status, path, ...parts);
    if (body.readUInt32BE(0) !== STATUS.ok) throw failureOf(body, about_(path));
  };
  return {
    async facts(path, ofLink = false) {
      const body = await said(ofLink ? ASK.lstat : ASK.stat, SAID.attributes, path, text(path));
      return line.reading(() => factsIn(new Cursor(body)));
    },
    async open(path, flags) {
      const body = await said(ASK.open, SAID.handle, path, text(path), uint32(flags), uint32(0));
      return line.reading(() => new Cursor(body).bytes());
    },
    async openFolder(path) {
      const body = await said(ASK.opendir, SAID.handle, path, text(path));
      return line.reading(() => new Cursor(body).bytes());
    },
    async nextEntries(handle) {
      const answer = await line.ask(ASK.readdir, sized(handle));
      if (answer.type === SAID.name) return line.reading(() => entriesIn(answer.body));
      if (answer.type !== SAID.status) throw line.garbled();
      if (answer.body.readUInt32BE(0) === STATUS.end) return undefined;
      throw failureOf(answer.body, about);
    },
    async read(handle, at, length) {
      const answer = await line.ask(ASK.read, sized(handle), uint64(at), uint32(length));
      if (answer.type === SAID.data) return line.reading(() => new Cursor(answer.body).bytes());
      if (answer.type !== SAID.status) throw line.garbled();
      if (answer.body.readUInt32BE(0) === STATUS.end) return Buffer.alloc(0);
      throw failureOf(answer.body, about);
    },
    write: (handle, at, bytes) => done(ASK.write, about.name, sized(handle), uint64(at), sized(bytes)),
    close: (handle) => done(ASK.close, about.name, sized(handle)),
    remove: (path) => done(ASK.remove, path, text(path)),
    rename: (from, to) => done(ASK.extended, from, text("posix-rename@openssh.com"), text(from), text(to)),
    end: () => socket.destroy(),
  };
}

/** Packets on a connection: asked with a number, answered in any order. */
function openSftpLine(socket: Socket, head: Buffer) {
  const waiting = new Map<number, Waiting>();
  const garbled = () => fail("engine-garbled", { params: { what: "files" } });
  let held: Buffer = Buffer.alloc(0);
  let last = 0;
  let broken: unknown;
  const end = (why: unknown) => {
    broken ??= why;
    for (const one of waiting.values()) one.reject(broken);
    waiting.clear();
    socket.destroy();
  };
  const hear = (packet: Buffer) => {
    const type = packet[0]!;
    // The hello has no number; it answers the first question.
    const number = type === SAID.version ? 0 : packet.length >= 5 ? packet.readUInt32BE(1) : -1;
    const one = waiting.get(number);
    if (!one) return end(garbled());
    waiting.delete(number);
    one.resolve({ type, body: packet.subarray(type === SAID.version ? 1 : 5) });
  };
  const read = (chunk: Buffer) => {
    held = held.length > 0 ? Buffer.concat([held, chunk]) : chunk;
    while (held.length >= 4 && broken === undefined) {
      const length = held.readUInt32BE(0);
      if (length === 0 || length > SFTP_PACKET_BYTES_MAX) return end(garbled());
      if (held.length < 4 + length) return;
      const packet = held.subarray(4, 4 + length);
      held = held.subarray(4 + length);
      hear(packet);
    }
  };
  const interrupted = (cause?: unknown) => end(fail("engine-interrupted", { cause }));
  socket.on("data", read);
  socket.on("error", interrupted);
  socket.on("close", () => interrupted());
  if (head.length > 0) read(head);
  return {
    garbled: () => {
      end(garbled());
      return broken;
    },
    /** What cannot be read ends the session. */
    reading<T>(take: () => T): T {
      try {
        return take();
      } catch (cause) {
        end(fail("engine-garbled", { params: { what: "files" }, cause }));
        throw broken;
      }
    },
    ask(type: number, ...parts: Uint8Array[]): Promise<Answer> {
      if (broken !== undefined) return Promise.reject(broken);
      const isHello = type === ASK.init;
      const number = isHello ? 0 : (last += 1);
      const body = isHello ? parts : [uint32(number), ...parts];
      const length = body.reduce((sum, part) => sum + part.length, 1);
      const answer = new Promise<Answer>((resolve, reject) => waiting.set(number, { resolve, reject }));
      socket.cork();
      socket.write(Buffer.concat([uint32(length), Buffer.from([type]), ...body]));
      socket.uncork();
      return answer;
    },
  };
}

function failureOf(body: Buffer, about: About): unknown {
  const cursor = new Cursor(body);
  try {
    const status = cursor.uint32();
    const said = cursor.bytes().toString("utf8");
    if (status === STATUS.missing) return fail("engine-has-no", { params: { kind: "file", name: about.name } });
    if (status === STATUS.denied) return fail("engine-bad-request", { params: { said: said || "not allowed" } });
    return asEngineFailure(400, said, about);
  } catch (cause) {
    return fail("engine-garbled", { params: { what: "files" }, cause });
  }
}

function entriesIn(body: Buffer): SftpEntry[] {
  const cursor = new Cursor(body);
  const entries: SftpEntry[] = [];
  for (let left = cursor.uint32(); left > 0; left -= 1) {
    const name = cursor.bytes().toString("utf8");
    // As `ls -l` would write it: only the name and the attributes count.
    cursor.bytes();
    const facts = factsIn(cursor);
    if (name !== "." && name !== "..") entries.push({ name, ...facts });
  }
  return entries;
}

function factsIn(cursor: Cursor): SftpFacts {
  const has = cursor.uint32();
  const bytes = has & HAS.size ? cursor.uint64() : 0;
  if (has & HAS.owner) cursor.skip(8);
  const mode = has & HAS.mode ? cursor.uint32() : 0;
  let modifiedS = 0;
  if (has & HAS.times) {
    cursor.skip(4);
    modifiedS = cursor.uint32();
  }
  // Pairs of a name and a value.
  if (has & HAS.extended) for (let left = 2 * cursor.uint32(); left > 0; left -= 1) cursor.bytes();
  return { kind: KINDS[mode & KIND_BITS] ?? "other", bytes, mode: mode & 0o7777, modifiedS };
}

/** Throws a RangeError beyond the end. */
class Cursor {
  readonly #body: Buffer;
  #at = 0;

  constructor(body: Buffer) {
    this.#body = body;
  }

  uint32(): number {
    this.#at += 4;
    return this.#body.readUInt32BE(this.#at - 4);
  }

  uint64(): number {
    this.#at += 8;
    return Number(this.#body.readBigUInt64BE(this.#at - 8));
  }

  bytes(): Buffer {
    const length = this.uint32();
    this.skip(length);
    return this.#body.subarray(this.#at - length, this.#at);
  }

  skip(length: number): void {
    if (this.#at + length > this.#body.length) throw new RangeError("a packet that ends too early");
    this.#at += length;
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

const sized = (bytes: Uint8Array): Buffer => Buffer.concat([uint32(bytes.length), bytes]);
const text = (value: string): Buffer => sized(Buffer.from(value));
