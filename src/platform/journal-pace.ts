/**
 * How much garbage a journal keeps. Whoever reads `readTimes` of what is appended meanwhile keeps it at that, also when
 * no segment becomes empty by itself: a pass over live entries and garbage wins back what came during the pass.
 */
import {
  JOURNAL_BACKLOG_SEGMENTS,
  JOURNAL_GARBAGE_RATIO,
  JOURNAL_TIGHT_BACKLOG_SEGMENTS,
  JOURNAL_TIGHT_GARBAGE_RATIO,
} from "./constants.ts";

export interface Pace {
  /** All entries to live ones. */
  ratio: number;
  /** Compaction begins with so many segments beyond that. */
  dueSegments: number;
  /** And with so many each append waits for a step of it. */
  behindSegments: number;
  readTimes: number;
}

const ROOMY = paceOf(JOURNAL_GARBAGE_RATIO, 2, JOURNAL_BACKLOG_SEGMENTS);
const TIGHT = paceOf(JOURNAL_TIGHT_GARBAGE_RATIO, 1, JOURNAL_TIGHT_BACKLOG_SEGMENTS);

/** `isTight`: the disk is nearly full. */
export function paceFor(isTight: boolean): Pace {
  return isTight ? TIGHT : ROOMY;
}

function paceOf(ratio: number, dueSegments: number, behindSegments: number): Pace {
  return { ratio, dueSegments, behindSegments, readTimes: ratio / (ratio - 1) };
}
