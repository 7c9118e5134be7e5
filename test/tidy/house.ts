/**
 * Rules about single files: how large they are, how they begin, what must not stand in them.
 */
import { functions, imports, isNode, lineOf, memberUses, nodes } from "./syntax.ts";
import type { SyntaxNode } from "./syntax.ts";
import { isCode, isPage, isTest } from "./tree.ts";
import type { Rule, Tree } from "./tree.ts";

const FILE_LINES_MAX = 400;
/** A test is a list of cases, a stylesheet a list of rules: neither gets clearer by being cut. */
const LIST_LINES_MAX = 600;
const FUNCTION_LINES_MAX = 70;
const COLUMNS_MAX = 120;

const isSource = (path: string) => isCode(path) || path.endsWith(".css") || path.endsWith(".sh");
const code = (tree: Tree) => [...tree].filter(([path]) => isCode(path));

const sizes: Rule = {
  name: "files, functions and lines are short",
  find: (tree) => {
    const found: string[] = [];
    for (const [path, text] of [...tree].filter(([name]) => isSource(name))) {
      const lines = text.replace(/\n$/, "").split("\n");
      const limit = isTest(path) || path.endsWith(".css") ? LIST_LINES_MAX : FILE_LINES_MAX;
      if (lines.length > limit) found.push(`${path}: ${lines.length} lines, at most ${limit}`);
      lines.forEach((line, index) => {
        const columns = [...line].length;
        if (columns > COLUMNS_MAX) found.push(`${path}:${index + 1}: ${columns} columns, at most ${COLUMNS_MAX}`);
      });
      if (!isCode(path)) continue;
      for (const one of functions(path, text)) {
        if (one.lines > FUNCTION_LINES_MAX) {
          found.push(`${path}:${one.line}: a function of ${one.lines} lines, at most ${FUNCTION_LINES_MAX}`);
        }
      }
    }
    return found;
  },
};

const headers: Rule = {
  name: "each file opens with what it is and why it exists",
  find: (tree) =>
    [...tree]
      .filter(([path]) => isSource(path) || path === "comu" || path === ".ci/run")
      .filter(([, text]) => !/^(?:#!.*\n)?(?:\/\*+[\s*]*[^\s*]|\/\/ *\S|# *[^\s!])/.test(text))
      .map(([path]) => `${path}: no comment at its beginning`),
};

const names: Rule = {
  name: "files are named after their concept",
  find: (tree) =>
    [...tree.keys()]
      .filter((path) => /(?:^|[/.-])(?:utils?|helpers?|misc)(?:[/.-]|$)/i.test(path))
      .map((path) => `${path}: the name says nothing`),
};

/** Time and chance are handed in. In the pure rooms even reading a date is barred. */
const effects: Rule = {
  name: "clock and randomness come from the kernel",
  find: (tree) => {
    const found: string[] = [];
    for (const [path, text] of code(tree)) {
      if (!path.startsWith("src/") || isTest(path) || isPage(path)) continue;
      if (/^src\/kernel\/(?:clock|virtual-clock|random)\.ts$/.test(path)) continue;
      const pure = path.startsWith("src/protocols/");
      const used = [
        ...memberUses(path, text, /^Date$/, /^now$/),
        ...memberUses(path, text, /^Math$/, /^random$/),
        ...memberUses(path, text, /^performance$/, /./),
      ];
      for (const node of nodes(path, text)) {
        const what = barredNode(node, pure);
        if (what) used.push({ line: lineOf(text, node.start), what });
      }
      for (const one of imports(path, text)) {
        if (/^(?:node:)?timers(?:\/|$)|^(?:node:)?perf_hooks$/.test(one.from))
          used.push({ line: one.line, what: one.from });
      }
      for (const { line, what } of used) found.push(`${path}:${line}: ${what}`);
    }
    return found;
  },
};

function barredNode(node: { type: string; [key: string]: unknown }, pure: boolean): string | undefined {
  const callee = node["callee"];
  if (node.type === "CallExpression" && isNode(callee, "Identifier")) {
    const name = String(callee["name"]);
    if (/^(?:setTimeout|setInterval|setImmediate)$/.test(name)) return name;
  }
  if (node.type !== "NewExpression" || !isNode(callee, "Identifier") || callee["name"] !== "Date") return undefined;
  const now = (node["arguments"] as unknown[]).length === 0;
  return now || pure ? `new Date(${now ? "" : "…"})` : undefined;
}

/** Built from halves, so that this file does not find itself. */
const LEFTOVER = new RegExp(`\\b(?:${["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"].join("|")})\\b`);
const MACHINE_PATH = new RegExp(`(?<![\\w.$}])/(?:${["home", "Users", "ro" + "ot", "wo" + "rk"].join("|")})/[\\w.]`);

const leftovers: Rule = {
  name: "nothing unfinished and no path of a machine is left",
  find: (tree) => {
    const found: string[] = [];
    for (const [path, text] of tree) {
      if (path === "package-lock.json" || path === "LICENSE") continue;
      text.split("\n").forEach((line, index) => {
        for (const pattern of [LEFTOVER, MACHINE_PATH]) {
          const match = pattern.exec(line);
          if (match) found.push(`${path}:${index + 1}: ${match[0]}`);
        }
      });
    }
    return found;
  },
};

const skipped: Rule = {
  name: "no test is skipped, alone or to be done later",
  find: (tree) => {
    const found: string[] = [];
    for (const [path, text] of code(tree).filter(([name]) => isTest(name))) {
      for (const { line, what } of memberUses(
        path,
        text,
        /^(?:test|it|describe|suite|t|context)$/,
        /^(?:skip|only|todo|runOnly)$/,
      )) {
        found.push(`${path}:${line}: ${what}`);
      }
      for (const node of nodes(path, text)) {
        const callee = node["callee"];
        if (node.type !== "CallExpression" || !isNode(callee, "Identifier")) continue;
        if (!/^(?:test|it|describe|suite)$/.test(String(callee["name"]))) continue;
        const options = (node["arguments"] as unknown[]).filter((one) => isNode(one, "ObjectExpression"));
        for (const property of options.flatMap((one) => one["properties"] as SyntaxNode[])) {
          const name = isNode(property["key"]) ? String(property["key"]["name"]) : "";
          if (/^(?:skip|only|todo)$/.test(name)) found.push(`${path}:${lineOf(text, node.start)}: ${name}`);
        }
      }
    }
    return found;
  },
};

export const houseRules: readonly Rule[] = [sizes, headers, names, effects, leftovers, skipped];
