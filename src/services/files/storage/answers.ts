/** Answers of the storage server: CBOR with sets as tag 258, share data in a stream, or nothing. */
import type { ServerResponse } from "node:http";
import { Token, Type, encode } from "cborg";
import type { EncodeOptions, TokenOrNestedTokens } from "cborg/interface";
import { written } from "../../../platform/web/written.ts";
import { keepPieceBuffer, takePieceBuffer } from "./piece-buffers.ts";
import { readShare } from "./share-file.ts";
import type { ShareFile } from "./share-file.ts";

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

/** Share data from `begin` to `end` (exclusive); 206 with a range, 200 without. A client that leaves ends it. */
export async function answerShare(
  response: ServerResponse,
  share: ShareFile,
  { begin, end, contentRange }: { begin: number; end: number; contentRange: string | undefined },
): Promise<void> {
  const range = contentRange === undefined ? {} : { "content-range": contentRange };
  const headers = { "content-type": "application/octet-stream", "content-length": end - begin, ...range };
  response.writeHead(contentRange === undefined ? 200 : 206, headers);
  const buffer = takePieceBuffer();
  let isSent = true;
  for (let at = begin; at < end && isSent;) {
    const piece = await readShare(share, buffer, at, end);
    at += piece.length;
    isSent = await written(response, piece);
  }
  // What a broken connection still holds of it may be looked at later.
  if (isSent) keepPieceBuffer(buffer);
  response.end();
}
