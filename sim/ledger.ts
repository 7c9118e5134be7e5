/**
 * What the simulator itself notes while the world runs, from outside the boxes: what authors wrote and what was
 * acknowledged to them, which numbers went over the wire, who was wrongly suspected, who was listened to. The checkers
 * judge by this, not by what the cores say of themselves.
 */
import type { Json } from "../src/protocols/records/canonical-json.ts";
import type { SignedRecord } from "../src/protocols/records/record.ts";
import { Alarms } from "./alarms.ts";

export interface Violation {
  promise: PromiseName;
  detail: string;
}

/** What the community relies on; docs/simulation.md says each in a sentence. */
export type PromiseName =
  | "membership-converges"
  | "no-false-death"
  | "few-false-suspicions"
  | "records-converge"
  | "acknowledged-kept"
  | "numbers-once"
  | "only-genuine"
  | "exclusion-holds"
  | "memory-bounded"
  | "news-get-through"
  | "one-exchange"
  | "quiet-at-rest";

export interface Acknowledged {
  author: string;
  kind: string;
  key: string;
  body: Json;
  seq: number;
}

/** Violations kept; the rest is only counted. */
const VIOLATIONS_MAX = 100;

export class Ledger {
  readonly violations: Violation[] = [];
  violationsMore = 0;
  /** By author, kind and key: the last that the box told its owner is safe. */
  readonly acknowledged = new Map<string, Acknowledged>();
  /** By excluded box: of its records only decisions up to this number may be anywhere. */
  readonly excluded = new Map<string, number>();
  /**
   * By author that lost its disk: the highest number that all others knew of at that moment. Of a higher one nobody
   * may be there to tell it, so it may use that again; the boxes must agree all the same.
   */
  readonly lostDisk = new Map<string, number>();
  readonly falseSuspicions: Alarms;
  readonly falseDeaths: Alarms;
  /** What a scenario measured, by name with unit. */
  readonly figures: Record<string, number> = {};
  readonly #numbers = new Map<string, string>();
  /** Large worlds are measured, not audited record by record. */
  readonly audits: boolean;

  constructor(audits: boolean, boxes: number) {
    this.audits = audits;
    this.falseSuspicions = new Alarms(boxes);
    this.falseDeaths = new Alarms(boxes);
  }

  violate(promise: PromiseName, detail: string): void {
    if (this.violations.length >= VIOLATIONS_MAX) this.violationsMore++;
    else this.violations.push({ promise, detail });
  }

  /** The box's store holds these now. Only its own records are acknowledgements. */
  stored(box: string, records: Iterable<SignedRecord>): void {
    if (!this.audits) return;
    for (const record of records) {
      if (record.author !== box) continue;
      const { author, kind, key, body, seq } = record;
      const slot = `${author}\n${kind}\n${key}`;
      const before = this.acknowledged.get(slot);
      if (before && before.seq >= seq) continue;
      this.acknowledged.set(slot, { author, kind, key, body, seq });
    }
  }

  /** A box sends these. An author that uses a number for two contents is caught when both have been sent. */
  sent(records: Iterable<SignedRecord>): void {
    if (!this.audits) return;
    for (const { author, seq, sig } of records) {
      const name = `${author} ${seq}`;
      const before = this.#numbers.get(name);
      if (before === undefined) this.#numbers.set(name, sig);
      else if (before !== sig && seq <= (this.lostDisk.get(author) ?? Infinity))
        this.violate("numbers-once", `${author.slice(0, 6)} sent two contents as number ${seq}`);
    }
  }

  /** The disk of this box is gone, and with it, as with any disk, what not everybody else has. */
  forgetAcknowledged(author: string, lastKnown: number): void {
    for (const [slot, record] of this.acknowledged) {
      if (record.author === author && record.seq > lastKnown) this.acknowledged.delete(slot);
    }
  }
}
