/**
 * Two modules that exist only while the pages are built. `virtual:api-table` holds method and path of every endpoint,
 * read from the contracts here in Node, so that zod never travels to a browser. `virtual:words/ca` (es, en) is the
 * one word table of a language, put together from the shell's words and those of every service.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Plugin } from "vite";

const root = resolve(import.meta.dirname, "..");
const services = join(root, "src/services");
const API = "virtual:api-table";
const WORDS = "virtual:words/";
/** Words that mostly reach the page already said, in the answers of the daemon, or that only the command line says. */
const DAEMON_SAYS = /^(?:error|advice|health|fix|check|up|demo)\.|\.confirm-/;
/** Such a word in the source of a page, which says it itself: all of it, or how it begins. */
const SAID = /["`]((?:(?:error|advice|health|fix|check|up|demo)\.|[a-z]+\.confirm-)[\w.-]+)(["`]|\$\{)/g;
const ICON = /lucide-static\/icons\/[\w-]+\.svg\?raw$/;

interface SeenContract {
  name: string;
  endpoints: Record<string, { method: string; path: string }>;
}

function serviceFolders(): string[] {
  return readdirSync(services, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .toSorted();
}

function isContract(value: unknown): value is SeenContract {
  return typeof value === "object" && value !== null && "endpoints" in value && "name" in value && "words" in value;
}

/** `{ "discovery.list": ["GET", "/services"], … }` from every services/NAME/contract.ts. */
export async function apiTable(): Promise<Record<string, [string, string]>> {
  const table: Record<string, [string, string]> = {};
  for (const folder of serviceFolders()) {
    const file = join(services, folder, "contract.ts");
    if (!existsSync(file)) continue;
    const module = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
    for (const contract of Object.values(module).filter(isContract)) {
      for (const [name, endpoint] of Object.entries(contract.endpoints)) {
        table[`${contract.name}.${name}`] = [endpoint.method, endpoint.path];
      }
    }
  }
  return table;
}

/** The files that make up one language. */
export function wordFiles(language: string): string[] {
  const own = join(root, "ui/src/words", `${language}.json`);
  return [own, ...serviceFolders().map((folder) => join(services, folder, "ui", `${language}.json`))].filter(
    existsSync,
  );
}

/** Whether a page says a word itself. */
export function pagesSay(): (key: string) => boolean {
  const folders = [join(root, "ui/src"), ...serviceFolders().map((folder) => join(services, folder, "ui"))];
  const whole = new Set<string>();
  const beginnings: string[] = [];
  for (const folder of folders.filter(existsSync)) {
    for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      if (!/\.tsx?$/.test(file)) continue;
      for (const [, key = "", end] of readFileSync(join(folder, file), "utf8").matchAll(SAID)) {
        if (end === "${") beginnings.push(key);
        else whole.add(key);
      }
    }
  }
  return (key) => whole.has(key) || beginnings.some((one) => key.startsWith(one));
}

/** An icon without what the page does not need: its licence line (named in the README of the program), class, size. */
function leanIcon(svg: string): string {
  return svg
    .replace(/<!--[^]*?-->/, "")
    .replaceAll(/\s+/g, " ")
    .replace(/ class="[^"]*"/, "")
    .replace(/ (?:width|height)="24" (?:width|height)="24"/, "")
    .replaceAll(/> </g, "><")
    .trim();
}

export function virtualModules(): Plugin {
  return {
    name: "comu-virtual-modules",
    enforce: "pre",
    resolveId: (id) => (id === API || id.startsWith(WORDS) ? `\0${id}` : undefined),
    async load(id) {
      if (ICON.test(id)) return `export default ${JSON.stringify(leanIcon(readFileSync(id.slice(0, -4), "utf8")))};`;
      if (id === `\0${API}`) return `export default ${JSON.stringify(await apiTable())};`;
      if (!id.startsWith(`\0${WORDS}`)) return undefined;
      const merged: Record<string, string> = {};
      for (const file of wordFiles(id.slice(WORDS.length + 1))) {
        this.addWatchFile(file);
        Object.assign(merged, JSON.parse(readFileSync(file, "utf8")));
      }
      const isSaid = pagesSay();
      const shown = Object.entries(merged).filter(([key]) => !DAEMON_SAYS.test(key) || isSaid(key));
      return `export default JSON.parse(${JSON.stringify(JSON.stringify(Object.fromEntries(shown)))});`;
    },
  };
}
