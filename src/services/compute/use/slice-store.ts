/**
 * What this box's members use on other boxes: slices as they were asked for, and the slivers that stand for them. A
 * sliver is written down before its host is asked to make it, so that none can be forgotten there. What a host says of
 * it is kept in memory where the disk is full: it says so again.
 */
import { ifRoom } from "../../../platform/disk-room.ts";
import type { Store } from "../../../platform/store.ts";
import type { SliceSpec, SliverFacts } from "../../../protocols/compute/slice.ts";
import type { SliverSpec } from "../../../protocols/compute/lending.ts";
import { RELIABILITY_STEP } from "../constants.ts";

const MIGRATIONS = [
  `CREATE TABLE compute_slices (id TEXT PRIMARY KEY, account TEXT NOT NULL, name TEXT NOT NULL, spec TEXT NOT NULL,
     madeMs INTEGER NOT NULL, gone INTEGER NOT NULL, UNIQUE (account, name)) STRICT, WITHOUT ROWID;
   CREATE TABLE compute_slivers (id TEXT PRIMARY KEY, slice TEXT NOT NULL, number INTEGER NOT NULL,
     host TEXT NOT NULL, spec TEXT NOT NULL, wanted TEXT NOT NULL, leaseEndMs INTEGER NOT NULL, state TEXT,
     trouble TEXT) STRICT, WITHOUT ROWID;
   CREATE INDEX compute_slivers_slice ON compute_slivers(slice);
   CREATE TABLE compute_hosts (box TEXT PRIMARY KEY, reliability REAL NOT NULL) STRICT, WITHOUT ROWID;`,
  "ALTER TABLE compute_slivers ADD COLUMN network INTEGER NOT NULL DEFAULT 0",
];

export interface Slice {
  id: string;
  account: string;
  /** Unique among the slices of its account. */
  name: string;
  spec: SliceSpec;
  madeMs: number;
  /** It was deleted, and some host has not said yet that its slivers are gone. */
  isGone: boolean;
}

export interface Sliver extends Omit<SliverFacts, "silentMs" | "leaseMaxMs"> {
  slice: string;
  /** Why it does not stand as it should: a code. */
  trouble: string | undefined;
  /** Its host gave it an address in the network of the slice. */
  hasNetwork: boolean;
}

interface SliceRow {
  id: string;
  account: string;
  name: string;
  spec: string;
  madeMs: number;
  gone: number;
}

interface SliverRow {
  id: string;
  slice: string;
  number: number;
  host: string;
  spec: string;
  wanted: Sliver["wanted"];
  leaseEndMs: number;
  state: string | null;
  trouble: string | null;
  network: number;
}

export type SliceStore = ReturnType<typeof sliceStore>;

export function sliceStore(store: Store) {
  store.migrate("compute-slices", MIGRATIONS);
  const run = (sql: string, ...values: (string | number | null)[]) => store.prepare(sql).run(...values);
  const slices = (sql: string, ...values: (string | number)[]) =>
    store
      .prepare<SliceRow>(sql)
      .all(...values)
      .map(sliceOf);
  const writeSlice = ({ id, account, name, spec, madeMs, isGone }: Slice) =>
    run(
      "INSERT OR REPLACE INTO compute_slices (id, account, name, spec, madeMs, gone) VALUES (?, ?, ?, ?, ?, ?)",
      ...[id, account, name, JSON.stringify(spec), madeMs, isGone ? 1 : 0],
    );
  /** Slices of which nothing is on the disk. */
  const drafts = new Map<string, Slice>();
  const draft = (isIt: (slice: Slice) => boolean) => [...drafts.values()].filter(isIt);
  /** Slivers as they are, where the disk, without room for it, has them as they were; undefined: gone. */
  const unwritten = new Map<string, Sliver | undefined>();
  const asIs = (sliver: Sliver) => (unwritten.has(sliver.id) ? unwritten.get(sliver.id) : sliver);
  const reliability = new Map<string, number>();
  const written = (box: string) =>
    store.prepare<{ reliability: number }>("SELECT reliability FROM compute_hosts WHERE box = ?").get(box)
      ?.reliability ?? 1;
  return {
    slices: () => slices("SELECT * FROM compute_slices ORDER BY account, name"),
    slicesOf: (account: string) => [
      ...slices("SELECT * FROM compute_slices WHERE account = ? AND gone = 0 ORDER BY name", account),
      ...draft((one) => one.account === account),
    ],
    slice: (id: string) => drafts.get(id) ?? slices("SELECT * FROM compute_slices WHERE id = ?", id)[0],
    named: (account: string, name: string) =>
      slices("SELECT * FROM compute_slices WHERE account = ? AND name = ?", account, name)[0] ??
      draft((one) => one.account === account && one.name === name)[0],
    /** A new slice, of which nothing is on the disk before its first slivers are. */
    draft: (slice: Slice) => void drafts.set(slice.id, slice),
    /** True when it was one, and is nothing any more. */
    dropDraft: (id: string) => drafts.delete(id),
    /** It is kept as it is, without slivers. Throws `disk-full`: then it is nothing any more. */
    keepDraft(id: string) {
      const slice = drafts.get(id);
      drafts.delete(id);
      if (slice) writeSlice(slice);
    },
    /** Throws `disk-full`: then nothing has changed. */
    putSlice(slice: Slice) {
      writeSlice(slice);
      drafts.delete(slice.id);
    },
    /** With all its slivers. Throws `disk-full`: then nothing has changed. */
    endSlice(slice: Slice) {
      store.transaction(() => {
        writeSlice({ ...slice, isGone: true });
        for (const sliver of this.slivers(slice.id)) this.putSliver({ ...sliver, wanted: "gone" });
      });
      drafts.delete(slice.id);
    },
    /** Whoever had them has left. */
    endAll(account: string) {
      for (const slice of this.slicesOf(account)) this.endSlice(slice);
    },
    dropSlice: (id: string) =>
      store.transaction(() => {
        run("DELETE FROM compute_slivers WHERE slice = ?", id);
        run("DELETE FROM compute_slices WHERE id = ?", id);
      }),

    slivers: (slice: string) =>
      store
        .prepare<SliverRow>("SELECT * FROM compute_slivers WHERE slice = ? ORDER BY number, id")
        .all(slice)
        .flatMap((row) => asIs(sliverOf(row)) ?? []),
    sliver(id: string) {
      const row = store.prepare<SliverRow>("SELECT * FROM compute_slivers WHERE id = ?").get(id);
      return row && asIs(sliverOf(row));
    },
    /** New slivers of a slice, which may be a draft until then: all of it or nothing. Throws `disk-full`. */
    place(slice: string, slivers: readonly Sliver[]) {
      store.transaction(() => {
        const begun = drafts.get(slice);
        if (begun) writeSlice(begun);
        for (const sliver of slivers) this.putSliver(sliver);
      });
      drafts.delete(slice);
    },
    /** What a host has said of it, and says again when it is asked: nothing waits for the disk. */
    noteSliver(sliver: Sliver) {
      if (!ifRoom(() => store.transactionUnsynced(() => this.putSliver(sliver)))) unwritten.set(sliver.id, sliver);
    },
    /** Throws `disk-full`. */
    putSliver(sliver: Sliver) {
      run(
        `INSERT OR REPLACE INTO compute_slivers
           (id, slice, number, host, spec, wanted, leaseEndMs, state, trouble, network)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[sliver.id, sliver.slice, sliver.index, sliver.host, JSON.stringify(sliver.spec), sliver.wanted],
        ...[sliver.leaseEndMs, sliver.state ?? null, sliver.trouble ?? null, sliver.hasNetwork ? 1 : 0],
      );
      unwritten.delete(sliver.id);
    },
    /** Its host does not know it. */
    dropSliver(id: string) {
      if (ifRoom(() => void run("DELETE FROM compute_slivers WHERE id = ?", id))) unwritten.delete(id);
      else unwritten.set(id, undefined);
    },

    reliability: (box: string) => reliability.get(box) ?? written(box),
    /** Written down when it has moved a step: it moves a little at each look. */
    setReliability(box: string, now: number) {
      reliability.set(box, now);
      if (Math.abs(now - written(box)) < RELIABILITY_STEP) return;
      ifRoom(() => void run("INSERT OR REPLACE INTO compute_hosts (box, reliability) VALUES (?, ?)", box, now));
    },
  };
}

function sliceOf({ id, account, name, spec, madeMs, gone }: SliceRow): Slice {
  return { id, account, name, spec: JSON.parse(spec) as SliceSpec, madeMs, isGone: gone === 1 };
}

function sliverOf({ number, spec, state, trouble, network, ...row }: SliverRow): Sliver {
  return {
    ...row,
    index: number,
    spec: JSON.parse(spec) as SliverSpec,
    state: (state as Sliver["state"] | null) ?? undefined,
    trouble: trouble ?? undefined,
    hasNetwork: network === 1,
  };
}
