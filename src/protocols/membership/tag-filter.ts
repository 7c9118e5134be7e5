/**
 * The expressions of tag filters. They come from other members, so they are not given to JavaScript's RegExp, which
 * may take exponential time. This is the part of Go's syntax that people use for tags: literals, `.`, `[a-z]`,
 * `[^a-z]`, `\d` `\w` `\s` and escapes, each with `*`, `+` or `?`, anchors, and `|` between whole alternatives.
 * All possible places are followed at once (Thompson 1968): time is length of expression times length of value.
 * An expression outside this part (groups, counted repeats) matches nothing.
 */
import { TAG_EXPRESSION_MAX } from "./constants.ts";

interface Atom {
  accepts: (unit: number) => boolean;
  optional: boolean;
  repeats: boolean;
}

interface Pattern {
  atoms: Atom[];
  fromStart: boolean;
  toEnd: boolean;
}

/** True when `expression` is found anywhere in `value`. */
export function matches(expression: string, value: string): boolean {
  if (expression.length > TAG_EXPRESSION_MAX) return false;
  const patterns = parse(expression);
  return patterns?.some((pattern) => found(pattern, value)) ?? false;
}

/** Does `matches` understand it? */
export function isExpression(text: string): boolean {
  return text.length <= TAG_EXPRESSION_MAX && parse(text) !== undefined;
}

function found({ atoms, fromStart, toEnd }: Pattern, value: string): boolean {
  let places = new Set<number>();
  for (let at = 0; at <= value.length; at++) {
    if (at === 0 || !fromStart) enter(atoms, 0, places);
    if (places.has(atoms.length) && (!toEnd || at === value.length)) return true;
    if (at === value.length) return false;
    const unit = value.charCodeAt(at);
    const next = new Set<number>();
    for (const place of places) {
      const atom = atoms[place];
      if (!atom?.accepts(unit)) continue;
      if (atom.repeats) next.add(place);
      enter(atoms, place + 1, next);
    }
    places = next;
  }
  return false;
}

/** Adds a place, and those that are reached from it without a character. */
function enter(atoms: Atom[], place: number, places: Set<number>): void {
  for (let at = place; ; at++) {
    places.add(at);
    if (!atoms[at]?.optional) return;
  }
}

function parse(expression: string): Pattern[] | undefined {
  const patterns: Pattern[] = [];
  let rest = expression;
  let pattern: Pattern = { atoms: [], fromStart: false, toEnd: false };
  while (rest !== "") {
    if (rest[0] === "|") {
      patterns.push(pattern);
      pattern = { atoms: [], fromStart: false, toEnd: false };
      rest = rest.slice(1);
      continue;
    }
    if (pattern.toEnd) return undefined;
    if (rest[0] === "^" && pattern.atoms.length === 0) pattern.fromStart = true;
    else if (rest[0] === "$") pattern.toEnd = true;
    else {
      const parsed = parseAtom(rest);
      if (!parsed) return undefined;
      pattern.atoms.push(parsed.atom);
      rest = parsed.rest;
      continue;
    }
    rest = rest.slice(1);
  }
  patterns.push(pattern);
  return patterns;
}

function parseAtom(text: string): { atom: Atom; rest: string } | undefined {
  const first = text[0]!;
  let accepts: Atom["accepts"] | undefined;
  let length = 1;
  if (first === "\\") {
    accepts = escaped(text[1]);
    length = 2;
  } else if (first === "[") {
    const end = text.indexOf("]", text[1] === "^" ? 3 : 2);
    accepts = end < 0 ? undefined : charClass(text.slice(1, end));
    length = end + 1;
  } else if (first === ".") accepts = () => true;
  else if (!"(){}*+?^".includes(first)) accepts = (unit) => unit === first.charCodeAt(0);
  if (!accepts) return undefined;
  const quantifier = text[length] ?? "";
  const quantified = quantifier !== "" && "*+?".includes(quantifier);
  const rest = text.slice(quantified ? length + 1 : length);
  // Lazy marks do not change whether something matches.
  const atom: Atom = {
    accepts,
    optional: quantifier === "*" || quantifier === "?",
    repeats: quantifier === "*" || quantifier === "+",
  };
  return { atom, rest: quantified && rest[0] === "?" ? rest.slice(1) : rest };
}

function escaped(letter: string | undefined): Atom["accepts"] | undefined {
  const classes: Record<string, string> = { d: "0-9", w: "0-9A-Za-z_", s: " \t\n\r\f" };
  if (letter === undefined) return undefined;
  if (classes[letter] !== undefined) return charClass(classes[letter]);
  if (/[A-Za-z0-9]/.test(letter)) return undefined;
  return (unit) => unit === letter.charCodeAt(0);
}

function charClass(body: string): Atom["accepts"] | undefined {
  const negated = body[0] === "^";
  const set = negated ? body.slice(1) : body;
  if (set === "" || set.includes("\\") || set.includes("[")) return undefined;
  const ranges: [number, number][] = [];
  for (let i = 0; i < set.length; i++) {
    const low = set.charCodeAt(i);
    const isRange = set[i + 1] === "-" && i + 2 < set.length;
    ranges.push([low, isRange ? set.charCodeAt(i + 2) : low]);
    if (isRange) i += 2;
  }
  return (unit) => ranges.some(([low, high]) => unit >= low && unit <= high) !== negated;
}
