/**
 * Changing the gossip key, and what is told of the keys: who made each, when and why, and how many boxes hold it.
 * Every box says in a tag which key is its newest, so that the progress of a change can be counted without asking.
 */
import type { Json } from "../../protocols/records/canonical-json.ts";
import type { BoxTags } from "./boxes.ts";
import { meshErrors } from "./contract.ts";
import type { KeyOrigin, ListedKey } from "./keyring.ts";
import { readKeyBody } from "./kinds.ts";
import type { Session } from "./session.ts";

/** Characters of a key's check that stand in the tag. */
const TAG_CHECK_LENGTH = 8;

/** What the tag `k` of a box says when this is its newest key. */
export function keyTag(key: Pick<ListedKey, "epoch" | "check"> | undefined): string {
  return key ? `${key.epoch}.${key.check.slice(0, TAG_CHECK_LENGTH)}` : "";
}

/** Announces a new key to all members. `excluded` is the box because of which it is done. */
export function changeKey(session: Session, selfId: string, nowMs: number, excluded?: string): void {
  const body = session.keyring.rotate(nowMs, selfId, excluded);
  session.replica.put("key", "epoch", body as unknown as Json);
}

/** By hand only when the last change is over: boxes try a few keys, so many changes at once would shut some out. */
export function changeKeyByHand(session: Session, selfId: string, nowMs: number): void {
  if (session.keyring.list().length > 1) throw meshErrors.fail("key-change-running");
  changeKey(session, selfId, nowMs);
}

export interface KeyView extends ListedKey {
  /** Boxes whose newest key it is, and all boxes that are here now; this one included. */
  holding: number;
  boxes: number;
}

/** The newest first, with what the records say where the key itself was handed over. */
export function listKeys(session: Session, selfId: string): KeyView[] {
  const tags = new Map<string, number>();
  let boxes = 1;
  for (const { name, status, tags: told } of session.gossip.core.members()) {
    const here = status === "alive" || status === "suspect" || status === "leaving";
    const tag = (told as BoxTags).k;
    if (name === selfId || !here || !session.isMember(name)) continue;
    boxes += 1;
    if (tag) tags.set(tag, (tags.get(tag) ?? 0) + 1);
  }
  return session.keyring.list().map((key, index) => ({
    ...key,
    origin: key.origin ?? recordedOrigin(session, key),
    boxes,
    holding: (tags.get(keyTag(key)) ?? 0) + (index === 0 ? 1 : 0),
  }));
}

function recordedOrigin(session: Session, key: ListedKey): KeyOrigin | undefined {
  for (const record of session.replica.core.list("key")) {
    const body = readKeyBody(record.body);
    if (body?.epoch === key.epoch && body.check === key.check) return { ...body, author: record.author };
  }
  return undefined;
}
