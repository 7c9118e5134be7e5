/**
 * The program that the test of the journal kills: it appends without end, many at a time, and prints the number of each
 * append that was acknowledged. What an append of a number puts is fixed, so that the test can tell what must be there.
 *
 *   node journal-writer.ts FOLDER SEGMENT_BYTES FIRST_NUMBER
 */
import { writeSync } from "node:fs";
import { systemClock } from "../../src/kernel/clock.ts";
import { createLog } from "../../src/kernel/log.ts";
import type { Journal } from "../../src/platform/journal.ts";
import { openJournal } from "../../src/platform/journal.ts";

const IN_FLIGHT = 16;
const IDS = 97;

/** Append number `n`: up to eight puts and removals, and the number itself. */
export function putsOf(n: number): { id: string; bytes: Uint8Array | null }[] {
  const puts: { id: string; bytes: Uint8Array | null }[] = [{ id: "number", bytes: Buffer.from(String(n)) }];
  for (let k = 0; k <= n % 8; k += 1) {
    const id = `id${(n * 31 + k * 7) % IDS}`;
    const text = `${n}.${k} `.repeat(1 + ((n * 13 + k) % 60));
    puts.push({ id, bytes: (n + k) % 5 === 0 ? null : Buffer.from(text) });
  }
  return puts;
}

export function openTestJournal(folder: string, segmentBytesMax: number, isTight?: () => boolean): Promise<Journal> {
  const clock = systemClock();
  const log = createLog({ clock, level: "error", write: () => {} });
  return openJournal({ folder, clock, log, segmentBytesMax, isTight });
}

async function main([folder = "", segmentBytes = "", firstNumber = ""]: string[]): Promise<void> {
  const journal = await openTestJournal(folder, Number(segmentBytes));
  let n = Number(firstNumber);
  const one = async () => {
    for (;;) {
      const mine = n;
      n += 1;
      await journal.append(putsOf(mine));
      writeSync(1, `${mine}\n`);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, one));
}

if (import.meta.main) await main(process.argv.slice(2));
