/** An SFTP client for tests, over `ssh2`: its requests as promises, and raw packets where no honest client goes. */
import { once } from "node:events";
import type { Attributes, ClientChannel, SFTPWrapper, Stats } from "ssh2";
import ssh2 from "ssh2";
import { PASSWORD, USERNAME } from "./sftp-box.ts";
import type { SftpBox } from "./sftp-box.ts";

export interface SftpClient extends AsyncDisposable {
  readonly ssh: ssh2.Client;
  readonly raw: SFTPWrapper;
  open(path: string, flags: string): Promise<Buffer>;
  close(handle: Buffer): Promise<void>;
  write(handle: Buffer, at: number, data: Uint8Array): Promise<void>;
  /** Fewer bytes where the file ends. */
  read(handle: Buffer, at: number, length: number): Promise<Buffer>;
  stat(path: string): Promise<Stats>;
  fstat(handle: Buffer): Promise<Stats>;
  /** A request by its name in `ssh2`, that answers with a status. */
  ask(name: Asked, ...rest: unknown[]): Promise<void>;
  list(path: string): Promise<{ name: string; longName: string; attributes: Attributes }[]>;
  put(path: string, data: Uint8Array): Promise<void>;
  get(path: string): Promise<Buffer>;
}

type Asked =
  | ("mkdir" | "rmdir" | "unlink" | "rename" | "setstat" | "fsetstat" | "symlink")
  | ("ext_openssh_rename" | "ext_openssh_fsync");

/** What the server said, `code` as in the protocol. */
export type StatusError = Error & { code: number };

const PIECE_BYTES = 32_768;

export async function connect(box: SftpBox, options: ssh2.ConnectConfig = {}): Promise<ssh2.Client> {
  const ssh = new ssh2.Client();
  const login = { host: "127.0.0.1", port: box.port, username: USERNAME, password: PASSWORD };
  const gone = once(ssh, "close").then(() => Promise.reject(new Error("the server has closed the connection")));
  const ready = Promise.race([once(ssh, "ready"), gone]);
  gone.catch(() => {});
  ssh.connect({ ...login, ...options });
  await ready;
  // Else each small request waits for the kernel.
  ssh.setNoDelay(true);
  ssh.on("error", () => {});
  return ssh;
}

export async function sftpClient(box: SftpBox): Promise<SftpClient> {
  const ssh = await connect(box);
  const raw = await asked<SFTPWrapper>((done) => ssh.sftp(done));
  const client: SftpClient = {
    ssh,
    raw,
    open: (path, flags) => asked((done) => raw.open(path, flags as "r", done)),
    close: (handle) => asked((done) => raw.close(handle, done)),
    write: (handle, at, data) => asked((done) => raw.write(handle, Buffer.from(data), 0, data.length, at, done)),
    read: async (handle, at, length) => {
      const buffer = Buffer.alloc(length);
      const bytes = await asked<number>((done) => raw.read(handle, buffer, 0, length, at, done));
      return buffer.subarray(0, bytes);
    },
    stat: (path) => asked((done) => raw.stat(path, done)),
    fstat: (handle) => asked((done) => raw.fstat(handle, done)),
    ask: (name, ...rest) => asked((done) => (raw[name] as (...all: unknown[]) => void).call(raw, ...rest, done)),
    list: async (path) => {
      const found = await asked<{ filename: string; longname: string; attrs: Attributes }[]>((done) =>
        raw.readdir(path, done),
      );
      return found.map((one) => ({ name: one.filename, longName: one.longname, attributes: one.attrs }));
    },
    put: async (path, data) => {
      const handle = await client.open(path, "w");
      for (let at = 0; at < data.length; at += PIECE_BYTES) {
        await client.write(handle, at, data.subarray(at, at + PIECE_BYTES));
      }
      await client.close(handle);
    },
    get: async (path) => {
      const handle = await client.open(path, "r");
      const { size } = await client.fstat(handle);
      const pieces: Buffer[] = [];
      for (let at = 0; at < size; at += PIECE_BYTES) {
        pieces.push(await client.read(handle, at, Math.min(PIECE_BYTES, size - at)));
      }
      await client.close(handle);
      return Buffer.concat(pieces);
    },
    async [Symbol.asyncDispose]() {
      const closed = once(ssh, "close");
      ssh.end();
      await closed;
    },
  };
  return client;
}

/** The bare channel of the subsystem: what is written goes to the server as it is. */
export async function rawChannel(ssh: ssh2.Client): Promise<ClientChannel> {
  return await asked((done) => ssh.subsys("sftp", done));
}

/** A packet: its type, and what follows. Numbers are 32 bits long, texts have their length in front. */
export function packet(type: number, ...parts: (number | bigint | string | Uint8Array)[]): Buffer {
  const body = Buffer.concat([Buffer.from([type]), ...parts.map(bytesOf)]);
  return Buffer.concat([uint32(body.length), body]);
}

function bytesOf(part: number | bigint | string | Uint8Array): Uint8Array {
  if (typeof part === "number") return uint32(part);
  if (typeof part === "string") return Buffer.concat([uint32(Buffer.byteLength(part)), Buffer.from(part)]);
  if (typeof part !== "bigint") return part;
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(part);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function asked<T>(ask: (done: (error: Error | null | undefined, value?: unknown) => void) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    ask((error, value) => (error ? reject(error) : resolve(value as T)));
  });
}
