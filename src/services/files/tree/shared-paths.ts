/** Links and devices name what they are for by its path; they go along when it gets another, and end when it goes. */
import { formatCap } from "../../../protocols/grid/caps.ts";
import { join } from "./paths.ts";
import type { Place } from "./places.ts";
import type { TreeView } from "./tree-parts.ts";

/** A path of this view as it is in the account's own tree. */
export function ownPath({ base }: TreeView, path: string): string {
  if (base === "/") return path;
  return path === "/" ? base : base + path;
}

/** Something has moved, with all that is below it. `target`: where it is now. */
export function moveSharedPaths(view: TreeView, from: string, to: string, target: Place): void {
  const { store } = view.parts;
  const { account } = view;
  const [before, after] = [ownPath(view, from), ownPath(view, to)];
  store.transaction(() => {
    for (const table of ["files_shares", "files_devices"]) {
      const set = `UPDATE ${table} SET path = ? || substr(path, ?) WHERE account = ?`;
      store
        .query(`${set} AND (path = ? OR substr(path, 1, ?) = ?)`)
        .run(after, before.length + 1, account, before, before.length + 1, `${before}/`);
    }
    // A link to a file stands at its name in its folder.
    store
      .query("UPDATE files_shares SET folder = ?, name = ? WHERE account = ? AND path = ? AND kind = 'file'")
      .run(formatCap(target.folder.cap), target.name, account, join(ownPath(view, target.folderPath), target.name));
  });
}

/** Something has gone: whoever had a link to it, or to something below it, sees it no more. */
export function endSharedPaths(view: TreeView, path: string): void {
  const own = ownPath(view, path);
  view.parts.store
    .query("DELETE FROM files_shares WHERE account = ? AND (path = ? OR substr(path, 1, ?) = ?)")
    .run(view.account, own, own.length + 1, `${own}/`);
}
