/**
 * Ways to spoil JSON that another box sends: on its bytes, as text, and in its fields. Every change is drawn from a
 * seeded generator, so that what a run finds can be found again.
 */
import type { Random } from "../../src/kernel/random.ts";

type Fields = Record<string, unknown>;

export function pick<T>(from: readonly T[], random: Random): T {
  return from[random.below(from.length)]!;
}

/** Bytes flipped, cut, doubled, or spliced with another text. */
function spoiledBytes(text: string, other: string, random: Random): string {
  const bytes = Buffer.from(text);
  switch (random.below(5)) {
    case 0:
      for (let flips = 1 + random.below(3); flips > 0; flips--) {
        const at = random.below(bytes.length);
        bytes[at] = bytes[at]! ^ (1 << random.below(8));
      }
      return bytes.toString();
    case 1:
      return text.slice(0, random.below(text.length));
    case 2:
      return text.slice(0, random.below(text.length)) + other.slice(random.below(other.length));
    case 3: {
      const at = random.below(text.length);
      return text.slice(0, at) + text.slice(Math.max(0, at - random.below(30)));
    }
    default: {
      // In the place of a letter or digit another one: it stays JSON, most of the time.
      const at = random.below(text.length);
      const char = text[at]!;
      if (/[0-9]/.test(char)) return text.slice(0, at) + random.below(10) + text.slice(at + 1);
      if (/[a-zA-Z]/.test(char)) return text.slice(0, at) + pick(["a", "Z", "é", "_"], random) + text.slice(at + 1);
      return text;
    }
  }
}

/** The same or nearly the same value in another spelling, and spellings that readers understand differently. */
function respelled(text: string, random: Random): string {
  const at = text.indexOf('":') + 2;
  switch (random.below(9)) {
    case 0:
      // A key twice: readers differ about which one counts.
      return `${text.slice(0, 1)}"seq":${random.below(99)},"body":{"x":1},${text.slice(1)}`;
    case 1:
      return `${text.slice(0, -1)},"seq":${random.below(99)}}`;
    case 2:
      return text.replace(
        /"seq":(\d+)/,
        (_all, seq: string) => `"seq":${pick([`${seq}.0`, `${seq}e0`, `0${seq}`, `-${seq}`, `${seq}.5`], random)}`,
      );
    case 3:
      return text.replace(
        /"seq":\d+/,
        () => `"seq":${pick(["1e400", "9007199254740993", "1e21", "-0", "18446744073709551616"], random)}`,
      );
    case 4:
      return text.replace(/a/, "\\u0061").replaceAll("e", () => pick(["e", "\\u0065"], random));
    case 5:
      return text.replace(
        /"key":"/,
        () => `"key":"${pick(["\\ud800", "\\u0000", "\\u202e", "e\\u0301", "\\udc00\\ud800"], random)}`,
      );
    case 6:
      return `${text.slice(0, at)} \n\t${text.slice(at)} `;
    case 7:
      return `${text.slice(0, 1)}"__proto__":{"sig":"x","body":1},"constructor":null,${text.slice(1)}`;
    default:
      return `${text.slice(0, 1)}"\\u0062ody":${"[".repeat(400)}1${"]".repeat(400)},${text.slice(1)}`;
  }
}

export function deep(levels: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < levels; i++) value = i % 2 ? { a: value } : [value];
  return value;
}

const NUMBERS = [0, -1, 1, 1.5, 2 ** 31, 2 ** 53 - 1, 2 ** 53, 1e308, NaN, null, "1", true, [], {}];

/** A field taken away, made something else, or taken from another record. */
function swapped(text: string, other: string, random: Random): string {
  const [value, donor] = [JSON.parse(text), JSON.parse(other)] as [Fields, Fields];
  const name = pick(Object.keys(value), random);
  switch (random.below(7)) {
    case 0:
      delete value[name];
      break;
    case 1:
      value[name] = pick(NUMBERS, random);
      break;
    case 2:
      value[name] = donor[name];
      break;
    case 3:
      // Somebody else's key and signature under this one's words.
      value["sig"] = donor["sig"];
      value["author"] = donor["author"];
      break;
    case 4:
      value["body"] = pick(
        [deep(random.below(40)), "x".repeat(random.below(9000)), [], { a: undefined }, null],
        random,
      );
      break;
    case 5: {
      const body = value["body"];
      if (typeof body === "object" && body !== null && Object.keys(body).length > 0) {
        const key = pick(Object.keys(body), random);
        (body as Fields)[key] = pick([...NUMBERS, "x", deep(3), (donor["body"] as Fields | null)?.[key]], random);
      }
      break;
    }
    default:
      value["body"] = donor["body"];
  }
  return JSON.stringify(value);
}

/** One of all that. The texts are JSON objects. */
export function spoiled(text: string, other: string, random: Random): string {
  const kind = random.below(3);
  if (kind === 0) return spoiledBytes(text, other, random);
  return kind === 1 ? respelled(text, random) : swapped(text, other, random);
}

/** A value changed somewhere inside: for messages that are lists of lists. */
export function spoiledDeeply(value: unknown, random: Random, donor: unknown, depth = 0): unknown {
  const isStop = random.float() < 0.25 || depth > 6;
  if (Array.isArray(value) && value.length > 0 && !isStop) {
    const list: unknown[] = [...(value as unknown[])];
    const at = random.below(list.length);
    const roll = random.float();
    if (roll < 0.15) list.splice(at, 1);
    else if (roll < 0.28) list.push(list[at]);
    else if (roll < 0.32) return Array.from({ length: 2000 }, () => list[at]);
    else list[at] = spoiledDeeply(list[at], random, donor, depth + 1);
    return list;
  }
  if (typeof value === "object" && value !== null && Object.keys(value).length > 0 && !isStop) {
    const copy = { ...(value as Fields) };
    const key = pick(Object.keys(copy), random);
    if (random.float() < 0.1) delete copy[key];
    else if (random.float() < 0.2) copy[key] = (donor as Fields | undefined)?.[key];
    else copy[key] = spoiledDeeply(copy[key], random, (donor as Fields | undefined)?.[key], depth + 1);
    return copy;
  }
  if (typeof value === "number") return pick([...NUMBERS, value + 1, value - 1, -value], random);
  if (typeof value === "boolean") return !value;
  if (typeof value === "string" && value.length > 0 && random.float() < 0.7) {
    const at = random.below(value.length);
    const char = pick(["a", "7", "A", "", "é", "zz"], random);
    return value.slice(0, at) + char + value.slice(at + 1);
  }
  return pick([null, 7, "x", "", [], {}, true, deep(30), donor, "a".repeat(60)], random);
}
