/**
 * From URLs to paths and back. A path is taken apart before it is decoded, so that nothing encoded becomes a slash, and
 * "." and ".." are refused: clients resolve them before they ask, and who sends them looks for a way out.
 */
import { isFailure } from "../../../kernel/errors.ts";
import { checkedName, PATH_NAMES_MAX } from "../tree/paths.ts";
import { refuse } from "./refusal.ts";

export interface Target {
  path: string;
  /** It ended with a slash. */
  isFolderForm: boolean;
}

/** Of a request line. `host` is the Host header. Refuses with 400. */
export function targetOf(url: string, host: string | undefined): Target {
  if (url.startsWith("/")) return pathTarget(url);
  const { authority, rest } = absolute(url) ?? refuse(400, "not a path");
  if (host !== undefined && authority !== withoutDefaultPort(url, host)) refuse(400, "another host");
  return pathTarget(rest);
}

/** Of a Destination header: 400 for what is none, 502 for another host. */
export function destinationOf(header: string | undefined, host: string | undefined): Target {
  if (header === undefined) refuse(400, "where to?");
  return sameHost(header, host) ?? refuse(502, "the destination is on another host");
}

/** An absolute URL or path on this host; undefined for another host. Refuses with 400. */
export function sameHost(url: string, host: string | undefined): Target | undefined {
  if (url.startsWith("/") && !url.startsWith("//")) return pathTarget(url);
  const { authority, rest } = absolute(url) ?? refuse(400, "not a URL");
  return authority === withoutDefaultPort(url, host ?? "") ? pathTarget(rest) : undefined;
}

/** As it stands in answers: encoded, folders with a slash at the end. */
export function hrefOf(path: string, isFolder: boolean): string {
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  return isFolder && path !== "/" ? `${encoded}/` : encoded;
}

const ABSOLUTE = /^https?:\/\/([^/?#]+)(.*)$/is;

function absolute(url: string): { authority: string; rest: string } | undefined {
  const [, authority, rest] = ABSOLUTE.exec(url) ?? [];
  if (authority === undefined || rest === undefined) return undefined;
  return { authority: withoutDefaultPort(url, authority), rest: rest === "" ? "/" : rest };
}

function withoutDefaultPort(url: string, authority: string): string {
  const port = /^https:/i.test(url) ? ":443" : ":80";
  const lower = authority.toLowerCase();
  return lower.endsWith(port) ? lower.slice(0, -port.length) : lower;
}

function pathTarget(url: string): Target {
  if (url.includes("#")) refuse(400, "a fragment is not part of a request");
  const [encoded = ""] = url.split("?");
  if (!encoded.startsWith("/")) refuse(400, "not a path");
  const parts = encoded.split("/").filter((part) => part !== "");
  if (parts.length > PATH_NAMES_MAX) refuse(400, "too many folders in one another");
  return { path: `/${parts.map(nameIn).join("/")}`, isFolderForm: encoded.endsWith("/") };
}

function nameIn(part: string): string {
  try {
    return checkedName(decodeURIComponent(part));
  } catch (error) {
    if (error instanceof URIError || isFailure(error)) refuse(400, "a name that cannot be", { cause: error });
    throw error;
  }
}
