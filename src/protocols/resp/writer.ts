/**
 * Writes answers in RESP2 or RESP3 into one buffer, so that the answers of a turn leave in one piece. Large values are
 * not copied: they stand between the pieces as they are.
 */
import { BULK_COPIED_BYTES_MAX, WRITER_BYTES, WRITER_KEPT_BYTES_MAX } from "./constants.ts";
import type { Reply, RespVersion } from "./reply.ts";

const CR = 0x0d;
const LF = 0x0a;
const CODE = { array: "*", set: "~", push: ">", map: "%" } as const;

export class ReplyWriter {
  #bytes = new Uint8Array(WRITER_BYTES);
  #size = 0;
  #pieces: Uint8Array[] = [];
  #piecesBytes = 0;

  /** Bytes written since the last `take`. */
  size(): number {
    return this.#size + this.#piecesBytes;
  }

  /** What was written, in order. The pieces are the taker's; large values among them are those that were given. */
  take(): Uint8Array[] {
    this.#cut();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#piecesBytes = 0;
    if (this.#bytes.length > WRITER_KEPT_BYTES_MAX) this.#bytes = new Uint8Array(WRITER_BYTES);
    return pieces;
  }

  write(reply: Reply, version: RespVersion): void {
    if (reply === null) return this.#text(version === 3 ? "_" : "$-1", "", true);
    switch (typeof reply) {
      case "string":
        return this.#bulkText(reply);
      case "number":
      case "bigint":
        return this.#text(":", String(reply), true);
      case "boolean":
        return this.#text(version === 3 ? "#" : ":", version === 3 ? (reply ? "t" : "f") : reply ? "1" : "0", true);
    }
    if (reply instanceof Uint8Array) return this.#bulk(reply);
    switch (reply.type) {
      case "simple":
        return this.#text("+", oneLine(reply.text), true);
      case "error":
        return this.#text("-", oneLine(reply.text), true);
      case "nullArray":
        return this.#text(version === 3 ? "_" : "*-1", "", true);
      case "double":
        return version === 3 ? this.#text(",", double(reply.value), true) : this.#bulkText(double(reply.value));
      case "bigNumber":
        return version === 3 ? this.#text("(", String(reply.value), true) : this.#bulkText(String(reply.value));
      case "verbatim":
        if (version === 2) return this.#bulkText(reply.text);
        this.#text("=", String(reply.text.length + 4), true);
        this.#text(reply.format.padEnd(3).slice(0, 3), ":", false);
        return this.#text(reply.text, "", true);
      default:
        return this.#items(reply.type, reply.items, version);
    }
  }

  #items(type: keyof typeof CODE, items: readonly Reply[], version: RespVersion): void {
    const code = version === 3 ? CODE[type] : CODE.array;
    this.#text(code, String(code === CODE.map ? items.length / 2 : items.length), true);
    for (const item of items) this.write(item, version);
  }

  #bulkText(text: string): void {
    this.#text("$", String(text.length), true);
    this.#text(text, "", true);
  }

  #bulk(value: Uint8Array): void {
    this.#text("$", String(value.length), true);
    if (value.length >= BULK_COPIED_BYTES_MAX) {
      this.#cut();
      this.#pieces.push(value);
      this.#piecesBytes += value.length;
    } else {
      this.#room(value.length);
      this.#bytes.set(value, this.#size);
      this.#size += value.length;
    }
    this.#text("", "", true);
  }

  #text(code: string, text: string, lineEnd: boolean): void {
    this.#room(code.length + text.length + 2);
    const bytes = this.#bytes;
    let size = this.#size;
    for (let at = 0; at < code.length; at += 1) bytes[size++] = code.charCodeAt(at);
    for (let at = 0; at < text.length; at += 1) bytes[size++] = text.charCodeAt(at);
    if (lineEnd) {
      bytes[size++] = CR;
      bytes[size++] = LF;
    }
    this.#size = size;
  }

  /** Closes the present piece with a copy, so that the buffer is free again. */
  #cut(): void {
    if (this.#size === 0) return;
    this.#pieces.push(this.#bytes.slice(0, this.#size));
    this.#piecesBytes += this.#size;
    this.#size = 0;
  }

  #room(length: number): void {
    if (this.#size + length <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#size + length, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = grown;
  }
}

function oneLine(text: string): string {
  return /[\r\n]/.test(text) ? text.replaceAll(/[\r\n]/g, " ") : text;
}

function double(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return String(value);
}
