/**
 * A file as an HTTP answer: whole or a range of it, shown only where no browser runs it, else offered for saving.
 */
import type { BytesAnswer } from "../../kernel/contract.ts";
import { rangeOf } from "./byte-range.ts";
import type { FileEntry } from "./tree/file-system.ts";

export interface OpenedFile {
  entry: Pick<FileEntry, "name" | "bytes" | "mediaType" | "etag">;
  read: (at: number, length: number) => Promise<AsyncIterable<Uint8Array>>;
}

/** Media that a browser shows without running anything of them. */
const SHOWN = /^(?:image\/(?!svg)[\w.+-]+|audio\/[\w.+-]+|video\/[\w.+-]+|text\/plain|application\/pdf)$/;

export async function contentAnswer(
  { entry, read }: OpenedFile,
  range: string | undefined,
  isDownload: boolean,
): Promise<BytesAnswer> {
  const { bytes, mediaType, name, etag } = entry;
  const isShown = !isDownload && SHOWN.test(mediaType);
  const headers = {
    "accept-ranges": "bytes",
    etag: `"${etag}"`,
    "content-disposition": isShown ? `inline; filename*=UTF-8''${encoded(name)}` : savedAs(name),
  };
  // What would run in a browser is told as bytes, even when somebody opens the address by itself.
  const type = isShown ? (mediaType === "text/plain" ? "text/plain; charset=utf-8" : mediaType) : undefined;
  const wanted = rangeOf(range, bytes);
  if (wanted === "none") {
    return { status: 416, body: new Uint8Array(), headers: { ...headers, "content-range": `bytes */${bytes}` } };
  }
  const { at, length } = wanted ?? { at: 0, length: bytes };
  const part = wanted
    ? { status: 206 as const, headers: { ...headers, "content-range": `bytes ${at}-${at + length - 1}/${bytes}` } }
    : { headers };
  return { ...part, body: await begun(await read(at, length)), length, ...(type === undefined ? {} : { type }) };
}

/** With its first piece there: what fails before it is told as an error, and not by an answer that breaks off. */
export async function begun(content: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const iterator = content[Symbol.asyncIterator]();
  let first: IteratorResult<Uint8Array> | undefined = await iterator.next();
  const rest: AsyncIterator<Uint8Array> = {
    async next() {
      const now = first ?? (await iterator.next());
      first = undefined;
      return now;
    },
    // A generator in this place that nobody has read from yet would not pass its end on.
    async return() {
      first = undefined;
      await iterator.return?.();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => rest };
}

/** The value of `content-disposition` for what is to be saved under this name. */
export function savedAs(name: string): string {
  return `attachment; filename*=UTF-8''${encoded(name)}`;
}

/** RFC 8187: what `encodeURIComponent` leaves and this header does not take. */
function encoded(name: string): string {
  return encodeURIComponent(name.toWellFormed()).replaceAll(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
}
