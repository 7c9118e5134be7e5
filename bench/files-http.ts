/**
 * The client of `bench:files`, the same for both sides: HTTP/1.1 with kept connections and a whole body in memory.
 * Large answers are compared with what was stored as they come, by a reader that takes little of the processors that it
 * shares with what is measured.
 */
import { Agent, request } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";

/** A frozen server costs Tahoe half a minute; a large folder more. */
const ANSWER_TIMEOUT_MS = 600_000;

/** Where a gateway listens. */
export type Where = { socketPath: string } | { host: string; port: number };

export interface Call {
  body?: Uint8Array | undefined;
  type?: string;
}

const READ_BYTES = 512 * 1024;
const HEAD_END = "\r\n\r\n";

export class Http {
  readonly #where: Where;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(where: Where) {
    this.#where = where;
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Throws unless the answer is exactly this, with its length said in the head. A connection of its own. */
  compare(path: string, expect: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      let head = "";
      let at = -1;
      const take = (bytes: Uint8Array): void => {
        if (at < 0) {
          head += Buffer.from(bytes).toString("latin1");
          const end = head.indexOf(HEAD_END);
          if (end < 0) return;
          const said = new RegExp(`^HTTP/1.1 200 [^]*\r\ncontent-length: ${expect.length}\r\n`, "i");
          if (!said.test(head.slice(0, end + 2))) return fail(new Error(`${path}: ${head.slice(0, end)}`));
          at = 0;
          return take(Buffer.from(head.slice(end + HEAD_END.length), "latin1"));
        }
        if (Buffer.compare(bytes, expect.subarray(at, at + bytes.length)) !== 0) {
          return fail(new Error(`${path} gave other bytes`));
        }
        at += bytes.length;
        if (at === expect.length) socket.destroy();
      };
      const onread = {
        buffer: Buffer.allocUnsafeSlow(READ_BYTES),
        callback: (bytes: number, buffer: Uint8Array): boolean => {
          take(buffer.subarray(0, bytes));
          return true;
        },
      };
      const where = "socketPath" in this.#where ? { path: this.#where.socketPath } : this.#where;
      const socket: Socket = connect({ ...where, onread });
      const fail = (error: Error): void => void socket.destroy(error);
      socket.setTimeout(ANSWER_TIMEOUT_MS, () => fail(new Error(`GET ${path} took too long`)));
      socket.once("error", reject);
      socket.once("close", () => (at === expect.length ? resolve() : reject(new Error(`${path} broke off at ${at}`))));
      socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
    });
  }

  /** The body of the answer. Throws for a status that is an error. */
  ask(method: string, path: string, { body, type }: Call = {}): Promise<Buffer> {
    const headers = {
      ...(body === undefined ? {} : { "content-length": body.length }),
      ...(type === undefined ? {} : { "content-type": type }),
    };
    return new Promise((resolve, reject) => {
      const options = { ...this.#where, method, path, headers, agent: this.#agent, timeout: ANSWER_TIMEOUT_MS };
      const call = request(options, (response) => {
        const kept: Buffer[] = [];
        const status = response.statusCode ?? 0;
        response.on("data", (chunk: Buffer) => kept.push(chunk));
        response.once("error", reject);
        response.once("end", () => {
          const all = Buffer.concat(kept);
          const what = `${method} ${path.slice(0, 80)}`;
          if (status >= 300) reject(new Error(`${what} answered ${status}: ${all.toString().slice(0, 500)}`));
          else resolve(all);
        });
      });
      call.once("timeout", () => call.destroy(new Error(`${method} ${path} took too long`)));
      call.once("error", reject);
      call.end(body);
    });
  }
}
