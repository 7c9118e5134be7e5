/**
 * Takes a line apart as Redis does with what people type ("inline commands"): words between blanks; "double quotes"
 * with \xHH, \n, \r, \t, \b, \a; 'single quotes' with \'. A closing quote must be followed by a blank or the end.
 */
const BACKSLASH = 0x5c;
const DOUBLE = 0x22;
const SINGLE = 0x27;
const ESCAPES = new Map([
  [0x6e, 0x0a],
  [0x72, 0x0d],
  [0x74, 0x09],
  [0x62, 0x08],
  [0x61, 0x07],
]);

/** The words of a line, copied; undefined when its quotes do not fit. */
export function splitInline(line: Uint8Array): Uint8Array[] | undefined {
  const words: Uint8Array[] = [];
  const word = new Uint8Array(line.length);
  let at = 0;
  for (;;) {
    while (at < line.length && isBlank(line[at]!)) at += 1;
    if (at >= line.length) return words;
    let size = 0;
    let quote = 0;
    for (; at < line.length; at += 1) {
      const byte = line[at]!;
      if (quote === 0) {
        if (isBlank(byte)) break;
        if (byte === DOUBLE || byte === SINGLE) quote = byte;
        else word[size++] = byte;
      } else if (byte === BACKSLASH && at + 1 < line.length) {
        const taken = escaped(line, at, quote);
        word[size++] = taken.byte;
        at += taken.length - 1;
      } else if (byte === quote) {
        if (at + 1 < line.length && !isBlank(line[at + 1]!)) return undefined;
        quote = 0;
      } else {
        word[size++] = byte;
      }
    }
    if (quote !== 0) return undefined;
    words.push(word.slice(0, size));
  }
}

/** What stands for a byte, beginning with a backslash at `at`, and how long it is. */
function escaped(line: Uint8Array, at: number, quote: number): { byte: number; length: number } {
  const next = line[at + 1]!;
  if (quote === SINGLE) return next === SINGLE ? { byte: SINGLE, length: 2 } : { byte: BACKSLASH, length: 1 };
  if (next === 0x78) {
    const high = hexDigit(line[at + 2]);
    const low = hexDigit(line[at + 3]);
    if (high >= 0 && low >= 0) return { byte: high * 16 + low, length: 4 };
  }
  return { byte: ESCAPES.get(next) ?? next, length: 2 };
}

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}
