/**
 * The If header of WebDAV (RFC 4918, section 10.4): lists of lock tokens and etags, for the resource that is asked for
 * or for one that is named before them. One list that holds is enough; all tokens that are named count as submitted.
 *
 *   If: <https://box/a> (<urn:uuid:1> ["etag"]) (Not <urn:uuid:2>) <https://box/b> (["other"])
 */
import { IF_CONDITIONS_MAX } from "./constants.ts";
import { refuse } from "./refusal.ts";

export interface IfCondition {
  isNot: boolean;
  kind: "token" | "etag";
  /** A token without its brackets; an etag with its quotes. */
  value: string;
}

export interface IfList {
  /** Undefined: the resource of the request. */
  resource: string | undefined;
  conditions: IfCondition[];
}

/** Space, "(", ")", "Not", "<…>" or "[…]". */
const PIECE = /[ \t]+|\(|\)|not(?=[ \t<[])|<([^<>\s]*)>|\[((?:W\/)?"[^"]*")\]/iy;

/** Refuses with 400 what is none. */
export function parseIf(header: string): IfList[] {
  const lists: IfList[] = [];
  let resource: string | undefined;
  let list: IfList | undefined;
  let isNot = false;
  let conditions = 0;
  PIECE.lastIndex = 0;
  while (PIECE.lastIndex < header.length) {
    const match = PIECE.exec(header) ?? refuse(400, "the If header cannot be read");
    const [piece, uri, etag] = match;
    if (piece.trim() === "") continue;
    if (!list) {
      if (piece === "(") list = { resource, conditions: [] };
      else if (uri !== undefined) resource = uri;
      else refuse(400, "the If header cannot be read");
    } else if (/^not$/i.test(piece) && !isNot) {
      isNot = true;
    } else if (uri !== undefined || etag !== undefined) {
      if ((conditions += 1) > IF_CONDITIONS_MAX) refuse(400, "the If header is too long");
      list.conditions.push({ isNot, kind: uri === undefined ? "etag" : "token", value: uri ?? etag! });
      isNot = false;
    } else if (piece === ")" && !isNot && list.conditions.length > 0) {
      lists.push(list);
      list = undefined;
    } else {
      refuse(400, "the If header cannot be read");
    }
  }
  if (list || lists.length === 0) refuse(400, "the If header cannot be read");
  return lists;
}

export interface IfState {
  /** Of the locks that hold for it. */
  tokens: ReadonlySet<string>;
  /** With its quotes; undefined when nothing is there. */
  etag: string | undefined;
}

/** True when one of the lists holds. `stateOf` gives undefined for what is not ours. */
export async function holds(
  lists: readonly IfList[],
  stateOf: (resource: string | undefined) => Promise<IfState | undefined>,
): Promise<boolean> {
  for (const { resource, conditions } of lists) {
    const state = await stateOf(resource);
    const isSo = ({ isNot, kind, value }: IfCondition) =>
      isNot !== (kind === "token" ? state?.tokens.has(value) === true : state?.etag === value);
    if (conditions.every(isSo)) return true;
  }
  return false;
}

export function tokensOf(lists: readonly IfList[]): Set<string> {
  const conditions = lists.flatMap((list) => list.conditions);
  return new Set(conditions.filter(({ kind }) => kind === "token").map(({ value }) => value));
}

export function hasEtags(lists: readonly IfList[]): boolean {
  return lists.some((list) => list.conditions.some(({ kind }) => kind === "etag"));
}
