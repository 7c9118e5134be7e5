/** Where files are: paths, and the addresses of the page that show them. Pure. */

/** The parts of the page, by what follows /files in the address. */
export type Place =
  | { part: "folder"; path: string }
  | { part: "file"; path: string }
  | { part: "link"; id: string; path: string }
  | { part: "shared" | "trash" | "devices" | "space" };

export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function join(folder: string, name: string): string {
  return folder === "/" ? `/${name}` : `${folder}/${name}`;
}

/** Is `path` the folder itself or somewhere in it? */
export function isWithin(path: string, folder: string): boolean {
  return folder === "/" || path === folder || path.startsWith(`${folder}/`);
}

/** "/", "/Photos", "/Photos/2026" for "/Photos/2026". */
export function crumbsOf(path: string): string[] {
  const names = path.split("/").filter(Boolean);
  return ["/", ...names.map((_, index) => `/${names.slice(0, index + 1).join("/")}`)];
}

/** In an address a point would make it look like the name of a file, which the box does not have. */
function encoded(path: string): string {
  return path.split("/").filter(Boolean).map(encodeURIComponent).join("/").replaceAll(".", "%2E");
}

export function folderHref(path: string): string {
  return path === "/" ? "/files" : `/files/in/${encoded(path)}`;
}

export function fileHref(path: string): string {
  return `/files/view/${encoded(path)}`;
}

export function entryHref({ kind, path }: { kind: "file" | "folder"; path: string }): string {
  return kind === "folder" ? folderHref(path) : fileHref(path);
}

export function linkHref(id: string, path = "/"): string {
  return `/files/link/${encodeURIComponent(id).replaceAll(".", "%2E")}/${encoded(path)}`.replace(/\/$/, "");
}

/** `rest`: what follows the page's own path, decoded. */
export function placeOf(rest: string): Place {
  const [first = "", ...names] = rest.split("/");
  const path = `/${names.join("/")}`;
  if (first === "shared" || first === "trash" || first === "devices" || first === "space") return { part: first };
  if (first === "view" && names.length > 0) return { part: "file", path };
  if (first === "link" && names[0]) return { part: "link", id: names[0], path: `/${names.slice(1).join("/")}` };
  return { part: "folder", path: first === "in" ? path : "/" };
}

/** The public page keeps all behind the "#", out of request lines and logs: #TOKEN/Photos/2026. */
export function sharedHash(token: string, path: string): string {
  return `#${[token, encoded(path)].filter(Boolean).join("/")}`;
}

export function ofSharedHash(hash: string): { token: string; path: string } {
  const [token = "", ...names] = hash.replace(/^#\/?/, "").split("/");
  return { token, path: `/${names.filter(Boolean).map(decoded).join("/")}` };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** A free name beside those that are taken: "Plan.txt", then "Plan (2).txt". */
export function freeName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  const [, stem = name, ending = ""] = /^(.+?)(\.[^.]+)?$/s.exec(name) ?? [];
  for (let count = 2; ; count += 1) {
    const next = `${stem} (${count})${ending}`;
    if (!taken.has(next)) return next;
  }
}

/** Why a name cannot be; undefined when it can. */
export function wrongName(name: string): "empty" | "slash" | "points" | "long" | undefined {
  if (name.trim() === "") return "empty";
  if (name.includes("/")) return "slash";
  if (name === "." || name === "..") return "points";
  return new TextEncoder().encode(name.normalize("NFC")).length > NAME_MAX_BYTES ? "long" : undefined;
}

/** As in tree/paths.ts; a test keeps them equal. */
export const NAME_MAX_BYTES = 255;

/** By which the box knows the same file of the reader's machine again; at most 500 characters. */
export function fingerprintOf(path: string, bytes: number, modifiedMs: number): string {
  return `${bytes}.${modifiedMs}.${hashOf(path)}.${path.slice(-FINGERPRINT_PATH_CHARS)}`;
}

const FINGERPRINT_PATH_CHARS = 400;

/** Tells long paths of one ending apart; it need not withstand anybody, since it stays with one account. */
function hashOf(text: string): string {
  let [high, low] = [0x811c9dc5, 0x9dc5811c];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    high = Math.imul(high ^ code, 0x01000193);
    low = Math.imul(low ^ code, 0x5bd1e995);
  }
  return (high >>> 0).toString(36) + (low >>> 0).toString(36);
}
