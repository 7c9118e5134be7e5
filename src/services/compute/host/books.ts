/**
 * The host's books: every sliver that this box has promised, from the reservation until its instance is gone. They are
 * on the disk before a promise is answered. All changes go through here, one at a time and without waiting in between,
 * so that two who ask for the last core at once cannot both get it.
 */
import { z } from "zod";
import { HOST_SLIVERS_MAX } from "../../../protocols/compute/constants.ts";
import { judge, REACHES } from "../../../protocols/compute/lending.ts";
import { largerOf, sumOf } from "../../../protocols/compute/resources.ts";
import type { Resources } from "../../../protocols/compute/resources.ts";
import type { Booking, LendPolicy, SliverSpec, Verdict, Wish } from "../../../protocols/compute/lending.ts";
import { changeOf } from "../../../protocols/compute/slice.ts";
import type { SliverRow, Wanted } from "../../../protocols/compute/sliver.ts";
import { ifRoom } from "../../../platform/disk-room.ts";
import type { Store } from "../../../platform/store.ts";

const MIGRATIONS = [
  `CREATE TABLE compute_bookings (sliver TEXT PRIMARY KEY, booking TEXT NOT NULL, wanted TEXT NOT NULL,
     evicted INTEGER NOT NULL) STRICT, WITHOUT ROWID;`,
  "CREATE TABLE compute_snapshots (sliver TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
];

export const sliverId = z.string().regex(/^[0-9a-z]{8,40}$/);
export const sliceId = z.string().regex(/^[0-9a-z-]{1,60}$/);
const count = z.number().int().min(0);

export const sliverSpec = z.strictObject({
  kind: z.enum(["container", "vm"]),
  image: z.string().regex(/^[0-9a-f]{64}$/),
  reach: z.enum(REACHES),
  ...{ cores: count, memoryBytes: count, diskBytes: count, egressBytesPerS: count },
});

export const bookingShape = z.strictObject({
  sliver: sliverId,
  borrower: z.strictObject({
    box: z.string().max(100),
    owner: z.string().max(200),
    zone: z.string().max(200),
    effort: z.number(),
  }),
  slice: sliceId.optional(),
  spec: sliverSpec,
  leaseEndMs: count,
});

export interface Entry extends Booking, SliverRow {
  /** Its host has given notice: its lease is not renewed. */
  isEvicted: boolean;
}

interface Row {
  sliver: string;
  booking: string;
  wanted: Wanted;
  evicted: number;
}

export class Books {
  readonly #store: Store;
  readonly #policy: () => LendPolicy;
  readonly #entries = new Map<string, Entry>();
  /** Entries of which the disk, without room for them, does not know all. */
  readonly #unwritten = new Set<string>();
  /** What instances have, where that was seen. */
  readonly #held = new Map<string, SliverSpec>();
  /** How many snapshots slivers have: each may take as much of the disk as the sliver itself. */
  readonly #snapshots = new Map<string, number>();

  constructor(needs: { store: Store; policy: () => LendPolicy }) {
    this.#store = needs.store;
    this.#policy = needs.policy;
    needs.store.migrate("compute-bookings", MIGRATIONS);
    for (const row of needs.store.prepare<Row>("SELECT * FROM compute_bookings ORDER BY sliver").all()) {
      const booking = readBooking(row.booking);
      // It was written by us; what cannot be read any more has an instance that says the same, or none.
      if (booking) this.#entries.set(row.sliver, { ...entryOf(booking, row.wanted), isEvicted: row.evicted === 1 });
    }
    const counted = needs.store.prepare<{ sliver: string; count: number }>(
      "SELECT sliver, count FROM compute_snapshots",
    );
    for (const { sliver, count: there } of counted.all()) this.#snapshots.set(sliver, there);
  }

  /** What is promised altogether, snapshots included. */
  used(): Resources {
    return sumOf([...this.#promised().values()].map(({ spec }) => spec));
  }

  snapshotsOf(sliver: string): number {
    return this.#snapshots.get(sliver) ?? 0;
  }

  /** On the disk when it returns. */
  noteSnapshots(sliver: string, count: number): void {
    if (!this.#entries.has(sliver) || this.snapshotsOf(sliver) === count) return;
    this.#store.prepare("INSERT OR REPLACE INTO compute_snapshots (sliver, count) VALUES (?, ?)").run(sliver, count);
    this.#snapshots.set(sliver, count);
  }

  /** Whether what is lent has room for the disk of this sliver once more. */
  hasRoomAgain(sliver: string): boolean {
    const { diskBytes = 0 } = this.#entries.get(sliver)?.spec ?? {};
    return this.used().diskBytes + diskBytes <= this.#policy().lent.diskBytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  all(): Entry[] {
    return [...this.#entries.values()];
  }

  get(sliver: string): Entry | undefined {
    return this.#entries.get(sliver);
  }

  /**
   * Grants and books, or refuses. What is booked already stays as it is wanted, and gets the new end of its lease, and
   * other limits if there is room for the difference. Throws `disk-full`: then nothing is booked.
   */
  reserve(wish: Wish, wanted: Wanted = "running"): Verdict {
    const { sliver, borrower, spec, leaseEndMs } = wish;
    const there = this.#entries.get(sliver);
    // What is on its way out stays there: its room is free only when it is gone.
    if (there?.wanted === "gone") return { state: "refused", why: "id-taken" };
    if (there?.isEvicted) return { state: "refused", why: "evicted" };
    if (there?.borrower.box === borrower.box && changeOf(there.spec, spec) === "resize")
      return this.#resize(there, wish);
    const verdict = judge(this.#policy(), this.#promised(sliver), wish);
    if (verdict.state === "refused") return verdict;
    // It never moves to another slice.
    const { slice } = there ?? wish;
    this.#put(entryOf({ sliver, borrower, slice, spec, leaseEndMs }, there?.wanted ?? wanted));
    return verdict;
  }

  /** What `reserve` would say now, and how many such slivers would be granted one after the other. */
  offer(wish: Wish): { verdict: Verdict; fits: number } {
    const trial = this.#promised();
    const verdict = judge(this.#policy(), trial, wish);
    let fits = 0;
    for (; fits < HOST_SLIVERS_MAX; fits += 1) {
      const one = { ...wish, sliver: `offer-${fits}` };
      if (judge(this.#policy(), trial, one).state === "refused") break;
      trial.set(one.sliver, one);
    }
    return { verdict, fits };
  }

  /** Takes in an instance that the books do not know, by what it says of itself. */
  adopt(booking: Booking, wanted: Wanted): void {
    if (!this.#entries.has(booking.sliver)) this.#keep(entryOf(booking, wanted));
  }

  /** Other limits for what is booked, when there is room for the difference; else all stays as it was. */
  #resize(there: Entry, wish: Wish): Verdict {
    const others = new Map([...this.#promised()].filter(([sliver]) => sliver !== wish.sliver));
    const { spec, leaseEndMs } = wish;
    const verdict = judge(this.#policy(), others, { ...wish, spec: this.#withSnapshots(wish.sliver, spec) });
    if (verdict.state === "granted") this.#put({ ...there, spec, leaseEndMs, failures: 0 });
    return verdict;
  }

  /** Its host wants it to end sooner. */
  shorten(sliver: string, leaseEndMs: number): void {
    const there = this.#entries.get(sliver);
    if (there && leaseEndMs < there.leaseEndMs) this.#keep({ ...there, leaseEndMs, isEvicted: true });
  }

  /** The instance has these limits as yet: what they take is free only when they are other ones. */
  noteHeld(sliver: string, spec: SliverSpec | undefined): void {
    if (spec && this.#entries.has(sliver)) this.#held.set(sliver, spec);
    else this.#held.delete(sliver);
  }

  /**
   * On the disk when it returns. Throws `disk-full`: then all stays as it was, but what is to go goes all the same,
   * since that makes room.
   */
  want(sliver: string, wanted: Wanted): void {
    const there = this.#entries.get(sliver);
    if (!there) return;
    // There is no way back from the end: its borrower has heard that it goes.
    const isNew = there.wanted !== wanted && there.wanted !== "gone";
    const next = isNew ? { ...there, wanted, failures: 0 } : there;
    if (isNew && wanted === "gone") this.#hold(next);
    if (isNew || this.#unwritten.has(sliver)) this.#put(next);
  }

  /** In memory only: after a restart everything is tried at once. */
  noteFailure(sliver: string, nowMs: number): void {
    const there = this.#entries.get(sliver);
    if (there) Object.assign(there, { failures: there.failures + 1, failedAtMs: nowMs });
  }

  noteSuccess(sliver: string): void {
    const there = this.#entries.get(sliver);
    if (there) there.failures = 0;
  }

  /** Its instance is gone. False when the disk did not take that: to be said again. */
  forget(sliver: string): boolean {
    const isWritten = ifRoom(() =>
      this.#store.transaction(() => {
        this.#store.prepare("DELETE FROM compute_bookings WHERE sliver = ?").run(sliver);
        this.#store.prepare("DELETE FROM compute_snapshots WHERE sliver = ?").run(sliver);
      }),
    );
    if (!isWritten) return false;
    this.#entries.delete(sliver);
    this.#unwritten.delete(sliver);
    this.#held.delete(sliver);
    this.#snapshots.delete(sliver);
    return true;
  }

  /** What the disk had no room for, tried again. */
  writeRest(): void {
    for (const sliver of this.#unwritten) {
      if (!ifRoom(() => this.#put(this.#entries.get(sliver)!))) return;
    }
  }

  #withSnapshots(sliver: string, spec: SliverSpec): SliverSpec {
    return { ...spec, diskBytes: spec.diskBytes * (1 + this.snapshotsOf(sliver)) };
  }

  /** With what each takes now, or is to take, whichever is more. `asked`, which is compared with a wish, as booked. */
  #promised(asked?: string): Map<string, Booking> {
    const larger = (entry: Entry): Booking => {
      const { sliver, spec } = entry;
      const held = this.#held.get(sliver);
      const most = held ? { ...spec, ...largerOf(spec, held) } : spec;
      return { ...entry, spec: sliver === asked ? most : this.#withSnapshots(sliver, most) };
    };
    return new Map([...this.#entries].map(([sliver, entry]) => [sliver, larger(entry)]));
  }

  /** For what is so whether or not the disk takes it now. */
  #keep(entry: Entry): void {
    this.#hold(entry);
    ifRoom(() => this.#put(entry));
  }

  #hold(entry: Entry): void {
    this.#entries.set(entry.sliver, entry);
    this.#unwritten.add(entry.sliver);
  }

  #put(entry: Entry): void {
    const { sliver, wanted, isEvicted } = entry;
    this.#store
      .prepare("INSERT OR REPLACE INTO compute_bookings (sliver, booking, wanted, evicted) VALUES (?, ?, ?, ?)")
      .run(sliver, writeBooking(entry), wanted, isEvicted ? 1 : 0);
    this.#entries.set(sliver, entry);
    this.#unwritten.delete(sliver);
  }
}

export function writeBooking({ sliver, borrower, slice, spec, leaseEndMs }: Booking): string {
  return JSON.stringify({ sliver, borrower, slice, spec, leaseEndMs });
}

/** Undefined for anything else: an instance's mark may have been written by somebody else. */
export function readBooking(text: string): Booking | undefined {
  try {
    return bookingShape.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function entryOf(booking: Booking, wanted: Wanted): Entry {
  return { ...booking, wanted, failures: 0, failedAtMs: 0, isEvicted: false };
}
