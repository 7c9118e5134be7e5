/**
 * The sizes of mutable files. Their caps do not tell, so one must read them; that happens only to files that came from
 * other programs, since what is written here is immutable. What was learned is kept for a moment.
 */
import type { Clock } from "../../../kernel/clock.ts";
import { fileOf, formatCap } from "../../../protocols/grid/caps.ts";
import type { DirectoryChild } from "../../../protocols/grid/directory.ts";
import type { Grid } from "../grid/grid.ts";
import { FOLDER_FRESH_MS, MUTABLE_SIZES_MAX } from "./constants.ts";
import { knownCap } from "./entries.ts";

export interface MutableSize {
  bytes: number;
  sequence: bigint;
}

export class MutableSizes {
  readonly #grid: Grid;
  readonly #clock: Clock;
  readonly #known = new Map<string, MutableSize & { untilMs: number }>();

  constructor({ grid, clock }: { grid: Grid; clock: Clock }) {
    this.#grid = grid;
    this.#clock = clock;
  }

  /** Undefined for what is no mutable file, and for one that cannot be read now. */
  async of(child: DirectoryChild): Promise<MutableSize | undefined> {
    const cap = knownCap(child);
    if (!cap || cap.kind === "directory") return undefined;
    const { kind } = fileOf(cap);
    if (kind !== "mutable-read" && kind !== "mutable-write") return undefined;
    const text = formatCap(cap);
    const known = this.#known.get(text);
    if (known && this.#clock.monotonicMs() < known.untilMs) return known;
    try {
      const { content, sequence } = await this.#grid.readMutable(cap);
      const size = { bytes: content.length, sequence, untilMs: this.#clock.monotonicMs() + FOLDER_FRESH_MS };
      this.#known.delete(text);
      this.#known.set(text, size);
      if (this.#known.size > MUTABLE_SIZES_MAX) this.#known.delete(this.#known.keys().next().value!);
      return size;
    } catch {
      // The others in the folder can be listed all the same; reading it says what is wrong.
      return undefined;
    }
  }
}
