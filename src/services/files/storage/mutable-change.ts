/** What a write makes of one mutable share, wherever its container lies. Until then the data is in the body. */
import { MUTABLE_END_MAX_BYTES, PIECE_BYTES } from "./constants.ts";
import { putBytes } from "./container-file.ts";
import type { ContainerFile } from "./container-file.ts";
import type { LeaseRequest } from "./leases.ts";
import { renewMutable, resizeMutable } from "./mutable-container.ts";
import type { MutableContainer } from "./mutable-container.ts";
import { refuse } from "./refusal.ts";
import type { BodyBytes } from "./write-bodies.ts";
import type { ShareWish, Span } from "./write-request.ts";

/** The writes and the new length of one share, and its lease. Not synced. */
export async function changeShare(
  file: ContainerFile,
  before: MutableContainer,
  share: ShareWish,
  lease: LeaseRequest,
  body: BodyBytes,
): Promise<{ container: MutableContainer }> {
  const longest = Math.max(before.dataBytes, ...share.writes.map(endOf));
  let container = longest > before.dataBytes ? await resizeMutable(file, before, longest) : before;
  for (const { offset, data } of share.writes) {
    for (const [done, piece] of pieces(body, data)) await putBytes(file, piece, container.dataAt + offset + done);
  }
  const after = lengthAfter(before.dataBytes, share);
  if (after < container.dataBytes) container = await resizeMutable(file, container, after);
  await renewMutable(file, container, lease);
  return { container };
}

/** The length that the share has after the writes. */
export function lengthAfter(before: number, { writes, newLength }: ShareWish): number {
  const longest = Math.max(before, ...writes.map(endOf));
  return newLength === undefined ? longest : Math.min(longest, newLength);
}

export function endOf({ offset, data }: ShareWish["writes"][number]): number {
  if (offset + data.length > MUTABLE_END_MAX_BYTES) refuse(400, "a write ends too far out");
  // Nothing is written by an empty one, wherever it stands.
  return data.length === 0 ? 0 : offset + data.length;
}

function* pieces(body: BodyBytes, { at, length }: Span): Generator<[number, Uint8Array]> {
  for (let done = 0; done < length; done += PIECE_BYTES) {
    yield [done, body.read(at + done, Math.min(PIECE_BYTES, length - done))];
  }
}
