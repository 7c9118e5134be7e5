/** Paths as people, pages, WebDAV and SFTP write them, made into the one form that the file system takes. */
import { filesErrors } from "../errors.ts";

export const NAME_MAX_BYTES = 255;
export const PATH_NAMES_MAX = 64;

/** The names of a path, each checked. Empty and "." are passed over, ".." goes up and not beyond the root. */
export function namesOf(path: string): string[] {
  const names: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") names.pop();
    else names.push(checkedName(part));
    if (names.length > PATH_NAMES_MAX) throw filesErrors.fail("files-bad-name", { params: { name: "…" } });
  }
  return names;
}

/** The path in its one form. Throws `files-bad-name`. */
export function pathOf(path: string): string {
  return `/${namesOf(path).join("/")}`;
}

/** Throws `files-bad-name`. */
export function checkedName(name: string): string {
  const composed = name.isWellFormed() ? name.normalize("NFC") : "";
  const isBad =
    composed === "" || composed === "." || composed === ".." || composed.includes("/") || hasControl(composed);
  if (isBad || Buffer.byteLength(composed) > NAME_MAX_BYTES) {
    throw filesErrors.fail("files-bad-name", { params: { name: name.slice(0, 80) } });
  }
  return composed;
}

export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function join(folder: string, name: string): string {
  return folder === "/" ? `/${name}` : `${folder}/${name}`;
}

function hasControl(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}
