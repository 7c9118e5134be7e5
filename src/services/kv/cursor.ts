/** Where a listing goes on, as a text that callers keep and give back. */
import { fail } from "../../kernel/errors.ts";
import { KEY_BYTES_MAX, SLOTS } from "../../protocols/kv/constants.ts";
import type { ListCursor } from "../../protocols/kv/events.ts";

export function cursorText(cursor: ListCursor | undefined): string | undefined {
  return cursor && `${cursor.slot}:${cursor.after ?? ""}`;
}

/** What a caller gives back may be anything. Throws `bad-input`. */
export function readCursor(text: string): ListCursor {
  const [, slot, after] = /^(\d{1,4}):([\0-\xff]*)$/.exec(text) ?? [];
  if (slot === undefined || Number(slot) >= SLOTS || after!.length > KEY_BYTES_MAX)
    throw fail("bad-input", { params: { field: "cursor", reason: "not one that a list gave" } });
  return { slot: Number(slot), after: after === "" ? undefined : after };
}
