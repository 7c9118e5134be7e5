/**
 * How answers and errors look on a terminal: tables for lists, "key  value" lines for single things, JSON on request.
 */
import { styleText } from "node:util";
import { systemClock } from "../kernel/clock.ts";
import type { CommandShape } from "../kernel/contract.ts";
import { errorBody } from "../kernel/error-body.ts";
import type { Failure } from "../kernel/errors.ts";
import { plainJson, shownText } from "../kernel/unseen.ts";
import type { Language } from "../kernel/words.ts";
import { words } from "./words.ts";

const clock = systemClock();
/** A cell of a table is cut at this width, unless it is the last of its row or holds a sentence. */
export const CELL_WIDTH_MAX = 60;
const SENTENCES: ReadonlySet<string> = new Set(["text"]);

export function printOutput(output: unknown, options: { json: boolean; shape: CommandShape }): void {
  if (options.json) process.stdout.write(`${plainJson(output)}\n`);
  else process.stdout.write(asText(output, options.shape));
}

const EXIT_FAILED = 1;
const EXIT_MAX = 255;

/** The exit code of a command elsewhere as ours; of one that has none, because a signal ended it for instance, 1. */
export function ownExitCode(code: number): number {
  return Number.isInteger(code) && code >= 0 && code <= EXIT_MAX ? code : EXIT_FAILED;
}

export function printFailure(failure: Failure, json: boolean, language: Language): void {
  const { params: _params, ...error } = errorBody(failure, words, language).error;
  if (json) process.stdout.write(`${plainJson({ error })}\n`);
  const advice = error.advice ? `  ${oneLine(error.advice)}\n` : "";
  process.stderr.write(`${failure.code}: ${oneLine(error.message)}\n${advice}`);
  if (failure.code === "internal" && failure.cause) process.stderr.write(`  ${oneLine(String(failure.cause))}\n`);
}

/**
 * Prints a list that grows: the first rows as a table, later ones below it in the same columns. A column gets wider
 * when a later cell needs it.
 */
export function growingList(options: { json: boolean; shape: CommandShape }): (rows: readonly Row[]) => void {
  let columns: readonly string[] | undefined;
  const widths: number[] = [];
  return (rows) => {
    if (rows.length === 0) return;
    if (options.json) return void process.stdout.write(rows.map((row) => `${plainJson(row)}\n`).join(""));
    const head = columns === undefined;
    columns ??= columnsOf(rows, options.shape.columns);
    process.stdout.write(tableLines(rows, columns, widths, head));
  };
}

function asText(output: unknown, shape: CommandShape): string {
  if (Array.isArray(output)) return table(output as Row[], shape.columns);
  if (typeof output !== "object" || output === null) return `${show(output)}\n`;
  const row = output as Row;
  if (shape.rows) return aboveOf(row, shape) + table(row[shape.rows] as Row[], shape.columns);
  const headline = shape.headline === undefined ? undefined : row[shape.headline];
  if (headline !== undefined && headline !== null) return `${show(headline)}\n`;
  return lines(
    Object.fromEntries(Object.entries(row).filter(([key]) => !shape.hidden?.includes(key))),
    "",
    shape.columns,
  );
}

function aboveOf(row: Row, { above = [] }: CommandShape): string {
  return above.length === 0 ? "" : `${lines(Object.fromEntries(above.map((key) => [key, row[key]])), "")}\n`;
}

export type Row = Record<string, unknown>;

/** `columns`: of the lists in it. */
function lines(row: Row, indent: string, columns?: readonly string[]): string {
  const entries = Object.entries(row).map(([key, value]) => [oneLine(key), value] as const);
  const width = Math.max(0, ...entries.map(([key]) => key.length));
  let text = "";
  for (const [key, value] of entries) {
    if (Array.isArray(value) && typeof value[0] === "object") {
      text += `${indent}${bold(key)}\n${table(value as Row[], columns)
        .replaceAll(/^/gm, `${indent}  `)
        .trimEnd()}\n`;
    } else if (typeof value === "object" && value !== null && !Array.isArray(value) && indent.length < 8) {
      const row = "score" in value ? withAges(value as Row) : (value as Row);
      text += `${indent}${bold(key)}\n${lines(row, `${indent}  `, columns)}`;
    } else {
      text += `${indent}${bold(key.padEnd(width))}  ${show(value, key)}\n`;
    }
  }
  return text;
}

function table(rows: Row[], wished?: readonly string[]): string {
  return rows.length === 0 ? "(none)\n" : tableLines(rows, columnsOf(rows, wished), [], true);
}

/** A column that no row has was not asked for. */
function columnsOf(rows: readonly Row[], wished?: readonly string[]): readonly string[] {
  return wished?.filter((column) => rows.some((row) => column in row)) ?? Object.keys(rows[0]!);
}

/** `widths` are those of the lines before, and grow. */
function tableLines(rows: readonly Row[], columns: readonly string[], widths: number[], head: boolean): string {
  const last = columns.length - 1;
  const cells = rows.map((row) =>
    columns.map((column, at) => {
      const cell = show(row[column], column);
      return at === last || SENTENCES.has(column) ? cell : cut(cell);
    }),
  );
  for (const row of head ? [columns, ...cells] : cells) {
    row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, cell.length)));
  }
  const line = (parts: readonly string[]) =>
    parts
      .map((part, at) => (at === last ? part : part.padEnd(widths[at]!)))
      .join("  ")
      .trimEnd();
  return `${head ? `${bold(line(columns))}\n` : ""}${cells.map((row) => `${line(row)}\n`).join("")}`;
}

function cut(cell: string): string {
  return cell.length > CELL_WIDTH_MAX ? `${cell.slice(0, CELL_WIDTH_MAX - 1)}…` : cell;
}

function show(value: unknown, key = ""): string {
  if (value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0)) return "-";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.map((one) => show(one)).join(", ");
  if (typeof value === "object") return "score" in value ? showQuality(value as Quality) : showPairs(value as Row);
  if (/(?:^bytes|Bytes$)/.test(key) && typeof value === "number") return showBytes(value);
  return oneLine(String(value));
}

/** What other boxes say must neither steer the terminal nor look like something else. */
export function oneLine(text: string): string {
  return shownText(text.replaceAll(/[\s\p{Cc}]+/gu, " "));
}

/** Short facts, such as tags, as people write them; anything deeper as JSON. */
function showPairs(row: Row): string {
  const pairs = Object.entries(row);
  if (pairs.some(([, value]) => typeof value !== "string")) return oneLine(JSON.stringify(row));
  return show(pairs.map(([key, value]) => `${key}=${String(value)}`).join(" "));
}

interface Quality {
  score: number | null;
  samples?: number;
  measuredAt?: string | null;
  rttMs?: number | null;
  rttSource?: "estimate" | "measured" | null;
  rttAt?: string | null;
}

/** Never a number without its age, its kind, and how many measurements stand behind a score. */
function showQuality({ score, samples, measuredAt, rttMs, rttSource, rttAt }: Quality): string {
  if (score !== null && measuredAt) return `${score} (measured ${samples}x, ${ago(measuredAt)})`;
  if (typeof rttMs !== "number" || !rttAt) return "-";
  return `- (${rttSource === "estimate" ? `about ${rttMs} ms, estimated` : `${rttMs} ms, measured`} ${ago(rttAt)})`;
}

/** The times among the figures of a service with their ages. */
function withAges(quality: Row): Row {
  const isTime = (key: string, value: unknown): value is string => key.endsWith("At") && typeof value === "string";
  const pairs = Object.entries(quality);
  return Object.fromEntries(
    pairs.map(([key, value]) => [key, isTime(key, value) ? `${value} (${ago(value)})` : value]),
  );
}

const AGES = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
] as const;

/** "3 min ago". */
function ago(iso: string): string {
  const seconds = Math.max(0, Math.floor((clock.wallMs() - Date.parse(iso)) / 1000));
  const [unit, size] = AGES.find((age) => seconds >= age[1]) ?? ["s", 1];
  return `${Math.floor(seconds / size)} ${unit} ago`;
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

export function showBytes(bytes: number): string {
  const step = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** step).toFixed(step > 1 ? 1 : 0)} ${UNITS[step]}`;
}

function bold(text: string): string {
  return process.stdout.isTTY ? styleText("bold", text) : text;
}
