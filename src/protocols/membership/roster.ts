/**
 * The names that are known, each with a number, and what members say of themselves (address, tags, versions), each
 * said once. A table of members is then an array of numbers, and tables in one process may share a roster: in the
 * simulator 20,000 boxes know one another, and each name is kept once instead of 20,000 times.
 *
 * Names and facts are counted by those that hold them and freed with the last, so that names which come and go, as a
 * hostile member can make them, leave nothing behind. A freed number is given to another name.
 */
import { fromUtf8, utf8 } from "../wire/utf8.ts";
import { printOf } from "./digest.ts";
import type { Facts } from "./facts.ts";

interface NameEntry {
  name: string;
  print: number;
  holders: number;
  /** Numbers of the facts that somebody holds of it: mostly one, two while a change spreads. */
  facts: number[];
}

interface FactsEntry {
  facts: Facts;
  holders: number;
}

/** Names found by their bytes, at first; doubled with the names. */
const FOUND_FIRST = 64;

export class Roster {
  readonly #numbers = new Map<string, number>();
  readonly #names: (NameEntry | undefined)[] = [];
  readonly #freeNames: number[] = [];
  readonly #facts: (FactsEntry | undefined)[] = [];
  readonly #freeFacts: number[] = [];
  /** By the print of a name's bytes: a number plus one that had that print, to be looked at. */
  #found = new Uint32Array(FOUND_FIRST);

  /** Names that somebody holds. */
  get size(): number {
    return this.#numbers.size;
  }

  /** All facts that somebody holds. */
  get factsCount(): number {
    return this.#facts.length - this.#freeFacts.length;
  }

  /** One more than the highest number that was ever given. */
  get end(): number {
    return this.#names.length;
  }

  /** -1 when nobody holds that name. */
  numberOf(name: string): number {
    return this.#numbers.get(name) ?? -1;
  }

  /** The number of the name that stands in bytes[start, end), mostly without building a string. Throws WireError. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const place = printOf(bytes, start, end) & (this.#found.length - 1);
    const known = this.#names[this.#found[place]! - 1]?.name;
    if (known !== undefined && isAsciiText(known, bytes, start, end)) return this.#found[place]! - 1;
    const number = this.numberOf(fromUtf8(bytes, start, end));
    if (number >= 0) this.#found[place] = number + 1;
    return number;
  }

  nameOf(number: number): string {
    return this.#names[number]!.name;
  }

  printOf(number: number): number {
    return this.#names[number]!.print;
  }

  factsOf(factsNumber: number): Facts {
    return this.#facts[factsNumber]!.facts;
  }

  factsPrint(factsNumber: number): number {
    return this.#facts[factsNumber]!.facts.print;
  }

  /** Holds a name, and gives its number. */
  holdName(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) {
      this.#names[known]!.holders++;
      return known;
    }
    const number = this.#freeNames.pop() ?? this.#names.length;
    const bytes = utf8(name);
    this.#names[number] = { name, print: printOf(bytes, 0, bytes.length), holders: 1, facts: [] };
    this.#numbers.set(name, number);
    if (this.#numbers.size * 2 > this.#found.length) this.#found = new Uint32Array(this.#found.length * 2);
    return number;
  }

  /** Gives one hold of a name back; that of its facts first. */
  releaseName(number: number): void {
    const entry = this.#names[number]!;
    if (--entry.holders > 0) return;
    this.#numbers.delete(entry.name);
    this.#names[number] = undefined;
    this.#freeNames.push(number);
  }

  /** Holds facts of a held name, and gives their number: that of equal ones when there are any. */
  holdFacts(number: number, facts: Facts): number {
    const owner = this.#names[number]!;
    for (const known of owner.facts) {
      const entry = this.#facts[known]!;
      if (!entry.facts.equals(facts)) continue;
      entry.holders++;
      return known;
    }
    const factsNumber = this.#freeFacts.pop() ?? this.#facts.length;
    this.#facts[factsNumber] = { facts, holders: 1 };
    owner.facts.push(factsNumber);
    return factsNumber;
  }

  releaseFacts(number: number, factsNumber: number): void {
    const entry = this.#facts[factsNumber]!;
    if (--entry.holders > 0) return;
    const { facts } = this.#names[number]!;
    facts.splice(facts.indexOf(factsNumber), 1);
    this.#facts[factsNumber] = undefined;
    this.#freeFacts.push(factsNumber);
  }

  /** One more hold of a name and of facts, by whoever takes over a table that holds them. */
  holdAgain(number: number, factsNumber: number): void {
    this.#names[number]!.holders++;
    this.#facts[factsNumber]!.holders++;
  }
}

/** False also for texts that are no plain ASCII. */
function isAsciiText(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let i = 0; i < text.length; i++) {
    const byte = bytes[start + i]!;
    if (byte >= 0x80 || byte !== text.charCodeAt(i)) return false;
  }
  return true;
}
