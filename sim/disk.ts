/**
 * A box's disk: rows of records and the highest own number. A transaction is written, then synced. What was synced
 * survives every crash; of what was only written, a crash may leave the whole (the system had flushed it already) or
 * nothing (the write was torn, and the journal rolls it back).
 */
import type { SignedRecord } from "../src/protocols/records/record.ts";
import type { StoreRow } from "../src/protocols/records/step.ts";

export interface Transaction {
  put: readonly StoreRow[];
  drop: readonly { author: string; ref: string }[];
  ownSeq: number;
}

export class Disk {
  #rows = new Map<string, SignedRecord>();
  #ownSeq = 0;
  #unsynced: Transaction[] = [];

  write(transaction: Transaction): void {
    this.#unsynced.push(transaction);
  }

  sync(): void {
    for (const { put, drop, ownSeq } of this.#unsynced) {
      for (const { author, ref } of drop) this.#rows.delete(`${author} ${ref}`);
      for (const { record, ref } of put) this.#rows.set(`${record.author} ${ref}`, record);
      this.#ownSeq = ownSeq;
    }
    this.#unsynced = [];
  }

  /** Gives what is on the disk though it was not synced. */
  crash(torn: boolean): readonly StoreRow[] {
    const survived = torn ? [] : this.#unsynced.flatMap(({ put }) => put);
    if (!torn) this.sync();
    this.#unsynced = [];
    return survived;
  }

  /** The disk is replaced by an empty one. */
  wipe(): void {
    this.#rows = new Map();
    this.#ownSeq = 0;
    this.#unsynced = [];
  }

  /** What a box finds when it starts. */
  read(): { rows: SignedRecord[]; ownSeq: number } {
    return { rows: [...this.#rows.values()], ownSeq: this.#ownSeq };
  }
}
