/**
 * What a command answers, before it is known in which version of the protocol the other side hears it. Strings have
 * one character (0 to 255) for each byte.
 */
export type Reply =
  /** Bulk string. */
  | Uint8Array
  | string
  /** Integer; must fit 64 bits. */
  | number
  | bigint
  | null
  | boolean
  | { type: "simple"; text: string }
  /** Its first word is its code. Line ends become blanks. */
  | { type: "error"; text: string }
  /** Array, or in RESP3 a set or a push. */
  | { type: "array" | "set" | "push"; items: readonly Reply[] }
  /** Key and value in turn. */
  | { type: "map"; items: readonly Reply[] }
  | { type: "nullArray" }
  | { type: "double"; value: number }
  | { type: "bigNumber"; value: bigint }
  /** Text with a format of three letters, "txt" or "mkd". */
  | { type: "verbatim"; format: string; text: string };

/** 2 is what every client speaks, 3 what it may ask for with HELLO. */
export type RespVersion = 2 | 3;

export const OK: Reply = { type: "simple", text: "OK" };

export function error(text: string): Reply {
  return { type: "error", text };
}

export function array(items: readonly Reply[]): Reply {
  return { type: "array", items };
}

export function isError(reply: Reply): reply is { type: "error"; text: string } {
  return typeof reply === "object" && reply !== null && "type" in reply && reply.type === "error";
}

/** About what it takes in memory and on the line. */
export function replyBytes(reply: Reply): number {
  if (typeof reply === "string" || reply instanceof Uint8Array) return reply.length + 16;
  if (typeof reply !== "object" || reply === null) return 16;
  if ("items" in reply) return reply.items.reduce((sum: number, item) => sum + replyBytes(item), 16);
  return "text" in reply ? reply.text.length + 16 : 32;
}
