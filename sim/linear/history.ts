/**
 * A history: what clients asked of the key-value store, when, and what they were told. It is kept as JSON lines, so
 * that any recorder can write one and any checker, also other people's, can judge it. This is the only place that
 * knows how a line looks.
 *
 *   {"proc":3,"op":"get","key":"k1","in":null,"out":"v7","call":1200,"ret":5300,"status":"ok"}
 *
 * `call` and `ret` are nanoseconds of one monotonic clock, best counted from the beginning of the recording. `proc`
 * is a client; after an operation whose end it does not know it goes on under a new number. Write each value once:
 * then a read says which write it saw.
 */

/** `in` and `out` of each operation; `out` is null as well when the status is not "ok". */
export type Action =
  /** `out`: the value, null for none. */
  | { op: "get"; in: null; out: string | null }
  | { op: "put"; in: string; out: null }
  /** `out`: whether there was something to remove; null where the store does not say. */
  | { op: "del"; in: null; out: boolean | null }
  /** `expect` null: that there is none. `out`: whether it was done. */
  | { op: "cas"; in: { expect: string | null; value: string }; out: boolean | null }
  /** Put where there is none. `out`: whether it was done. */
  | { op: "putnx"; in: string; out: boolean | null }
  /** `in`: a decimal integer of 64 bits. `out`: the new number; null if refused, as the value is none or too large. */
  | { op: "add"; in: string; out: string | null };

export interface Times {
  proc: number;
  key: string;
  /** In nanoseconds, a whole number below 2^53, as is `ret`. */
  call: number;
  /** Null if no answer came; only with "info" and "fail". */
  ret: number | null;
  /** "ok": done, and `out` was the answer. "fail": certainly had no effect. "info": may have had one, or still may. */
  status: "ok" | "fail" | "info";
}

export type Operation = Times & Action;

/** A line that is no operation. The message begins with its number, counted from 1. */
export class HistoryError extends Error {
  readonly line: number;
  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`);
    this.name = "HistoryError";
    this.line = line;
  }
}

/** @throws HistoryError for the first line that is no operation. Empty lines are passed over. */
export function readHistory(text: string): Operation[] {
  const operations: Operation[] = [];
  let from = 0;
  for (let line = 1; from < text.length; line++) {
    const end = text.indexOf("\n", from);
    const to = end === -1 ? text.length : end;
    const content = text.slice(from, to).trim();
    if (content !== "") operations.push(readOperation(content, line));
    from = to + 1;
  }
  return operations;
}

/** One line, with its end. */
export function writeOperation(one: Operation): string {
  const { proc, op, key, in: given, out, call, ret, status } = one;
  return `${JSON.stringify({ proc, op, key, in: given, out, call, ret, status })}\n`;
}

export function writeHistory(operations: readonly Operation[]): string {
  return operations.map(writeOperation).join("");
}

type Fields = Record<string, unknown>;

function readOperation(content: string, line: number): Operation {
  let read: unknown;
  try {
    read = JSON.parse(content);
  } catch {
    throw new HistoryError(line, "is no JSON");
  }
  if (!isFields(read)) throw new HistoryError(line, "is no JSON object");
  const fields = read;
  const need = (fits: boolean, name: string, what: string) => {
    if (!fits) throw new HistoryError(line, `"${name}" must be ${what}, not ${shown(fields[name])}`);
  };
  const { proc, key, call, status } = fields;
  const ret = fields["ret"] ?? null;
  need(isCount(proc), "proc", "a whole number");
  need(typeof key === "string", "key", "a text");
  need(status === "ok" || status === "fail" || status === "info", "status", "ok, fail or info");
  need(isCount(call), "call", "a whole number of nanoseconds below 2^53");
  need(isCount(ret) || (ret === null && status !== "ok"), "ret", "a whole number of nanoseconds below 2^53");
  need(ret === null || (ret as number) >= (call as number), "ret", "at or after call");
  const action = readAction(fields, status === "ok", need);
  return { ...({ proc, key, call, ret, status } as Times), ...action };
}

function readAction(fields: Fields, ok: boolean, need: (fits: boolean, name: string, what: string) => void): Action {
  const { op } = fields;
  const given = fields["in"] ?? null;
  const out = ok ? (fields["out"] ?? null) : null;
  switch (op) {
    case "get":
      // An answer that was forgotten must not pass for "there is none".
      need(typeof out === "string" || !ok || fields["out"] === null, "out", "a text or null");
      return { op, in: null, out: out as string | null };
    case "put":
      need(typeof given === "string", "in", "a text");
      return { op, in: given as string, out: null };
    case "del":
      need(out === null || typeof out === "boolean", "out", "true, false or null");
      return { op, in: null, out: out as boolean | null };
    case "cas": {
      const fits = isFields(given) && isValue(given["expect"]) && typeof given["value"] === "string";
      need(fits, "in", '{"expect": a text or null, "value": a text}');
      need(typeof out === "boolean" || !ok, "out", "true or false");
      const { expect, value } = given as { expect: string | null; value: string };
      return { op, in: { expect, value }, out: out as boolean | null };
    }
    case "putnx":
      need(typeof given === "string", "in", "a text");
      need(typeof out === "boolean" || !ok, "out", "true or false");
      return { op, in: given as string, out: out as boolean | null };
    case "add": {
      const by = Number.isSafeInteger(given) ? String(given) : given;
      need(typeof by === "string" && isInteger(by), "in", "a decimal integer of 64 bits");
      const fits = typeof out === "string" ? isInteger(out) : !ok || fields["out"] === null;
      need(fits, "out", "a text with a decimal integer of 64 bits, or null");
      return { op, in: by as string, out: out as string | null };
    }
    default:
      need(false, "op", "get, put, del, cas, putnx or add");
      throw new Error("not reached");
  }
}

const INTEGER = /^(?:0|-?[1-9][0-9]{0,18})$/;

/** Whether this is what `add` takes for a number: decimal, of 64 bits, written in the only way. */
export function isInteger(text: string): boolean {
  return INTEGER.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text);
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isValue = (value: unknown) => typeof value === "string" || value === null;
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;

const SHOWN_CHARACTERS_MAX = 40;

function shown(value: unknown): string {
  if (value === undefined) return "absent";
  const text = JSON.stringify(value);
  return text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text;
}
