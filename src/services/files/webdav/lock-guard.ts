/** What the If header says, held against what is there; and which locks a change must be able to name. */
import type { IncomingMessage } from "node:http";
import type { FileSystem } from "../tree/file-system.ts";
import { parentOf } from "../tree/paths.ts";
import type { Exchange } from "./exchange.ts";
import { etagOf, header } from "./exchange.ts";
import type { IfState } from "./if-header.ts";
import { hasEtags, holds, parseIf, tokensOf } from "./if-header.ts";
import type { AccountLocks, Lock } from "./locks.ts";
import { refuse } from "./refusal.ts";
import { hrefOf, sameHost } from "./targets.ts";

export interface Submitted {
  tokens: ReadonlySet<string>;
  isExact: boolean;
}

/** Refuses with 412 when there is an If header and none of its lists holds. */
export async function readIf(
  request: IncomingMessage,
  path: string,
  { files, locks }: { files: FileSystem; locks: AccountLocks },
): Promise<Submitted> {
  const text = header(request, "if");
  if (text === undefined) return { tokens: new Set(), isExact: false };
  const lists = parseIf(text);
  const isExact = hasEtags(lists);
  const stateOf = async (resource: string | undefined): Promise<IfState | undefined> => {
    const of = resource === undefined ? path : sameHost(resource, request.headers.host)?.path;
    if (of === undefined) return undefined;
    const entry = isExact ? await files.stat(of) : undefined;
    return { tokens: new Set(locks.covering(of).map((lock) => lock.token)), etag: entry && etagOf(entry) };
  };
  if (!(await holds(lists, stateOf))) refuse(412, "it is not as the If header says");
  return { tokens: tokensOf(lists), isExact };
}

export interface Touched {
  path: string;
  /** What is below goes or comes with it. */
  isDeep?: boolean;
  /** The folder above gets or loses an entry. */
  isMember?: boolean;
}

/**
 * Refuses with 423 a change of what is locked without a token of it in the If header; with 207 when only something
 * below is locked.
 */
export function mustUnlock({ locks, submitted }: Exchange, { path, isDeep, isMember }: Touched): void {
  const above = isMember ? locks.covering(parentOf(path)) : [];
  const inTheWay = [locks.covering(path), above].filter((met) => !mayPass(met, submitted)).flat();
  if (inTheWay.length > 0) {
    refuse(423, "it is locked", { condition: "lock-token-submitted", hrefs: hrefsOf(inTheWay) });
  }
  if (!isDeep) return;
  const below = Map.groupBy(locks.below(path), (lock) => lock.path);
  const locked = [...below.values()].filter((met) => !mayPass(met, submitted)).flat();
  if (locked.length > 0) refuse(207, "something below is locked", { hrefs: hrefsOf(locked) });
}

export function hrefsOf(locks: readonly Lock[]): string[] {
  return [...new Set(locks.map((lock) => hrefOf(lock.path, lock.isFolder)))];
}

/** One token is enough: where there are several locks, they are shared ones. */
function mayPass(met: readonly Lock[], submitted: ReadonlySet<string>): boolean {
  return met.length === 0 || met.some((lock) => submitted.has(lock.token));
}
