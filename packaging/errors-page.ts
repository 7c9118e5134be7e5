/**
 * Makes docs/errors.md: every stable error code with its HTTP status, its text and its advice, from the tables in the
 * source (`defineErrors`) and the English words. `npm run docs` writes it; a test compares.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface ErrorCode {
  code: string;
  status: number;
  /** The file that declares it. */
  path: string;
}

/** Reads the tables from the text of the files, path below the root to content, in the order of codes. */
export function errorCodes(files: ReadonlyMap<string, string>): ErrorCode[] {
  const found: ErrorCode[] = [];
  for (const [path, text] of files) {
    // `sample-…` are parts that only tests use.
    if (!/^src\/.*\.ts$/.test(path) || /\.test\.ts$|\/sample-[^/]*$/.test(path)) continue;
    for (const [, table] of text.matchAll(/\bdefineErrors\(\{([^}]*)\}\)/g)) {
      for (const [, code, status] of table!.matchAll(/"?\b([a-z][a-z0-9-]*)"?:\s*(\d{3})\b/g)) {
        found.push({ code: code!, status: Number(status), path });
      }
    }
  }
  return found.toSorted((a, b) => (a.code < b.code ? -1 : 1));
}

/** The whole page. */
export function errorsPage(files: ReadonlyMap<string, string>): string {
  const words: Record<string, string> = {};
  for (const [path, text] of files) {
    if (/^(?:ui\/src\/words|src\/services\/[^/]+\/ui)\/en\.json$/.test(path))
      Object.assign(words, JSON.parse(text || "{}"));
  }
  const say = (key: string) => (words[key] ?? words[`${key}.other`] ?? "").replaceAll("|", "\\|").replaceAll("\n", " ");
  const rows = errorCodes(files).map(
    ({ code, status, path }) =>
      `| \`${code}\` | ${status} | ${say(`error.${code}`)} | ${say(`advice.${code}`)} | ${part(path)} |`,
  );
  return [
    "# Errors",
    "",
    "Every expected failure has a stable code. The API answers it as",
    '`{"error":{"code","message","advice","params"}}` with the HTTP status below; the command line prints the same,',
    "with `--json` as JSON on standard output. Texts and advice exist in Catalan, Spanish and English; values in",
    "braces are filled in. A code keeps its meaning once released. The page is made from the source by `npm run docs`.",
    "",
    "| Code | Status | What happened | What to do | Part |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

function part(path: string): string {
  return path.replace(/^src\/(?:services\/)?/, "").replace(/\/.*$/, "");
}

if (import.meta.main) {
  const root = join(import.meta.dirname, "..");
  const paths = globSync(["src/**/*.ts", "ui/src/words/en.json", "src/services/*/ui/en.json"], { cwd: root });
  const files = new Map(paths.map((path) => [path, readFileSync(join(root, path), "utf8")]));
  writeFileSync(join(root, "docs/errors.md"), errorsPage(files));
}
