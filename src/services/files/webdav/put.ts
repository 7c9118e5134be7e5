/** PUT: the body streams into the files as it comes; what was there stays until the last byte is stored. */
import type { IncomingMessage } from "node:http";
import type { WriteOptions } from "../tree/file-system.ts";
import { answerEmpty } from "./answers.ts";
import { bodyPieces } from "./bodies.ts";
import type { Exchange } from "./exchange.ts";
import { etagOf, header, parentMustBe, validatorsOf } from "./exchange.ts";
import { mustUnlock } from "./lock-guard.ts";
import { checkConditions, isConditional } from "./preconditions.ts";
import { refuse } from "./refusal.ts";

export async function put(exchange: Exchange): Promise<void> {
  const { request, response, files, path, signal } = exchange;
  if (request.headers["content-range"] !== undefined) refuse(400, "a PUT is of the whole file");
  const before = await files.stat(path);
  if (!before) await parentMustBe(files, path);
  if (before?.kind === "folder" || exchange.isFolderForm) refuse(405, "a folder is made with MKCOL");
  checkConditions(request.headers, validatorsOf(before), false);
  const touched = { path, isMember: !before };
  mustUnlock(exchange, touched);
  const room = await files.room();
  if (room && Number(header(request, "content-length") ?? 0) > room.freeBytes) refuse(507, "there is no room");
  const content = async function* () {
    yield* bodyPieces(exchange);
    // It may have taken an hour, and somebody else a lock.
    mustUnlock(exchange, touched);
  };
  const mediaType = mediaTypeOf(request);
  const modifiedMs = modifiedMsOf(request);
  const mustBe = exchange.isExact || isConditional(request.headers);
  const unchanged: WriteOptions = before ? { ifEtag: before.etag } : { mode: "new" };
  const entry = await files.write(path, content(), {
    signal,
    ...(mustBe ? unchanged : {}),
    ...(mediaType === undefined ? {} : { mediaType }),
    ...(modifiedMs === undefined ? {} : { modifiedMs }),
  });
  answerEmpty(response, before ? 204 : 201, {
    etag: etagOf(entry),
    "last-modified": new Date(entry.modifiedMs).toUTCString(),
    ...(modifiedMs === undefined ? {} : { "x-oc-mtime": "accepted" }),
  });
}

/** What clients send for want of a better one; the name says more. */
const NO_TYPE = new Set(["application/octet-stream", "application/x-www-form-urlencoded"]);

function mediaTypeOf(request: IncomingMessage): string | undefined {
  const [type = ""] = (request.headers["content-type"] ?? "").split(";");
  const name = type.trim().toLowerCase();
  return /^[\w.+-]{1,63}\/[\w.+-]{1,63}$/.test(name) && !NO_TYPE.has(name) ? name : undefined;
}

/** Seconds, as ownCloud's and Nextcloud's clients and rclone say when the file was changed. */
function modifiedMsOf(request: IncomingMessage): number | undefined {
  const match = /^\d{1,11}(?:\.\d{1,9})?$/.exec(header(request, "x-oc-mtime") ?? "");
  return match ? Math.floor(Number(match[0]) * 1000) : undefined;
}
