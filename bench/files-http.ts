/**
 * The client of `bench:files`, the same for both sides: HTTP/1.1 with kept connections, a whole body in memory, and
 * answers that are compared with what was stored as they come.
 */
import { Agent, request } from "node:http";

/** A frozen server costs Tahoe half a minute; a large folder more. */
const ANSWER_TIMEOUT_MS = 600_000;

/** Where a gateway listens. */
export type Where = { socketPath: string } | { host: string; port: number };

export interface Call {
  body?: Uint8Array | undefined;
  type?: string;
  /** The answer must be exactly this; it is not kept then. */
  expect?: Uint8Array;
}

export class Http {
  readonly #where: Where;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(where: Where) {
    this.#where = where;
  }

  close(): void {
    this.#agent.destroy();
  }

  /** The body of the answer. Throws for a status that is an error, and for another content than expected. */
  ask(method: string, path: string, { body, type, expect }: Call = {}): Promise<Buffer> {
    const headers = {
      ...(body === undefined ? {} : { "content-length": body.length }),
      ...(type === undefined ? {} : { "content-type": type }),
    };
    return new Promise((resolve, reject) => {
      const options = { ...this.#where, method, path, headers, agent: this.#agent, timeout: ANSWER_TIMEOUT_MS };
      const call = request(options, (response) => {
        const kept: Buffer[] = [];
        let bytes = 0;
        let isSame = true;
        const status = response.statusCode ?? 0;
        response.on("data", (chunk: Buffer) => {
          if (expect === undefined || status >= 300) kept.push(chunk);
          else isSame &&= chunk.equals(expect.subarray(bytes, bytes + chunk.length));
          bytes += chunk.length;
        });
        response.once("error", reject);
        response.once("end", () => {
          const all = Buffer.concat(kept);
          const what = `${method} ${path.slice(0, 80)}`;
          if (status >= 300) reject(new Error(`${what} answered ${status}: ${all.toString().slice(0, 500)}`));
          else if (expect && (!isSame || bytes !== expect.length)) reject(new Error(`${what} gave other bytes`));
          else resolve(all);
        });
      });
      call.once("timeout", () => call.destroy(new Error(`${method} ${path} took too long`)));
      call.once("error", reject);
      call.end(body);
    });
  }
}
