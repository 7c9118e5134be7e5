/**
 * The keys that the browser shows: how one is named in addresses and told to people, and how lines of a watch change
 * the list. Pure.
 */
import type { Output } from "../../../../ui/src/api.ts";
import { shownText } from "../../../kernel/unseen.ts";
import { KEYS_LISTED_MAX } from "./limits.ts";
import { base64urlOf, bytesOf, bytesOfBase64url, hexOf } from "./value.ts";

export type KeyName = Output<"kv.list">["keys"][number];
export type Entry = Output<"kv.entry">;
/** A line of `watch`. "lost": more changed at once than is kept for a slow reader. */
export type Change = (Entry & { event: "set" }) | (KeyName & { event: "removed" }) | { event: "lost" };

/** The bytes of a key as one word for addresses and calls. As text it could look like the name of a file. */
export function keyId({ key, keyEncoding }: KeyName): string {
  return keyEncoding === "text" ? base64urlOf(bytesOf(key)) : key;
}

/** How a call names the key. */
export function keyInput(id: string): KeyName {
  return { key: id, keyEncoding: "base64url" };
}

/** As people read it: marks in the place of what nobody sees, and bytes as hexadecimal digits. */
export function keyShown({ key, keyEncoding }: KeyName): string {
  return keyEncoding === "text" ? shownText(key) : hexOf(bytesOfBase64url(key), " ");
}

export function inOrder(keys: Iterable<KeyName>): KeyName[] {
  return [...new Map(Array.from(keys, (key) => [keyId(key), key])).values()].toSorted((a, b) => {
    const [left, right] = [keyShown(a), keyShown(b)];
    return left < right ? -1 : left > right ? 1 : 0;
  });
}

/** The list after a change; the same list when it says nothing new about which keys there are. */
export function afterChange(keys: readonly KeyName[], change: Change): readonly KeyName[] {
  if (change.event === "lost") return keys;
  const id = keyId(change);
  const isListed = keys.some((key) => keyId(key) === id);
  if (change.event === "removed") return isListed ? keys.filter((key) => keyId(key) !== id) : keys;
  return isListed || keys.length >= KEYS_LISTED_MAX
    ? keys
    : inOrder([...keys, { key: change.key, keyEncoding: change.keyEncoding }]);
}

/** Cuts a stream of text into lines of JSON; what is not whole yet waits. Empty lines keep a connection alive. */
export function lineReader(onLine: (value: unknown) => void): (text: string) => void {
  let rest = "";
  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") onLine(JSON.parse(line));
  };
}
