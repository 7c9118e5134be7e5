/** What other services may ask of files: an account's tree, and the grid as that account sees it. */
import type { Grid } from "./grid/grid.ts";
import type { FileSystem } from "./tree/file-system.ts";

export interface FilesClient {
  /** By the account's name. Its top folder is made when it is first used. */
  files(account: string): FileSystem;
  grid(account: string): Grid;
  /** The caps of what is at a path; null where the entry gives none of that strength. `files-not-found`. */
  caps(account: string, path: string): Promise<{ read: string | null }>;
}
