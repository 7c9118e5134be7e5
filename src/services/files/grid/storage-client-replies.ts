/** What a storage server's answers mean before their bodies are read: statuses, kinds of content, ranges. */
import type { ByteRange } from "../../../protocols/grid/pieces.ts";
import type { ServerError } from "./server.ts";
import { Unanswered } from "./storage-client-connection.ts";
import { REASON_MAX_CHARS } from "./storage-client-constants.ts";
import type { Reply } from "./storage-client-exchange.ts";
import { Garbled } from "./storage-client-messages.ts";

export const CBOR = "application/cbor";
const OCTETS = "application/octet-stream";

/** `meaning`: what statuses stand for in this operation, besides what they always do. */
export function refusal(reply: Reply, meaning: Readonly<Record<number, ServerError["code"]>>): Unanswered {
  const { status, body } = reply;
  const codes: Readonly<Record<number, ServerError["code"]>> = {
    401: "refused",
    404: "no-such-share",
    408: "timeout",
    409: "conflict",
    507: "no-room",
    ...meaning,
  };
  const isError = status >= 400 && status < 600;
  const code = codes[status] ?? (isError ? "failed" : "garbled");
  const reason = Buffer.from(body.subarray(0, REASON_MAX_CHARS))
    .toString("latin1")
    .replaceAll(/[^ -~]+/g, " ");
  return new Unanswered(code, `it answered ${status} ${reason}`.trim());
}

/** The body, where it says that it is CBOR. */
export function cborOf({ contentType, body }: Reply): Uint8Array {
  if (contentType.split(";")[0]!.trim().toLowerCase() !== CBOR) throw new Garbled("its answer is not CBOR");
  return body;
}

/** The body of a 206, where it is the beginning of the range that was asked for. */
export function rangeOf({ contentType, contentRange, body }: Reply, { at, length }: ByteRange): Uint8Array {
  const [, first, last] = /^bytes (\d{1,15})-(\d{1,15})\/(?:\d{1,15}|\*)$/.exec(contentRange) ?? [];
  const isRight =
    contentType.split(";")[0]!.trim().toLowerCase() === OCTETS &&
    Number(first) === at &&
    Number(last) - at + 1 === body.length &&
    body.length <= length;
  if (!isRight) throw new Garbled("it answered another range than was asked for");
  return body;
}
