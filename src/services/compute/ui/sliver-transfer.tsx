/** Files between the page and a sliver: sent piece by piece, fetched as they come, with progress and an end at will. */
import { call, openStream, send } from "../../../../ui/src/client.ts";

/** As large as the box takes it in one request. */
const PIECE_BYTES = 4 * 2 ** 20;
/** The page keeps a file in memory until it is whole; larger ones are for the command line. */
export const FETCHED_BYTES_MAX = 512 * 2 ** 20;
const UPLOAD_ID_BYTES = 16;

interface Transfer {
  place: string;
  path: string;
  signal: AbortSignal;
  /** Bytes that have moved. */
  on: (bytes: number) => void;
}

export async function putFile({ place, path, file, signal, on }: Transfer & { file: File }): Promise<void> {
  const upload = uploadId();
  const where = { sliver: place, path, upload };
  try {
    for (let offset = 0; ; offset += PIECE_BYTES) {
      const piece = file.slice(offset, offset + PIECE_BYTES);
      const isLast = offset + PIECE_BYTES >= file.size;
      const onSent = (bytes: number) => on(offset + bytes);
      await send("compute.putSliverFile", { ...where, offset, isLast: String(isLast) }, piece, { signal, onSent });
      if (isLast) return;
    }
  } catch (error) {
    // What came of it takes room in there. If it cannot be taken away, the first error says more.
    await call("compute.cancelSliverFile", where).catch(() => {});
    throw error;
  }
}

export async function fetchFile({ place, path, signal, on }: Transfer): Promise<void> {
  const pieces: BlobPart[] = [];
  let size = 0;
  const reader = (await openStream("compute.sliverFile", { sliver: place, path }, signal)).getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    size += next.value.length;
    if (size > FETCHED_BYTES_MAX) throw new Error("the file grew beyond what the page keeps");
    pieces.push(next.value as Uint8Array<ArrayBuffer>);
    on(size);
  }
  const url = URL.createObjectURL(new Blob(pieces, { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = path.slice(path.lastIndexOf("/") + 1);
  link.click();
  URL.revokeObjectURL(url);
}

/** The page may be plain HTTP, where a browser makes no UUIDs. */
function uploadId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(UPLOAD_ID_BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function joined(folder: string, name: string): string {
  return folder.endsWith("/") ? `${folder}${name}` : `${folder}/${name}`;
}

export function parentOf(path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  return trimmed.slice(0, trimmed.lastIndexOf("/")) || "/";
}
