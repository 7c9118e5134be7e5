/**
 * The log: one JSON object a line on standard error, and the last lines kept in memory for the "This box" page.
 * Levels are those of syslog that we use. Values that look secret never reach a line (see `hidden`).
 */
import type { Clock } from "./clock.ts";
import { isoTime } from "./clock.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface LogLine {
  time: string;
  level: LogLevel;
  area: string;
  message: string;
  fields?: Record<string, unknown>;
}

export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
  /** A log whose lines carry this area, for instance "mesh". */
  area(name: string): Log;
}

export interface LogRing extends Log {
  /** The newest lines, oldest first. */
  recent(limit: number): LogLine[];
  /** Lines below this level are dropped from now on. */
  setLevel(level: LogLevel): void;
}

/** Lines kept in memory. */
export const LOG_LINES_KEPT = 500;
/** A longer message, or text of a field, is cut. */
export const LOG_MESSAGE_LENGTH_MAX = 2000;
/** Fields within fields, and causes of causes, are followed so far. */
export const LOG_DEPTH_MAX = 5;
/** Keys of one object, and items of one list, that are written. */
export const LOG_KEYS_MAX = 50;

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };
const hidden = /password|secret|token|privateKey|cookie|^code$/i;

export interface LogOptions {
  clock: Clock;
  /** Lines below this level are dropped. */
  level: LogLevel;
  /** Where a finished line goes, without its newline. */
  write: (line: string, level: LogLevel) => void;
}

export function createLog(options: LogOptions): LogRing {
  const lines: LogLine[] = [];
  let threshold = options.level;
  const put = (level: LogLevel, area: string, message: string, fields?: Record<string, unknown>) => {
    if (RANK[level] < RANK[threshold]) return;
    const line: LogLine = {
      time: isoTime(options.clock.wallMs()),
      level,
      area,
      message: message.slice(0, LOG_MESSAGE_LENGTH_MAX),
    };
    if (fields) line.fields = cleanFields(fields, 1);
    lines.push(line);
    if (lines.length > LOG_LINES_KEPT) lines.shift();
    options.write(JSON.stringify(line), level);
  };
  const forArea = (area: string): Log => ({
    debug: (message, fields) => put("debug", area, message, fields),
    info: (message, fields) => put("info", area, message, fields),
    warn: (message, fields) => put("warn", area, message, fields),
    error: (message, fields) => put("error", area, message, fields),
    area: (name) => forArea(name),
  });
  return {
    ...forArea("box"),
    recent: (limit) => (limit > 0 ? lines.slice(-limit) : []),
    setLevel: (level) => (threshold = level),
  };
}

function cleanFields(fields: object, depth: number): Record<string, unknown> {
  const entries = Object.entries(fields).slice(0, LOG_KEYS_MAX);
  return Object.fromEntries(entries.map(([key, value]) => [key, hidden.test(key) ? "(hidden)" : clean(value, depth)]));
}

/** What JSON can write, without secrets, and bounded: a line of the log must never fail or fill the memory. */
function clean(value: unknown, depth: number): unknown {
  if (typeof value === "string") return value.slice(0, LOG_MESSAGE_LENGTH_MAX);
  if (value instanceof Error) return describe(value).slice(0, LOG_MESSAGE_LENGTH_MAX);
  if (typeof value === "bigint" || typeof value === "symbol" || typeof value === "function")
    return String(value).slice(0, 100);
  if (typeof value !== "object" || value === null) return value;
  if (ArrayBuffer.isView(value)) return `(${value.byteLength} bytes)`;
  if (depth >= LOG_DEPTH_MAX) return "(more)";
  if (Array.isArray(value)) return value.slice(0, LOG_KEYS_MAX).map((item) => clean(item, depth + 1));
  return cleanFields(value, depth + 1);
}

/** An error with its chain of causes, in one line. */
export function describe(error: unknown, depth = 1): string {
  if (!(error instanceof Error)) return String(error);
  const own = `${error.name}: ${error.message}`;
  return error.cause === undefined || depth >= LOG_DEPTH_MAX
    ? own
    : `${own} (because ${describe(error.cause, depth + 1)})`;
}
