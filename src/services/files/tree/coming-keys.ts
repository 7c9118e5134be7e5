/**
 * The keys of uploads whose pieces are coming. A help and no more: where one is missing, after a restart, a pause or
 * a piece that came twice, the content is read for its key.
 */
import type { Cancel, Clock } from "../../../kernel/clock.ts";
import type { ContentKey, Grid, KeyMaking } from "../grid/grid.ts";
import { COMING_KEYS_MAX, COMING_KEY_IDLE_MS } from "./constants.ts";

/** Where a piece belongs. */
export interface ComingPiece {
  id: string;
  /** Of the whole upload. */
  bytes: number;
  offset: number;
}

interface Making {
  key: KeyMaking;
  /** Bytes that it was given. */
  taken: number;
  cancelIdle: Cancel;
}

export class ComingKeys {
  readonly #clock: Clock;
  readonly #making = new Map<string, Making>();
  readonly #made = new Map<string, ContentKey>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A piece is here. Never rejects; from then on nobody reads it any more. */
  async take({ id, bytes, offset }: ComingPiece, piece: Uint8Array, grid: Grid): Promise<void> {
    if (offset === 0) this.#begin(id, bytes, grid);
    const making = this.#making.get(id);
    if (!making) return;
    if (making.taken !== offset) {
      this.drop(id);
      return;
    }
    making.taken += piece.length;
    making.cancelIdle();
    making.cancelIdle = this.#clock.after(COMING_KEY_IDLE_MS, () => this.drop(id));
    try {
      await making.key.take(piece);
      if (making.taken < bytes) return;
      const made = await making.key.finish();
      // It may have been given up meanwhile.
      if (this.#making.get(id) !== making) return;
      this.drop(id);
      this.#made.set(id, made);
    } catch {
      // Its thread has ended. What is lost is time.
      this.drop(id);
    }
  }

  /** Of an upload all of which was taken. */
  of(id: string): ContentKey | undefined {
    return this.#made.get(id);
  }

  /** It is not needed, or cannot be made. */
  drop(id: string): void {
    const making = this.#making.get(id);
    making?.cancelIdle();
    making?.key.drop();
    this.#making.delete(id);
    this.#made.delete(id);
  }

  dropAll(): void {
    for (const id of [...this.#making.keys(), ...this.#made.keys()]) this.drop(id);
  }

  #begin(id: string, bytes: number, grid: Grid): void {
    this.drop(id);
    if (this.#making.size >= COMING_KEYS_MAX) return;
    const key = grid.makeKey(bytes);
    if (key) this.#making.set(id, { key, taken: 0, cancelIdle: () => {} });
  }
}
