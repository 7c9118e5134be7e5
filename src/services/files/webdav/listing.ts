/** A folder for who opens the address in a browser: names, sizes and times, no scripts, nothing from elsewhere. */
import { createHash } from "node:crypto";
import { isoTime } from "../../../kernel/clock.ts";
import type { FileEntry } from "../tree/file-system.ts";
import { parentOf } from "../tree/paths.ts";
import { hrefOf } from "./targets.ts";
import { escapeXml } from "./xml.ts";

const STYLE = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:2rem auto;padding:0 1rem}h1{font-size:1.25rem;overflow-wrap:anywhere}
table{width:100%;border-collapse:collapse}td{padding:.35rem .5rem;border-top:1px solid #8884}
td:first-child{overflow-wrap:anywhere}td+td{text-align:right;white-space:nowrap;opacity:.8}
@media(max-width:32rem){td:last-child{display:none}}`;

const STYLE_HASH = createHash("sha256").update(STYLE).digest("base64");

export const LISTING_CSP = `sandbox; default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'none'`;

export function* listingHtml(path: string, entries: readonly FileEntry[]): Generator<string> {
  const title = escapeXml(path);
  yield `<!doctype html>\n<html><head><meta charset="utf-8"><title>${title}</title>`;
  yield `<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head>`;
  yield `<body><h1>${title}</h1><table>\n`;
  if (path !== "/") yield `<tr><td><a href="${escapeXml(hrefOf(parentOf(path), true))}">../</a></td></tr>\n`;
  const order = new Intl.Collator(undefined, { numeric: true });
  const sorted = entries.toSorted(
    (one, other) => Number(one.kind === "file") - Number(other.kind === "file") || order.compare(one.name, other.name),
  );
  for (const entry of sorted) yield rowHtml(entry);
  yield "</table></body></html>\n";
}

function rowHtml(entry: FileEntry): string {
  const isFolder = entry.kind === "folder";
  const name = `${escapeXml(entry.name)}${isFolder ? "/" : ""}`;
  const href = escapeXml(hrefOf(entry.path, isFolder));
  const time = isoTime(entry.modifiedMs).slice(0, 16).replace("T", " ");
  const size = isFolder ? "" : sizeText(entry.bytes);
  return `<tr><td><a href="${href}">${name}</a></td><td>${size}</td><td>${time}</td></tr>\n`;
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

function sizeText(bytes: number): string {
  let size = bytes;
  let unit = 0;
  for (; size >= 1000 && unit < UNITS.length - 1; unit += 1) size /= 1000;
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${UNITS[unit]}`;
}
