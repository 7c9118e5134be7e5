/**
 * Measured times of a scenario: each awaited, compared with its limit, and printed in one table at the end, also
 * when one of them was too long, since how much too long is what one wants to know.
 */
import assert from "node:assert/strict";
import { eventually } from "../support/process.ts";

/** How far beyond its limit a figure is still awaited, so that it can be printed. */
const PATIENCE = 3;
const POLL_MS = 20;

interface Figure {
  what: string;
  ms: number | null;
  limitMs: number;
}

export class Figures {
  private readonly figures: Figure[] = [];

  /** Waits until every one of `looks` gives true; the figure is the time from `sinceMs` until the last of them did. */
  async until(
    what: string,
    limitMs: number,
    sinceMs: number,
    looks: readonly (() => Promise<boolean>)[],
  ): Promise<void> {
    const figure: Figure = { what, ms: null, limitMs };
    this.figures.push(figure);
    await Promise.all(looks.map(async (look) => eventually(what, limitMs * PATIENCE, look, POLL_MS)));
    figure.ms = performance.now() - sinceMs;
    assert.ok(figure.ms <= limitMs, `${what}: ${Math.round(figure.ms)} ms, over ${limitMs} ms`);
  }

  table(): string {
    const rows = this.figures.map(({ what, ms, limitMs }) => {
      const value = ms === null ? "not seen" : `${Math.round(ms)} ms`;
      const verdict = ms !== null && ms <= limitMs ? "ok" : "TOO LONG";
      return [what, value, `${limitMs} ms`, verdict];
    });
    const all = [["figure", "measured", "limit", ""], ...rows];
    const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
    return all
      .map((row) =>
        row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd(),
      )
      .join("\n");
  }
}
