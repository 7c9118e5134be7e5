/**
 * A Redis client of a few lines, for recording: one request at a time, and never a second try on its own. A library
 * would hide what matters here, whether a request may have reached the store.
 */
import type { Socket } from "node:net";

/** What the server said. Integers are kept as text: they have 64 bits. */
export type RespAnswer =
  | { type: "text"; text: string }
  | { type: "integer"; text: string }
  | { type: "none" }
  | { type: "error"; text: string };

/** No answer came: the connection was lost, the time was over, or what came could not be read. */
export class NoAnswer extends Error {}

interface Waiting {
  resolve(answer: RespAnswer): void;
  reject(cause: Error): void;
}

export class RespConnection {
  readonly #socket: Socket;
  #heard = Buffer.alloc(0);
  #waiting: Waiting | undefined;
  #isOver = false;

  /** `socket` may still be connecting. */
  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#hear(chunk));
    socket.on("error", () => undefined);
    socket.once("close", () => this.#end("the connection was lost"));
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Throws NoAnswer, after which the connection is closed; whether the server has done it is not known then. */
  async ask(words: readonly string[], timeoutMs: number): Promise<RespAnswer> {
    if (this.#waiting) throw new Error("one request at a time");
    if (this.#isOver) throw new NoAnswer("the connection is closed");
    const bulks = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    const timer = setTimeout(() => this.#end(`no answer within ${timeoutMs} ms`), timeoutMs);
    try {
      return await new Promise<RespAnswer>((resolve, reject) => {
        this.#waiting = { resolve, reject };
        this.#socket.write(`*${words.length}\r\n${bulks.join("")}`);
      });
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#end("closed");
  }

  #hear(chunk: Buffer): void {
    this.#heard = Buffer.concat([this.#heard, chunk]);
    const lineEnd = this.#heard.indexOf("\r\n");
    if (lineEnd === -1) return;
    const line = this.#heard.toString("utf8", 1, lineEnd);
    const sign = String.fromCharCode(this.#heard[0]!);
    if (sign === "+") this.#answer({ type: "text", text: line }, lineEnd + 2);
    else if (sign === "-") this.#answer({ type: "error", text: line }, lineEnd + 2);
    else if (sign === ":") this.#answer({ type: "integer", text: line }, lineEnd + 2);
    else if (sign === "$" && line === "-1") this.#answer({ type: "none" }, lineEnd + 2);
    else if (sign === "$" && /^\d+$/.test(line)) this.#bulk(lineEnd + 2, Number(line));
    else this.#end(`an answer that cannot be read: ${JSON.stringify(sign + line)}`);
  }

  #bulk(from: number, bytes: number): void {
    if (this.#heard.length < from + bytes + 2) return;
    const text = this.#heard.toString("utf8", from, from + bytes);
    this.#answer({ type: "text", text }, from + bytes + 2);
  }

  #answer(answer: RespAnswer, bytes: number): void {
    const waiting = this.#waiting;
    // More than was asked for: whom an answer belongs to would be a guess from now on.
    if (!waiting || this.#heard.length > bytes) return this.#end("an answer that was not asked for");
    this.#heard = Buffer.alloc(0);
    this.#waiting = undefined;
    waiting.resolve(answer);
  }

  #end(why: string): void {
    this.#isOver = true;
    this.#socket.destroy();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(new NoAnswer(why));
  }
}
