/**
 * The patterns of SCAN and KEYS: `*` any characters, `?` one, `[abc]`, `[a-c]`, `[^a]` one of some, `\` takes the next
 * as it is. Time is at most the product of both lengths, whatever the pattern: it goes back only to the last star.
 */

/** True when the whole text fits the pattern. Both have one character for each byte. */
export function matchesGlob(pattern: string, text: string): boolean {
  let at = 0;
  let read = 0;
  let starAt = -1;
  let starRead = 0;
  while (read < text.length) {
    if (pattern[at] === "*") {
      starAt = at += 1;
      starRead = read;
      continue;
    }
    const after = at < pattern.length ? matchOne(pattern, at, text.charCodeAt(read)) : -1;
    if (after >= 0) {
      at = after;
      read += 1;
    } else if (starAt >= 0) {
      at = starAt;
      read = starRead += 1;
    } else {
      return false;
    }
  }
  while (pattern[at] === "*") at += 1;
  return at >= pattern.length;
}

/** What every text that fits begins with. */
export function globPrefix(pattern: string): string {
  let prefix = "";
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern[at]!;
    if (char === "*" || char === "?" || char === "[") break;
    if (char === "\\" && at + 1 < pattern.length) at += 1;
    prefix += pattern[at]!;
  }
  return prefix;
}

/** Where the pattern goes on after a part that takes one character; -1 when it does not take this one. */
function matchOne(pattern: string, at: number, code: number): number {
  const char = pattern[at]!;
  if (char === "?") return at + 1;
  if (char === "[") return matchSome(pattern, at + 1, code);
  const literal = char === "\\" && at + 1 < pattern.length ? at + 1 : at;
  return pattern.charCodeAt(literal) === code ? literal + 1 : -1;
}

/** A pattern that ends inside the brackets is taken as if they were closed, as in Redis. */
function matchSome(pattern: string, begin: number, code: number): number {
  const not = pattern[begin] === "^";
  let at = not ? begin + 1 : begin;
  let found = false;
  while (at < pattern.length && pattern[at] !== "]") {
    if (pattern[at] === "\\" && at + 1 < pattern.length) {
      at += 1;
      if (pattern.charCodeAt(at) === code) found = true;
    } else if (pattern[at + 1] === "-" && at + 2 < pattern.length) {
      const ends = [pattern.charCodeAt(at), pattern.charCodeAt(at + 2)];
      if (code >= Math.min(...ends) && code <= Math.max(...ends)) found = true;
      at += 2;
    } else if (pattern.charCodeAt(at) === code) {
      found = true;
    }
    at += 1;
  }
  return found === not ? -1 : Math.min(at + 1, pattern.length);
}
