/**
 * What Serf's own queries carry: one type byte and a MessagePack map, as everywhere.
 *
 *   6 conflict response   a member, or nil when the answerer does not know the name
 *   7 key request         {Key}
 *   8 key response        {Result, Message, Keys, PrimaryKey}; keys in base64
 */
import { WireError } from "../wire/errors.ts";
import { MsgpackReader, expectKeys } from "../wire/msgpack.ts";
import { MsgpackWriter } from "../wire/msgpack-writer.ts";
import { fields } from "./codec.ts";
import { KEYS_HEARD_MAX, KEY_MESSAGE_MAX } from "./constants.ts";
import { SERF } from "./serf.ts";
import type { Tags } from "./tags.ts";
import type { KeyAnswer, MemberStatus } from "./types.ts";

/** Serf's numbers; it has no suspects. */
const STATUS: Record<MemberStatus, number> = { alive: 1, suspect: 1, leaving: 2, left: 3, failed: 4 };
const VERSION_FIELDS = ["ProtocolMin", "ProtocolMax", "ProtocolCur", "DelegateMin", "DelegateMax", "DelegateCur"];

expectKeys(["Key", "Result", "Message", "Keys", "PrimaryKey", "Tags", "Status", ...VERSION_FIELDS]);

/** `secret` is empty when the keys are to be listed. */
export function encodeKeyRequest(secret: Uint8Array): Uint8Array {
  return new MsgpackWriter(64).byte(SERF.keyRequest).map(1).text("Key").raw(secret).finish();
}

/** Throws WireError. */
export function decodeKeyRequest(payload: Uint8Array): Uint8Array {
  let secret: Uint8Array = new Uint8Array(0);
  fields(bodyOf(payload, SERF.keyRequest), (key, r) => {
    if (key === "Key") secret = r.raw();
    else r.skip();
  });
  return secret;
}

export function encodeKeyResponse(answer: KeyAnswer): Uint8Array {
  const { ok, message = "", keys = [], primary = "" } = answer;
  const w = new MsgpackWriter(256).byte(SERF.keyResponse).map(4);
  w.text("Result").bool(ok).text("Message").text(message).text("Keys").array(keys.length);
  for (const key of keys) w.text(key);
  return w.text("PrimaryKey").text(primary).finish();
}

/** Throws WireError. */
export function decodeKeyResponse(payload: Uint8Array): Required<KeyAnswer> {
  const keys: string[] = [];
  const answer: Required<KeyAnswer> = { ok: false, message: "", keys, primary: "" };
  fields(bodyOf(payload, SERF.keyResponse), (key, r) => {
    if (key === "Result") answer.ok = r.bool();
    else if (key === "Message") answer.message = r.text().slice(0, KEY_MESSAGE_MAX);
    else if (key === "PrimaryKey") answer.primary = r.text();
    else if (key === "Keys") {
      const count = r.arrayHeader();
      if (count > KEYS_HEARD_MAX) throw new WireError("too-large", `${count} keys`);
      for (let i = 0; i < count; i++) keys.push(r.text());
    } else r.skip();
  });
  return answer;
}

/** Where the answerer knows the name. */
export interface KnownAt {
  address: Uint8Array;
  port: number;
}

/** What the answerer knows of the name. */
export interface ConflictMember extends KnownAt {
  name: string;
  tags: Tags;
  status: MemberStatus;
  /** The six of memberlist and Serf; missing ones are written as zeros. */
  versions: Uint8Array;
}

/** Undefined: we do not know the name. */
export function encodeConflictResponse(member: ConflictMember | undefined): Uint8Array {
  const w = new MsgpackWriter(512).byte(SERF.conflictResponse);
  if (!member) return w.nil().finish();
  const tags = Object.entries(member.tags);
  w.map(5 + VERSION_FIELDS.length);
  w.text("Name").text(member.name).text("Addr").raw(member.address).text("Port").int(member.port);
  w.text("Tags").map(tags.length);
  for (const [tag, value] of tags) w.text(tag).text(value);
  w.text("Status").int(STATUS[member.status]);
  VERSION_FIELDS.forEach((field, i) => w.text(field).int(member.versions[i] ?? 0));
  return w.finish();
}

/** Of a member that is not known the address is empty. Throws WireError. */
export function decodeConflictResponse(payload: Uint8Array): KnownAt {
  const known: KnownAt = { address: new Uint8Array(0), port: 0 };
  fields(bodyOf(payload, SERF.conflictResponse), (key, r) => {
    if (key === "Addr") known.address = r.raw();
    else if (key === "Port") known.port = r.uint(65_535);
    else r.skip();
  });
  return known;
}

function bodyOf(payload: Uint8Array, type: number): MsgpackReader {
  if (payload[0] !== type) throw new WireError("bad-type", `${payload[0]} where ${type} belongs`);
  return new MsgpackReader(payload, 1);
}
