/**
 * GET and HEAD. What is stored here was never written for this address: it is sent so that a browser neither guesses
 * its type nor lets it run.
 */
import type { FileEntry } from "../tree/file-system.ts";
import { answerEmpty } from "./answers.ts";
import type { Headers } from "./answers.ts";
import { gathered, sendPieces } from "./bodies.ts";
import { LOOKS_MAX } from "./constants.ts";
import type { Exchange } from "./exchange.ts";
import { etagOf, presentEntry, validatorsOf } from "./exchange.ts";
import { LISTING_CSP, listingHtml } from "./listing.ts";
import { checkConditions, rangeWanted } from "./preconditions.ts";
import { refuse } from "./refusal.ts";

export async function get(exchange: Exchange): Promise<void> {
  let entry = await presentEntry(exchange);
  for (let looks = 0; looks < LOOKS_MAX; looks += 1) {
    if (entry.kind === "folder") return getFolder(exchange, entry);
    const now = await getFile(exchange, entry);
    if (now === "sent") return;
    entry = now;
  }
  refuse(503, "it changes too fast", { headers: { "retry-after": "1" } });
}

/** What is there instead, when it is not what it was. */
async function getFile(exchange: Exchange, entry: FileEntry): Promise<"sent" | FileEntry> {
  const { request, response, files, signal, path } = exchange;
  const validators = validatorsOf(entry);
  const headers: Headers = {
    etag: etagOf(entry),
    "last-modified": new Date(entry.modifiedMs).toUTCString(),
    "cache-control": "private, no-cache",
  };
  if (checkConditions(request.headers, validators, true) === "not-modified") {
    answerEmpty(response, 304, headers);
    return "sent";
  }
  // Only GET has ranges (RFC 9110, section 14.2).
  const range = request.method === "GET" ? rangeWanted(request.headers, entry.bytes, validators) : undefined;
  const { at, length } = range ?? { at: 0, length: entry.bytes };
  const full: Headers = {
    ...headers,
    "content-type": entry.mediaType || "application/octet-stream",
    "content-length": length,
    "accept-ranges": "bytes",
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    ...(range ? { "content-range": `bytes ${at}-${at + length - 1}/${entry.bytes}` } : {}),
  };
  if (request.method === "HEAD") {
    response.writeHead(200, full).end();
    return "sent";
  }
  const opened = await files.read(path, { at, length, signal });
  if (opened.entry.etag !== entry.etag || opened.entry.bytes !== entry.bytes) return opened.entry;
  response.writeHead(range ? 206 : 200, full);
  await sendPieces(exchange, opened.content);
  return "sent";
}

async function getFolder(exchange: Exchange, entry: FileEntry): Promise<void> {
  const { request, response, files, listings, signal } = exchange;
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "content-security-policy": LISTING_CSP,
  };
  if (request.method === "HEAD") return void response.writeHead(200, headers).end();
  await listings.run(async () => {
    const entries = await files.list(entry.path);
    response.writeHead(200, headers);
    await sendPieces(exchange, gathered(listingHtml(entry.path, entries)));
  }, signal);
}
