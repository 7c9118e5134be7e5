/**
 * Messages waiting to be gossiped. Each goes out a limited number of times, those sent least first, so that news
 * overtake old news. A newer message about the same subject takes the place of the older one.
 */
import { BROADCAST_MISFITS_MAX, BROADCASTS_MAX } from "./constants.ts";

interface Entry {
  message: Uint8Array;
  subject: string;
  /** Times sent; tells the bucket. */
  sent: number;
}

/** retransmitMult * ceil(log10(members + 1)). */
export function transmitLimit(retransmitMult: number, members: number): number {
  return retransmitMult * Math.ceil(Math.log10(members + 1));
}

export class Broadcasts {
  /** By times sent. Within one, the newest stands last and is taken first. */
  readonly #bySent: Entry[][] = [];
  readonly #subjects = new Map<string, Entry>();
  readonly #max: number;
  #size = 0;
  /** Messages lost because the queue was full. */
  dropped = 0;

  constructor(max: number = BROADCASTS_MAX) {
    this.#max = max;
  }

  get size(): number {
    return this.#size;
  }

  /** `subject` is what the message is about, for instance a node's name; empty when nothing replaces it. */
  add(message: Uint8Array, subject = ""): void {
    if (subject !== "") {
      const older = this.#subjects.get(subject);
      if (older) this.#drop(older);
    }
    if (this.#size >= this.#max) this.#dropMostSent();
    const entry: Entry = { message, subject, sent: 0 };
    if (subject !== "") this.#subjects.set(subject, entry);
    this.#bucket(0).push(entry);
    this.#size++;
  }

  /**
   * Moves messages into `into` while they fit, and counts them as sent.
   * @param bytesLeft room, of which each message takes its length plus `overhead`
   * @returns the room that is left
   */
  take(bytesLeft: number, overhead: number, limit: number, countMax: number, into: Uint8Array[]): number {
    if (this.#size === 0) return bytesLeft;
    let misfits = BROADCAST_MISFITS_MAX;
    const again: Entry[] = [];
    for (let sent = 0; sent < this.#bySent.length && misfits > 0; sent++) {
      const bucket = this.#bySent[sent]!;
      for (let i = bucket.length - 1; i >= 0 && misfits > 0 && into.length < countMax; i--) {
        const entry = bucket[i]!;
        const cost = entry.message.length + overhead;
        if (cost > bytesLeft) {
          misfits--;
          continue;
        }
        bytesLeft -= cost;
        into.push(entry.message);
        if (sent + 1 >= limit) this.#drop(entry);
        else {
          bucket.splice(i, 1);
          again.push(entry);
        }
      }
    }
    // Only now, so that nothing is taken twice into one packet.
    for (const entry of again) this.#bucket(++entry.sent).push(entry);
    return bytesLeft;
  }

  /** Clears the queue. */
  clear(): void {
    this.#bySent.length = 0;
    this.#subjects.clear();
    this.#size = 0;
  }

  #bucket(sent: number): Entry[] {
    while (this.#bySent.length <= sent) this.#bySent.push([]);
    return this.#bySent[sent]!;
  }

  #drop(entry: Entry): void {
    const bucket = this.#bucket(entry.sent);
    bucket.splice(bucket.lastIndexOf(entry), 1);
    this.#size--;
    if (entry.subject !== "") this.#subjects.delete(entry.subject);
  }

  #dropMostSent(): void {
    for (let sent = this.#bySent.length - 1; sent >= 0; sent--) {
      const oldest = this.#bySent[sent]![0];
      if (!oldest) continue;
      this.#drop(oldest);
      this.dropped++;
      return;
    }
  }
}
