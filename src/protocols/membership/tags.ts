/**
 * Tags: the small facts that a member tells about itself (name to value), carried as node meta in every alive
 * message. Serf's form: one byte 255, then a MessagePack map. Meta without that byte is the old `role` tag.
 */
import { WireError } from "../wire/errors.ts";
import { MsgpackReader } from "../wire/msgpack.ts";
import { MsgpackWriter } from "../wire/msgpack-writer.ts";
import { fromUtf8 } from "../wire/utf8.ts";
import { META_BYTES_MAX, TAGS_MAX } from "./constants.ts";
import { MembershipError } from "./errors.ts";

export type Tags = Readonly<Record<string, string>>;

const TAGS_MAGIC = 255;

/** Throws MembershipError "tags-too-large" beyond 512 bytes or 64 tags. */
export function encodeTags(tags: Tags): Uint8Array {
  const entries = Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1));
  const w = new MsgpackWriter(META_BYTES_MAX).byte(TAGS_MAGIC).map(entries.length);
  for (const [key, value] of entries) w.text(key).text(value);
  if (w.size > META_BYTES_MAX || entries.length > TAGS_MAX) {
    throw new MembershipError("tags-too-large", `${w.size} bytes of ${META_BYTES_MAX}, ${entries.length} tags`);
  }
  return w.finish();
}

/** Throws WireError on garbage. The record has no prototype, so that a tag may have any name. */
export function decodeTags(meta: Uint8Array): Tags {
  const tags: Record<string, string> = Object.create(null);
  if (meta.length === 0) return tags;
  if (meta[0] !== TAGS_MAGIC) {
    tags.role = fromUtf8(meta);
    return tags;
  }
  const reader = new MsgpackReader(meta, 1);
  const count = reader.mapHeader();
  if (count > TAGS_MAX) throw new WireError("too-large", `${count} tags`);
  for (let i = 0; i < count; i++) {
    const key = reader.text();
    tags[key] = reader.text();
  }
  return tags;
}
