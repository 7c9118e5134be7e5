/**
 * A stream between two boxes that begins with a line of JSON and goes on with bytes: the line is read, and the bytes
 * after it wait for whoever wants them.
 */
import type { Duplex } from "node:stream";

const LINE_FEED = 0x0a;

export interface FirstLine {
  line: string;
  /** Ends the stream when it is not read to its end. */
  rest: AsyncIterable<Uint8Array>;
}

/** Throws when there is none, or when it is longer than `bytesMax`. */
export async function firstLine(stream: Duplex, bytesMax: number): Promise<FirstLine> {
  const iterator = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  const chunks: Buffer[] = [];
  let size = 0;
  for (;;) {
    const next = await iterator.next();
    if (next.done) throw new Error("the stream ended before its first line did");
    const end = next.value.indexOf(LINE_FEED);
    chunks.push(end < 0 ? next.value : next.value.subarray(0, end));
    size += chunks.at(-1)!.length;
    if (size > bytesMax) throw new Error("the first line is too long");
    if (end < 0) continue;
    const after = next.value.subarray(end + 1);
    return { line: Buffer.concat(chunks).toString(), rest: following(after, iterator) };
  }
}

async function* following(first: Buffer, iterator: AsyncIterator<Buffer>): AsyncGenerator<Uint8Array> {
  try {
    if (first.length > 0) yield first;
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
  } finally {
    await iterator.return?.();
  }
}
