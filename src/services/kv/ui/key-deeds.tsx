/** What the page does with one key: reads it exactly, writes it only when nobody else has, and puts it back. */
import { ApiError, asApiError, call } from "../../../../ui/src/client.ts";
import { t } from "../../../../ui/src/words.ts";
import { durationText } from "./draft.ts";
import { type Entry, keyId, keyInput } from "./keys.ts";

/** Null when there is no such key. Exactly as it is, since it may be written back. */
export async function fetchEntry(id: string): Promise<Entry | null> {
  try {
    return await call("kv.entry", keyInput(id), { exact: true });
  } catch (error) {
    if (asApiError(error).code === "kv-key-unknown") return null;
    throw error;
  }
}

/** How much longer the key lasts, as a call says it, by the box's clock; undefined when it stays, or is gone. */
export async function timeLeft(entry: Entry): Promise<string | undefined> {
  if (entry.expiresAt === null) return undefined;
  try {
    const { leftMs } = await call("kv.ttl", keyInput(keyId(entry)));
    return leftMs === null ? undefined : durationText(leftMs);
  } catch (error) {
    // Whoever asks is about to write, and hears then that it is gone.
    if (asApiError(error).code === "kv-key-unknown") return undefined;
    throw error;
  }
}

interface Writing {
  id: string;
  value: string;
  valueEncoding: Entry["valueEncoding"];
  ttl: string | undefined;
  /** The version that is written over; null: only where there is no such key. */
  over: string | null;
}

export async function write({ id, value, valueEncoding, ttl, over }: Writing): Promise<void> {
  await call("kv.set", {
    ...keyInput(id),
    ...{ value, valueEncoding },
    ...(ttl === undefined ? {} : { ttl }),
    ...(over === null ? { ifAbsent: "true" } : { ifVersion: over }),
  });
}

/** Takes a removal back, unless somebody has put the key meanwhile. */
export async function putBack(entry: Entry, ttl: string | undefined): Promise<void> {
  const { value, valueEncoding } = entry;
  try {
    await write({ id: keyId(entry), value: value ?? "", valueEncoding, ttl, over: null });
  } catch (error) {
    const { code } = asApiError(error);
    throw code === "kv-condition" ? new ApiError(code, t("kv.undo-conflict"), "", error) : error;
  }
}
