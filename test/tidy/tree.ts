/**
 * The files of the project as the rules see them: path below the root to text. A test may give any map instead.
 */
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

export type Tree = ReadonlyMap<string, string>;

/** A rule reads a tree and says what is wrong: one line each, beginning with the path. */
export interface Rule {
  name: string;
  find(tree: Tree): string[];
}

/** What the tools make, or bring. */
const NOT_OURS = /^(?:node_modules|\.node|\.git|dist|dist\..*|screenshots|\.comu-setup\.lock)$/;
/** Larger files are data. */
const TEXT_BYTES_MAX = 400_000;

export function readTree(root: string): Tree {
  const tree = new Map<string, string>();
  const visit = (folder: string) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      if (NOT_OURS.test(entry.name)) continue;
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile() && statSync(join(root, path)).size <= TEXT_BYTES_MAX) {
        const text = readFileSync(join(root, path), "utf8");
        if (!text.includes("\0")) tree.set(path, text);
      }
    }
  };
  visit("");
  return tree;
}

/** Tests, and what only tests use. */
export function isTest(path: string): boolean {
  return /\.(?:test|fixture)\.ts$/.test(path);
}

/** Programs in TypeScript. */
export function isCode(path: string): boolean {
  return /\.tsx?$/.test(path);
}

/** Pages run in a browser: the shell and the panels of the services. */
export function isPage(path: string): boolean {
  return path.startsWith("ui/src/") || /^src\/services\/[^/]+\/ui\//.test(path);
}

/** The services below src/services. A folder that holds only folders is parts of a service that does not exist yet. */
export function serviceNames(tree: Tree): string[] {
  const names = [...tree.keys()].map((path) => /^src\/services\/([^/]+)\/[^/]+$/.exec(path)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))].toSorted();
}
