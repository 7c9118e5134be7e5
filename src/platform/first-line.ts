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

/** No generator: one that nobody has read from yet would not pass its end on to the stream. */
function following(first: Buffer, iterator: AsyncIterator<Buffer>): AsyncIterable<Uint8Array> {
  let held = first;
  const rest: AsyncIterator<Uint8Array> = {
    async next() {
      if (held.length === 0) return iterator.next();
      const value = held;
      held = held.subarray(held.length);
      return { done: false, value };
    },
    async return() {
      await iterator.return?.();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => rest };
}
