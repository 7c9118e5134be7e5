/** Commands and their answers, as they travel. */
import { FrameError } from "./bytes.ts";
import type { FrameReader, FrameWriter } from "./bytes.ts";
import { VALUE_BYTES_MAX } from "./constants.ts";
import { ANSWERS } from "./content.ts";
import type { Answer } from "./content.ts";
import type { Command, Condition, Expiry } from "./types.ts";

const COMMANDS = ["get", "put", "delete", "add", "expire"] as const;
const CONDITIONS = ["absent", "present", "version", "value"] as const;
const EXPIRIES = ["never", "keep", "after", "at"] as const;
/** 31,000 years: beyond it a number of milliseconds is a mistake, and would not fit. */
const MS_MAX = 10 ** 15 / 10;

export function encodeCommand(w: FrameWriter, command: Command): void {
  w.u8(COMMANDS.indexOf(command.type));
  switch (command.type) {
    case "get":
      return;
    case "put":
      w.u8(Number(command.returnBefore === true)).bytes(command.value);
      encodeExpiry(w, command.expiry);
      return encodeCondition(w, command.when);
    case "delete":
      w.u8(Number(command.returnBefore === true));
      return encodeCondition(w, command.when);
    case "add":
      return void w.i64(command.by);
    case "expire":
      return encodeExpiry(w, command.expiry);
  }
}

export function decodeCommand(r: FrameReader): Command {
  const type = named(COMMANDS, r.u8());
  switch (type) {
    case "get":
      return { type };
    case "put": {
      const [returnBefore, value, expiry, when] = [r.flag(), r.bytes(), decodeExpiry(r), decodeCondition(r)];
      if (value.length > VALUE_BYTES_MAX) throw new FrameError("a value that is too large");
      return { type, value, expiry, ...(returnBefore ? { returnBefore } : {}), ...(when ? { when } : {}) };
    }
    case "delete": {
      const [returnBefore, when] = [r.flag(), decodeCondition(r)];
      return { type, ...(returnBefore ? { returnBefore } : {}), ...(when ? { when } : {}) };
    }
    case "add":
      return { type, by: r.i64() };
    case "expire":
      return { type, expiry: decodeExpiry(r) };
  }
}

function encodeExpiry(w: FrameWriter, expiry: Expiry): void {
  w.u8(EXPIRIES.indexOf(expiry.type));
  const ms = expiry.type === "after" ? expiry.ttlMs : expiry.type === "at" ? expiry.ms : undefined;
  if (ms !== undefined) w.u48(Math.min(MS_MAX, Math.max(0, Math.round(ms))));
}

function decodeExpiry(r: FrameReader): Expiry {
  const type = named(EXPIRIES, r.u8());
  if (type === "after") return { type, ttlMs: decodeMs(r) };
  return type === "at" ? { type, ms: decodeMs(r) } : { type };
}

function decodeMs(r: FrameReader): number {
  const ms = r.u48();
  if (ms > MS_MAX) throw new FrameError("a time that is too long");
  return ms;
}

function encodeCondition(w: FrameWriter, when: Condition | undefined): void {
  w.u8(when ? CONDITIONS.indexOf(when.is) + 1 : 0);
  if (when?.is === "version") w.version(when.version);
  if (when?.is === "value") w.bytes(when.value);
}

function decodeCondition(r: FrameReader): Condition | undefined {
  const number = r.u8();
  if (number === 0) return undefined;
  const is = named(CONDITIONS, number - 1);
  if (is === "version") return { is, version: r.version() };
  return is === "value" ? { is, value: r.bytes() } : { is };
}

export function encodeAnswer(w: FrameWriter, answer: Answer): void {
  w.u8(ANSWERS.indexOf(answer.status));
  if (answer.status === "integer") w.i64(answer.after);
}

export function decodeAnswer(r: FrameReader): Answer {
  const status = named(ANSWERS, r.u8());
  return status === "integer" ? { status, after: r.i64() } : { status };
}

function named<T>(names: readonly T[], number: number): T {
  const name = names[number];
  if (name === undefined) throw new FrameError("a number that names nothing");
  return name;
}
