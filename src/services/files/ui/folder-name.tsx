/** A folder as it is told to people: the top one has no name of its own, and is called as the page is. */
import { t } from "../../../../ui/src/words.ts";

export function folderName(path: string): string {
  return path === "/" ? t("files.title") : path.slice(1).replaceAll("/", " / ");
}
