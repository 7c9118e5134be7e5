/** One request as the client of a storage server thinks of it, and the headers that it becomes. */
import type { AnswerMemory } from "./server.ts";
import type { Ask } from "./storage-client-exchange.ts";
import type { Secrets } from "./storage-client-messages.ts";
import { CBOR } from "./storage-client-replies.ts";

export interface Call {
  method: Ask["method"];
  /** Below `/storage/v1/`, or below `/comu/v1/` for what is not in the protocol. */
  path: string;
  isOurs?: boolean;
  headers?: Readonly<Record<string, string>>;
  secrets?: Secrets;
  body?: readonly Uint8Array[];
  /** Share data goes or comes: it may take long, and be much. */
  isData?: boolean;
  signal?: AbortSignal | undefined;
  /** For a large answer. */
  memory?: AnswerMemory | undefined;
}

export function pathOf({ path, isOurs = false }: Call): string {
  return isOurs ? `/comu/v1/${path}` : `/storage/v1/${path}`;
}

export function headersOf({ method, headers, secrets = {}, isData = false }: Call, swissnum: string): Ask["headers"] {
  const lines = Object.entries(secrets).map(([kind, secret]) => `${kind} ${base64(secret)}`);
  return {
    authorization: `Tahoe-LAFS ${base64(Buffer.from(swissnum))}`,
    ...(lines.length > 0 ? { "x-tahoe-authorization": lines } : {}),
    ...(isData && method !== "POST" ? {} : { accept: CBOR }),
    ...(method === "POST" ? { "content-type": CBOR } : {}),
    ...headers,
  };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}
