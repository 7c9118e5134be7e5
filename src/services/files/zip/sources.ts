/** Where the content of a .zip comes from: a member's own tree or a part of it, or what another box shares. */
import { LINK_ENTRIES_MAX } from "../constants.ts";
import { filesErrors } from "../errors.ts";
import type { Links, SharedView } from "../links.ts";
import type { FileSystem } from "../tree/file-system.ts";
import type { ZipSource } from "./folder-zip.ts";

/** The top folder has no name of its own. */
const TOP_NAME = "files";

/** `top`: the folder that is asked for. */
export function zipOfFiles(files: FileSystem, top: { name: string; modifiedMs: number }): ZipSource {
  return {
    ...top,
    name: top.name || TOP_NAME,
    list: (path) => files.list(path),
    async read(path, bytes, signal) {
      return (await files.read(path, { at: 0, length: bytes, signal })).content;
    },
  };
}

/** A folder of which the other box does not tell all cannot be had whole, and so not at all. */
export function zipOfLink(links: Links, token: string, { name, entry }: SharedView): ZipSource {
  return {
    name: entry.name || name || TOP_NAME,
    modifiedMs: Date.parse(entry.modifiedAt),
    async list(path) {
      const { view } = await links.open(token, path);
      if (view.entries.length >= LINK_ENTRIES_MAX) {
        throw filesErrors.fail("files-too-many", { params: { limit: LINK_ENTRIES_MAX - 1 } });
      }
      return view.entries.map(({ modifiedAt, ...same }) => ({ ...same, modifiedMs: Date.parse(modifiedAt) }));
    },
    async read(path, bytes) {
      return (await links.open(token, path)).read(0, bytes);
    },
  };
}
