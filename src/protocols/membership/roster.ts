/**
 * The names that are known, each with a number, and what members say of themselves (address, tags, versions), each
 * said once. A table of members is then an array of numbers, and tables in one process may share a roster: in the
 * simulator 20,000 boxes know one another, and each name is kept once instead of 20,000 times.
 *
 * Names and facts are counted by those that hold them and freed with the last, so that names which come and go, as a
 * hostile member can make them, leave nothing behind. A freed number is given to another name.
 */
import { fromUtf8, utf8 } from "../wire/utf8.ts";
import { largerSize, longer } from "./columns.ts";
import { printOf } from "./digest.ts";
import type { Facts } from "./facts.ts";

/** Ways in which a name's print may be looked up; more are wrong less often, and slower. */
const WAYS = 4;
const FOUND_FIRST = 16 * WAYS;

export class Roster {
  readonly #numbers = new Map<string, number>();
  readonly #names: (string | undefined)[] = [];
  readonly #freeNames: number[] = [];
  /** By name: hash, holders, and the first of the facts that somebody holds of it, plus one. */
  #prints = new Uint32Array(8);
  #holders = new Uint32Array(8);
  #firstFacts = new Uint32Array(8);
  readonly #facts: (Facts | undefined)[] = [];
  readonly #freeFacts: number[] = [];
  /** By facts: hash, holders, and the next of the same name, plus one. Mostly there is one, two while news spread. */
  #factsPrints = new Uint32Array(8);
  #factsHolders = new Uint32Array(8);
  #nextFacts = new Uint32Array(8);
  /** Numbers plus one by the prints of their names, to be looked at first; forgetful. */
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
    const print = printOf(bytes, start, end);
    const first = print & (this.#found.length - 1) & -WAYS;
    for (let way = first; way < first + WAYS; way++) {
      const number = this.#found[way]! - 1;
      if (number < 0 || this.#prints[number] !== print) continue;
      const name = this.#names[number];
      if (name !== undefined && isAsciiText(name, bytes, start, end)) return number;
    }
    const number = this.numberOf(fromUtf8(bytes, start, end));
    if (number >= 0) this.#remember(number, first);
    return number;
  }

  #remember(number: number, first: number): void {
    let way = first;
    while (way < first + WAYS - 1 && this.#found[way] !== 0) way++;
    this.#found[way] = number + 1;
  }

  nameOf(number: number): string {
    return this.#names[number]!;
  }

  /** A hash of the name. */
  printOf(number: number): number {
    return this.#prints[number]!;
  }

  factsOf(factsNumber: number): Facts {
    return this.#facts[factsNumber]!;
  }

  /** A hash of the facts. */
  factsPrint(factsNumber: number): number {
    return this.#factsPrints[factsNumber]!;
  }

  /** Holds a name, and gives its number. */
  holdName(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) {
      this.#holders[known]!++;
      return known;
    }
    const number = this.#freeNames.pop() ?? this.#names.length;
    if (number >= this.#prints.length) this.#growNames();
    const bytes = utf8(name);
    this.#names[number] = name;
    this.#prints[number] = printOf(bytes, 0, bytes.length);
    this.#holders[number] = 1;
    this.#firstFacts[number] = 0;
    this.#numbers.set(name, number);
    return number;
  }

  /** Gives one hold of a name back; that of its facts first. */
  releaseName(number: number): void {
    if (--this.#holders[number]! > 0) return;
    this.#numbers.delete(this.#names[number]!);
    this.#names[number] = undefined;
    this.#freeNames.push(number);
  }

  /** Holds facts of a held name, and gives their number: that of equal ones when there are any. */
  holdFacts(number: number, facts: Facts): number {
    for (let known = this.#firstFacts[number]! - 1; known >= 0; known = this.#nextFacts[known]! - 1) {
      if (!this.#facts[known]!.equals(facts)) continue;
      this.#factsHolders[known]!++;
      return known;
    }
    const factsNumber = this.#freeFacts.pop() ?? this.#facts.length;
    if (factsNumber >= this.#factsPrints.length) this.#growFacts();
    this.#facts[factsNumber] = facts;
    this.#factsPrints[factsNumber] = printOf(facts.fields, 0, facts.fields.length);
    this.#factsHolders[factsNumber] = 1;
    this.#nextFacts[factsNumber] = this.#firstFacts[number]!;
    this.#firstFacts[number] = factsNumber + 1;
    return factsNumber;
  }

  releaseFacts(number: number, factsNumber: number): void {
    if (--this.#factsHolders[factsNumber]! > 0) return;
    const next = this.#nextFacts[factsNumber]!;
    let before = this.#firstFacts[number]! - 1;
    if (before === factsNumber) this.#firstFacts[number] = next;
    else {
      while (this.#nextFacts[before]! - 1 !== factsNumber) before = this.#nextFacts[before]! - 1;
      this.#nextFacts[before] = next;
    }
    this.#facts[factsNumber] = undefined;
    this.#freeFacts.push(factsNumber);
  }

  /** One more hold of a name and of facts, by whoever takes over a table that holds them. */
  holdAgain(number: number, factsNumber: number): void {
    this.#holders[number]!++;
    this.#factsHolders[factsNumber]!++;
  }

  #growNames(): void {
    const size = largerSize(this.#prints.length);
    this.#prints = longer(this.#prints, new Uint32Array(size));
    this.#holders = longer(this.#holders, new Uint32Array(size));
    this.#firstFacts = longer(this.#firstFacts, new Uint32Array(size));
    // Filled again as names are looked for.
    if (size * 2 > this.#found.length) this.#found = new Uint32Array(this.#found.length * 2);
  }

  #growFacts(): void {
    const size = largerSize(this.#factsPrints.length);
    this.#factsPrints = longer(this.#factsPrints, new Uint32Array(size));
    this.#factsHolders = longer(this.#factsHolders, new Uint32Array(size));
    this.#nextFacts = longer(this.#nextFacts, new Uint32Array(size));
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
