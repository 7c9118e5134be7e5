/**
 * What the rules ask about a program: its functions, its imports, and the nodes of its syntax tree (ESTree). The
 * parser is that of the bundler; comments and strings that only look like code do not mislead it.
 */
import { parseAst } from "rolldown/parseAst";

export interface SyntaxNode {
  type: string;
  start: number;
  end: number;
  [key: string]: unknown;
}

export interface Import {
  /** What stands between the quotes. */
  from: string;
  line: number;
  /** Gone when the program runs. */
  typeOnly: boolean;
}

const parsed = new Map<string, SyntaxNode[]>();

/** All nodes, outer ones first. */
export function nodes(path: string, text: string): SyntaxNode[] {
  const key = `${path}\n${text}`;
  let found = parsed.get(key);
  if (!found) {
    found = [];
    collect(parseAst(text, { lang: path.endsWith("x") ? "tsx" : "ts" }) as unknown as SyntaxNode, found);
    parsed.set(key, found);
  }
  return found;
}

function collect(value: unknown, into: SyntaxNode[]): void {
  if (Array.isArray(value)) for (const one of value) collect(one, into);
  else if (isNode(value)) {
    into.push(value);
    for (const child of Object.values(value)) if (typeof child === "object") collect(child, into);
  }
}

export function isNode(value: unknown, type?: string): value is SyntaxNode {
  if (typeof value !== "object" || value === null) return false;
  const found = (value as { type?: unknown }).type;
  return typeof found === "string" && (type === undefined || found === type);
}

export function lineOf(text: string, at: number): number {
  return text.slice(0, at).split("\n").length;
}

export function imports(path: string, text: string): Import[] {
  const found: Import[] = [];
  for (const node of nodes(path, text)) {
    const source = node["source"];
    if (!isNode(source, "Literal") || typeof source["value"] !== "string") continue;
    const kind = node["importKind"] ?? node["exportKind"];
    const named = (node["specifiers"] ?? []) as SyntaxNode[];
    const allTypes = named.length > 0 && named.every((one) => (one["importKind"] ?? one["exportKind"]) === "type");
    const typeOnly = kind === "type" || allTypes || node.type === "TSImportType";
    found.push({ from: source["value"], line: lineOf(text, node.start), typeOnly });
  }
  return found;
}

/** Each function with the number of lines that are its own: those of functions inside it count as one line. */
export function functions(path: string, text: string): { line: number; lines: number }[] {
  const all = nodes(path, text).filter(
    (node) =>
      /^(?:FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type) && isNode(node["body"]),
  );
  const spans = all.map((node) => ({ from: lineOf(text, node.start), to: lineOf(text, node.end), lines: 0 }));
  for (const span of spans) {
    const inside = spans.filter(
      (one) => one !== span && one.from >= span.from && one.to <= span.to && one.to - one.from < span.to - span.from,
    );
    const outermost = inside.filter(
      (one) => !inside.some((other) => other !== one && other.from <= one.from && other.to >= one.to),
    );
    span.lines = span.to - span.from + 1 - outermost.reduce((sum, one) => sum + one.to - one.from, 0);
  }
  return spans.map(({ from, lines }) => ({ line: from, lines }));
}

/** `Date.now` and the like: where an object of this name is asked for that property. */
export function memberUses(
  path: string,
  text: string,
  object: RegExp,
  property: RegExp,
): { line: number; what: string }[] {
  const found: { line: number; what: string }[] = [];
  for (const node of nodes(path, text)) {
    if (node.type !== "MemberExpression") continue;
    const [left, right] = [node["object"], node["property"]];
    if (!isNode(left, "Identifier") || !isNode(right, "Identifier")) continue;
    const names = [String(left["name"]), String(right["name"])] as const;
    if (object.test(names[0]) && property.test(names[1])) {
      found.push({ line: lineOf(text, node.start), what: names.join(".") });
    }
  }
  return found;
}
