/** The shares of a new version, made without holding the event loop for long. */
import { nextTurn } from "../../../kernel/clock.ts";
import type { MutableFormat } from "../../../protocols/grid/caps.ts";
import { MdmfEncoder, encodeSdmf } from "../../../protocols/grid/mutable-encoding.ts";
import type { EncodedVersion } from "../../../protocols/grid/mutable-encoding.ts";
import type { MutableKeys } from "../../../protocols/grid/mutable-keys.ts";
import { SALT_BYTES } from "../../../protocols/grid/mutable-layout.ts";
import type { WriteVector } from "../../../protocols/grid/mutable-writes.ts";
import { filesErrors } from "../errors.ts";
import { MUTABLE_CONTENT_MAX_BYTES, SDMF_CONTENT_MAX_BYTES } from "./mutable-constants.ts";
import type { MutableNeeds } from "./mutable-file.ts";

export interface NewVersion {
  keys: MutableKeys;
  format: MutableFormat;
  needed: number;
  total: number;
  sequence: bigint;
  content: Uint8Array;
}

/** Throws `files-too-large`. */
export function checkContent(format: MutableFormat, content: Uint8Array): void {
  const limit = format === "sdmf" ? SDMF_CONTENT_MAX_BYTES : MUTABLE_CONTENT_MAX_BYTES;
  if (content.length > limit) throw filesErrors.fail("files-too-large", { params: { limit } });
}

/** The content must have passed `checkContent`. Of MDMF, too, all that goes into a share is in `writes`. */
export async function encodeVersion(
  { crypto, codeOf, random }: Pick<MutableNeeds, "crypto" | "codeOf" | "random">,
  { keys, format, needed, total, sequence, content }: NewVersion,
): Promise<EncodedVersion> {
  const encoder = { crypto, code: codeOf(needed, total), keys };
  if (format === "sdmf") return encodeSdmf(encoder, { sequence, plaintext: content, salt: random.bytes(SALT_BYTES) });
  const mdmf = new MdmfEncoder(encoder, { sequence, dataLength: content.length });
  const blocks: WriteVector[][] = [];
  for (let index = 0; index < mdmf.segmentCount; index++) {
    const plaintext = content.subarray(index * mdmf.segmentSize, (index + 1) * mdmf.segmentSize);
    blocks.push(mdmf.segment(index, plaintext, random.bytes(SALT_BYTES)));
    await nextTurn();
  }
  const version = mdmf.finish();
  // The blocks first: the header, which makes them a version, is written last.
  return { ...version, writes: version.writes.map((rest, share) => [...blocks.map((all) => all[share]!), ...rest]) };
}
