/**
 * The names that are known, each with a number, and what members say of themselves (address, tags, versions), each
 * said once. A table of members is then an array of numbers, and tables in one process may share a roster: in the
 * simulator 20,000 boxes know one another, and each name is kept once instead of 20,000 times.
 *
 * Names and facts are counted by those that hold them and freed with the last, so that names which come and go, as a
 * hostile member can make them, leave nothing behind. A freed number is given to another name.
 */
import { decodeTags } from "./tags.ts";
import type { Tags } from "./tags.ts";

/** What a member says of itself. Never changed: news are other facts. */
export class Facts {
  /** As text, canonical. */
  readonly address: string;
  readonly addressBytes: Uint8Array;
  readonly port: number;
  /** Its tags, encoded. */
  readonly meta: Uint8Array;
  readonly versions: Uint8Array;
  #tags: Tags | undefined;

  constructor(address: string, addressBytes: Uint8Array, port: number, meta: Uint8Array, versions: Uint8Array) {
    this.address = address;
    this.addressBytes = addressBytes;
    this.port = port;
    this.meta = meta;
    this.versions = versions;
  }

  /** Read when they are first asked for. Meta that is no tags (another program in the same cluster) shows as none. */
  get tags(): Tags {
    this.#tags ??= Object.freeze(safeTags(this.meta));
    return this.#tags;
  }

  equals(other: Omit<Facts, "address" | "tags" | "equals">): boolean {
    if (this.port !== other.port || !sameBytes(this.meta, other.meta)) return false;
    return sameBytes(this.addressBytes, other.addressBytes) && sameBytes(this.versions, other.versions);
  }
}

interface NameEntry {
  name: string;
  holders: number;
  /** Numbers of the facts that somebody holds of it: mostly one, two while a change spreads. */
  facts: number[];
}

interface FactsEntry {
  facts: Facts;
  holders: number;
}

export class Roster {
  readonly #numbers = new Map<string, number>();
  readonly #names: (NameEntry | undefined)[] = [];
  readonly #freeNames: number[] = [];
  readonly #facts: (FactsEntry | undefined)[] = [];
  readonly #freeFacts: number[] = [];

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

  nameOf(number: number): string {
    return this.#names[number]!.name;
  }

  factsOf(factsNumber: number): Facts {
    return this.#facts[factsNumber]!.facts;
  }

  /** Holds a name, and gives its number. */
  holdName(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) {
      this.#names[known]!.holders++;
      return known;
    }
    const number = this.#freeNames.pop() ?? this.#names.length;
    this.#names[number] = { name, holders: 1, facts: [] };
    this.#numbers.set(name, number);
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
      if (entry.facts !== facts && !entry.facts.equals(facts)) continue;
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

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function safeTags(meta: Uint8Array): Tags {
  try {
    return decodeTags(meta);
  } catch {
    return {};
  }
}
