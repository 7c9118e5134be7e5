/**
 * Rules about things that belong together: a service and its parts, an error code and its words in each language, a
 * dependency and the note that says why, a test and the packages that it needs.
 */
import { errorCodes, errorsPage } from "../../packaging/errors-page.ts";
import { LANGUAGES } from "../../src/kernel/words.ts";
import { serviceNames } from "./tree.ts";
import type { Rule, Tree } from "./tree.ts";

const PARTS = ["README.md", "contract.ts", "service.ts", ...LANGUAGES.map((language) => `ui/${language}.json`)];

const services: Rule = {
  name: "a service is one folder with all its parts, and one line in the list",
  find: (tree) => {
    const found: string[] = [];
    const list = tree.get("src/services/index.ts") ?? "";
    for (const name of serviceNames(tree)) {
      for (const part of PARTS) {
        if (!tree.get(`src/services/${name}/${part}`)?.trim())
          found.push(`src/services/${name}/${part}: missing or empty`);
      }
      for (const part of ["contract", "service"]) {
        if (!list.includes(`"./${name}/${part}.ts"`))
          found.push(`src/services/index.ts: does not name ${name}/${part}.ts`);
      }
    }
    return found;
  },
};

/** The files that hold words, per language. */
function wordFiles(tree: Tree, language: string): [string, Record<string, string>][] {
  const own = new RegExp(`^(?:ui/src/words|src/services/[^/]+/ui)/${language}\\.json$`);
  return [...tree].filter(([path]) => own.test(path)).map(([path, text]) => [path, JSON.parse(text || "{}")]);
}

const errorWords: Rule = {
  name: "each error code has a text and an advice in each language",
  find: (tree) => {
    const found: string[] = [];
    for (const language of LANGUAGES) {
      const words = Object.assign({}, ...wordFiles(tree, language).map(([, table]) => table)) as Record<string, string>;
      for (const { code, path } of errorCodes(tree)) {
        for (const key of [`error.${code}`, `advice.${code}`]) {
          const said = words[key] ?? words[`${key}.other`];
          if (!said?.trim()) found.push(`${path}: ${key} has no words in ${language}`);
        }
      }
    }
    return found;
  },
};

/** Keys and their places, with the plural forms of a key taken together. */
function shape(table: Record<string, string>): Map<string, string> {
  const found = new Map<string, Set<string>>();
  for (const [key, text] of Object.entries(table)) {
    const name = key.replace(/\.(?:one|two|few|many|other)$/, "");
    const places = found.get(name) ?? new Set();
    for (const match of text.matchAll(/\{(\w+)\}/g)) places.add(match[1]!);
    found.set(name, places);
  }
  return new Map([...found].map(([key, places]) => [key, [...places].toSorted().join(" ")]));
}

const languages: Rule = {
  name: "the languages say the same things",
  find: (tree) => {
    const found: string[] = [];
    for (const [path, table] of wordFiles(tree, "en")) {
      const english = shape(table);
      for (const language of LANGUAGES.filter((one) => one !== "en")) {
        const other = path.replace(/en\.json$/, `${language}.json`);
        const said = shape(JSON.parse(tree.get(other) || "{}") as Record<string, string>);
        for (const [key, places] of english) {
          if (!said.has(key)) found.push(`${other}: ${key} is missing`);
          else if (said.get(key) !== places)
            found.push(`${other}: ${key} has the places {${said.get(key)}}, in English {${places}}`);
        }
        for (const key of said.keys()) if (!english.has(key)) found.push(`${other}: ${key} is not in English`);
      }
    }
    return found;
  },
};

const errorsDocument: Rule = {
  name: "docs/errors.md is up to date",
  find: (tree) =>
    tree.get("docs/errors.md") === errorsPage(tree) ? [] : ["docs/errors.md: differs; make it with: npm run docs"],
};

interface Manifest {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

const dependencies: Rule = {
  name: "each dependency has a note in docs/decisions, and none a fixed address",
  find: (tree) => {
    const manifest = JSON.parse(tree.get("package.json") ?? "{}") as Manifest;
    const decisions = [...tree].filter(([path]) => path.startsWith("docs/decisions/")).map(([, text]) => text);
    const named = new Set([...decisions.join("\n").matchAll(/`([^`\s]+)`/g)].map((match) => match[1]));
    const found = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })
      .filter((name) => !named.has(name))
      .map((name) => `package.json: ${name} is not named (as \`name\`) in docs/decisions`);
    const lock = JSON.parse(tree.get("package-lock.json") ?? "{}") as {
      packages?: Record<string, { resolved?: string }>;
    };
    for (const [path, entry] of Object.entries(lock.packages ?? {})) {
      if (entry.resolved !== undefined) found.push(`package-lock.json: ${path} has a "resolved" address`);
    }
    return found;
  },
};

/** `known`: what is installed before the first stage. */
export function packagesRule(known: readonly string[]): Rule {
  return {
    name: "the Debian packages that tests need are in the one list",
    find: (tree) => {
      const found: string[] = [];
      for (const [path, text] of tree) {
        if (!path.startsWith("test/") || !path.endsWith(".ts") || /^test\/(?:support|tidy)\//.test(path)) continue;
        for (const [, list] of text.matchAll(/needDebian\(\[([^\]]*)\]\)/g)) {
          for (const [, name] of list!.matchAll(/"([^"]+)"/g)) {
            if (!known.includes(name!)) found.push(`${path}: ${name} is not in test/packages.ts`);
          }
        }
      }
      return found;
    },
  };
}

export const completenessRules: readonly Rule[] = [services, errorWords, languages, errorsDocument, dependencies];
