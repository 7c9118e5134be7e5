/**
 * LOCK and UNLOCK (RFC 4918, sections 9.10 and 9.11). Locking a name where nothing is yet makes an empty file, so that
 * the name is taken (section 7.3).
 */
import { isFailure } from "../../../kernel/errors.ts";
import { answerEmpty, answerXml } from "./answers.ts";
import { smallBody } from "./bodies.ts";
import { LOCK_OWNER_MAX_BYTES, XML_MAX_BYTES } from "./constants.ts";
import type { Exchange } from "./exchange.ts";
import { depthOf, header, parentMustBe } from "./exchange.ts";
import { hrefsOf, mustUnlock } from "./lock-guard.ts";
import type { Lock } from "./locks.ts";
import { lockXml } from "./properties.ts";
import { refuse } from "./refusal.ts";
import { davChild, isDav, parseXml, writeXml } from "./xml.ts";

export async function lock(exchange: Exchange): Promise<void> {
  const body = await smallBody(exchange, XML_MAX_BYTES);
  const depth = depthOf(exchange) ?? "infinity";
  if (depth === "1") refuse(400, "only Depth 0 or infinity");
  const timeoutMs = timeoutOf(header(exchange.request, "timeout"));
  if (body.length === 0) return refresh(exchange, timeoutMs);
  const { isShared, owner } = infoOf(body);
  const { files, locks, path, response } = exchange;
  const entry = await files.stat(path);
  if (!entry) {
    await parentMustBe(files, path);
    mustUnlock(exchange, { path, isMember: true });
  }
  const isFolder = entry?.kind === "folder";
  const granted = locks.grant({ path, isFolder, isDeep: depth === "infinity", isShared, owner, timeoutMs });
  if (!("token" in granted)) refuse(423, "it is locked", { condition: "no-conflicting-lock", hrefs: hrefsOf(granted) });
  if (!entry) await takeName(exchange, granted);
  answerXml(response, entry ? 200 : 201, discovery(exchange, granted), { "lock-token": `<${granted.token}>` });
}

/** Somebody who was quicker has made what was to be locked: that is as good. */
async function takeName({ files, locks, path, signal }: Exchange, granted: Lock): Promise<void> {
  try {
    await files.write(path, nothing(), { mode: "new", signal });
  } catch (error) {
    if (isFailure(error, "files-exists")) return;
    locks.release(granted.token, path);
    throw error;
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

async function refresh(exchange: Exchange, timeoutMs: number | undefined): Promise<void> {
  const { locks, path, submitted, response } = exchange;
  const tokens = [...submitted];
  if (tokens.length !== 1) refuse(400, "one lock is refreshed at a time, named in the If header");
  const found = locks.refresh(tokens[0]!, path, timeoutMs);
  if (!found) refuse(412, "there is no such lock here", { condition: "lock-token-matches-request-uri" });
  answerXml(response, 200, discovery(exchange, found));
}

export async function unlock(exchange: Exchange): Promise<void> {
  const [, token] = /^[ \t]*<([^<>\s]+)>[ \t]*$/.exec(header(exchange.request, "lock-token") ?? "") ?? [];
  if (token === undefined) refuse(400, "which lock?");
  if (!exchange.locks.release(token, exchange.path)) {
    refuse(409, "there is no such lock here", { condition: "lock-token-matches-request-uri" });
  }
  answerEmpty(exchange.response, 204);
}

function discovery({ clock }: Exchange, granted: Lock): string {
  const active = lockXml(granted, clock.monotonicMs());
  return `<D:prop xmlns:D="DAV:"><D:lockdiscovery>${active}</D:lockdiscovery></D:prop>`;
}

function infoOf(body: Uint8Array): { isShared: boolean; owner: string } {
  const root = parseXml(body);
  const scope = davChild(root, "lockscope");
  const type = davChild(root, "locktype");
  if (!isDav(root, "lockinfo") || !scope || !type) refuse(400, "lockinfo is wanted");
  const isShared = davChild(scope, "shared") !== undefined;
  if (!davChild(type, "write") || (!isShared && !davChild(scope, "exclusive"))) refuse(422, "no such kind of lock");
  const element = davChild(root, "owner");
  const owner = element ? writeXml(element) : "";
  if (Buffer.byteLength(owner) > LOCK_OWNER_MAX_BYTES) refuse(413, "the owner is too long");
  return { isShared, owner };
}

/** The first of the wishes that we know; undefined: as we like. */
function timeoutOf(text: string | undefined): number | undefined {
  for (const wish of text?.split(",") ?? []) {
    if (/^\s*infinite\s*$/i.test(wish)) return Infinity;
    const [, seconds] = /^\s*second-(\d{1,12})\s*$/i.exec(wish) ?? [];
    if (seconds !== undefined) return Number(seconds) * 1000;
  }
  return undefined;
}
