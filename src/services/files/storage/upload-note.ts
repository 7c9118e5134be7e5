/** The note beside an upload in progress: what a restarted server must know to go on with it. JSON, read with care. */
import { z } from "zod";
import { RangeSet } from "./ranges.ts";
import type { Range } from "./ranges.ts";
import type { Upload } from "./uploads.ts";

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);
const noteShape = z.strictObject({
  bytes: count,
  secret: hash,
  owner: count,
  expiryS: count,
  renewal: hash,
  cancel: hash,
  written: z.array(z.tuple([count, count])),
});

/** `synced`: what of it is on the disk. */
export function uploadNote({ bytes, secret, lease }: Upload, synced: readonly Range[]): string {
  const note: z.infer<typeof noteShape> = {
    bytes,
    secret: hex(secret),
    owner: lease.owner,
    expiryS: lease.expiryS,
    renewal: hex(lease.renewal),
    cancel: hex(lease.cancel),
    written: synced.map(({ begin, end }) => [begin, end]),
  };
  return JSON.stringify(note);
}

/** Undefined for a note that is not whole. */
export function readUploadNote(text: string): Pick<Upload, "bytes" | "secret" | "lease" | "written"> | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  const note = noteShape.safeParse(parsed).data;
  if (!note || note.written.some(([begin, end]) => begin >= end || end > note.bytes)) return undefined;
  return {
    bytes: note.bytes,
    secret: Buffer.from(note.secret, "hex"),
    lease: {
      owner: note.owner,
      expiryS: note.expiryS,
      renewal: Buffer.from(note.renewal, "hex"),
      cancel: Buffer.from(note.cancel, "hex"),
    },
    written: new RangeSet(note.written.map(([begin, end]) => ({ begin, end }))),
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
