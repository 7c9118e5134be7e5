/** Answers of the storage server: CBOR with sets as tag 258, share data in a stream, or nothing. */
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Token, Type, encode } from "cborg";
import type { EncodeOptions, TokenOrNestedTokens } from "cborg/interface";

const SET_TAG = 258;
const OPTIONS: EncodeOptions = {
  typeEncoders: {
    // The library knows sets by their name only.
    Set: (set: Set<number>): TokenOrNestedTokens => [
      new Token(Type.tag, SET_TAG),
      [new Token(Type.array, set.size), ...[...set].map((one) => new Token(Type.uint, one))],
    ],
  },
};

export function answerCbor(response: ServerResponse, status: number, value: unknown): void {
  const body = encode(value, OPTIONS);
  response.writeHead(status, { "content-type": "application/cbor", "content-length": body.length });
  response.end(body);
}

export function answerEmpty(response: ServerResponse, status: number): void {
  response.writeHead(status, status === 204 ? {} : { "content-length": 0 });
  response.end();
}

export function answerText(response: ServerResponse, status: number, text: string): void {
  const body = Buffer.from(`${text}\n`);
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "content-length": body.length });
  response.end(body);
}

/** Share data; 206 with a range, 200 without. */
export async function answerBytes(
  response: ServerResponse,
  { length, contentRange, bytes }: { length: number; contentRange?: string; bytes: AsyncIterable<Uint8Array> },
): Promise<void> {
  const range = contentRange === undefined ? {} : { "content-range": contentRange };
  const headers = { "content-type": "application/octet-stream", "content-length": length, ...range };
  response.writeHead(contentRange === undefined ? 200 : 206, headers);
  await pipeline(Readable.from(bytes, { objectMode: false }), response);
}
