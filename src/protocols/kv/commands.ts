/**
 * What a command does to what a key holds: a function of its content, the command and the coordinator's time. All that
 * makes the store more than a register is here; how everybody agrees on the content is elsewhere.
 */
import type { Answer, Content } from "./content.ts";
import { compareVersions } from "./content.ts";
import type { Command, Condition, Expiry, Found, Result } from "./types.ts";

/** What a key holds, and what it shall hold if the command changes it. */
export interface Held {
  value: Uint8Array;
  expiresMs: number | null;
}

export interface Applied {
  answer: Answer;
  /** Undefined: nothing changes. Null: removed. */
  next: Held | null | undefined;
}

const INTEGER_CHARS_MAX = 20;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** `held` is undefined when the key is absent; `content` has its version. */
export function applyCommand(content: Content | undefined, command: Command, wallMs: number): Applied {
  const held = heldOf(content);
  switch (command.type) {
    case "get":
      return { answer: { status: "read" }, next: undefined };
    case "put": {
      if (!isMet(command.when, content, held)) return { answer: { status: "unchanged" }, next: undefined };
      const expiresMs = endOf(command.expiry, held, wallMs);
      return { answer: { status: "done" }, next: { value: command.value, expiresMs } };
    }
    case "delete":
      if (!held || !isMet(command.when, content, held)) return { answer: { status: "unchanged" }, next: undefined };
      return { answer: { status: "done" }, next: null };
    case "add":
      return add(held, command.by);
    case "expire":
      if (!held) return { answer: { status: "unchanged" }, next: undefined };
      return { answer: { status: "done" }, next: { ...held, expiresMs: endOf(command.expiry, held, wallMs) } };
  }
}

export function isExpired(held: { expiresMs: number | null } | undefined, wallMs: number): boolean {
  return held !== undefined && held.expiresMs !== null && held.expiresMs <= wallMs;
}

/** As users see it; undefined when the key is absent. */
export function foundOf(content: Content | undefined): Found | undefined {
  if (!content || content.value === null) return undefined;
  return { value: content.value, version: content.set, expiresMs: content.expiresMs };
}

/** The result of an answer, with what was there before and after it. */
export function resultOf(answer: Answer, before: Content | undefined, after: Content | undefined): Result {
  if (answer.status === "unchanged") return { status: "unchanged", before: foundOf(before) };
  if (answer.status === "not-an-integer") return { status: "not-an-integer" };
  return { status: "done", before: foundOf(before), after: foundOf(after) };
}

function heldOf(content: Content | undefined): Held | undefined {
  return content && content.value !== null ? { value: content.value, expiresMs: content.expiresMs } : undefined;
}

function isMet(when: Condition | undefined, content: Content | undefined, held: Held | undefined): boolean {
  switch (when?.is) {
    case undefined:
      return true;
    case "absent":
      return held === undefined;
    case "present":
      return held !== undefined;
    case "version":
      return held !== undefined && compareVersions(content!.set, when.version) === 0;
    case "value":
      return held !== undefined && isSame(held.value, when.value);
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

function endOf(expiry: Expiry, held: Held | undefined, wallMs: number): number | null {
  if (expiry.type === "never") return null;
  if (expiry.type === "keep") return held?.expiresMs ?? null;
  const ms = expiry.type === "at" ? expiry.ms : wallMs + expiry.ttlMs;
  return Math.min(Math.max(0, Math.round(ms)), 2 ** 48 - 1);
}

function add(held: Held | undefined, by: bigint): Applied {
  const before = held ? integerOf(held.value) : 0n;
  const after = before === undefined ? undefined : before + by;
  if (after === undefined || after < INT64_MIN || after > INT64_MAX)
    return { answer: { status: "not-an-integer" }, next: undefined };
  const text = after.toString();
  const value = Uint8Array.from(text, (char) => char.charCodeAt(0));
  return { answer: { status: "integer", after }, next: { value, expiresMs: held?.expiresMs ?? null } };
}

function integerOf(value: Uint8Array): bigint | undefined {
  if (value.length > INTEGER_CHARS_MAX) return undefined;
  const text = String.fromCharCode(...value);
  if (!/^(?:0|-?[1-9][0-9]*)$/.test(text)) return undefined;
  const integer = BigInt(text);
  return integer >= INT64_MIN && integer <= INT64_MAX ? integer : undefined;
}
