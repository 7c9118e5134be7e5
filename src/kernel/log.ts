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
/** A longer message is cut. */
export const LOG_MESSAGE_LENGTH_MAX = 2000;

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
    if (fields) line.fields = clean(fields);
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
  return { ...forArea("box"), recent: (limit) => lines.slice(-limit), setLevel: (level) => (threshold = level) };
}

function clean(fields: Record<string, unknown>): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (hidden.test(key)) result[key] = "(hidden)";
    else if (value instanceof Error) result[key] = describe(value);
    else result[key] = value;
  }
  return result;
}

/** An error with its chain of causes, in one line. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = `${error.name}: ${error.message}`;
  return error.cause === undefined ? own : `${own} (because ${describe(error.cause)})`;
}
