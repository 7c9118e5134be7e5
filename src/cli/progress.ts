/** How far a long command is, on one line of a terminal; nothing where standard error is none. */
import { shownText } from "../kernel/unseen.ts";
import { showBytes } from "./print.ts";

/** The line is drawn at most this often. */
const DRAW_MS = 200;
const BAR_CELLS = 24;
const NAME_CHARS_MAX = 32;
/** Clears what is left of a longer line. */
export const CLEAR = "\u001b[K";

export interface Progress {
  /** Somebody sees it. */
  isShown: boolean;
  /** What is being worked on now. */
  at(name: string): void;
  /** More bytes are known to be to do. */
  expect(bytes: number): void;
  done(bytes: number): void;
  /** These were done before this command began: they say nothing of its speed. */
  had(bytes: number): void;
  /** Draws the whole and ends the line. */
  end(): void;
}

export function createProgress(nowMs: () => number, stream: NodeJS.WriteStream = process.stderr): Progress {
  const nothing = () => {};
  if (!stream.isTTY) return { isShown: false, at: nothing, expect: nothing, done: nothing, had: nothing, end: nothing };
  const beganMs = nowMs();
  let drawnMs = -Infinity;
  let [name, doneBytes, hadBytes, allBytes] = ["", 0, 0, 0];
  const draw = (isLast: boolean) => {
    if (!isLast && nowMs() - drawnMs < DRAW_MS) return;
    drawnMs = nowMs();
    const line = progressLine({ name, doneBytes, hadBytes, allBytes, tookMs: nowMs() - beganMs });
    stream.write(`\r${line}${CLEAR}${isLast ? "\n" : ""}`);
  };
  return {
    isShown: true,
    at(now) {
      name = now;
      draw(false);
    },
    expect: (bytes) => void (allBytes += bytes),
    done(bytes) {
      doneBytes += bytes;
      draw(false);
    },
    had(bytes) {
      doneBytes += bytes;
      hadBytes += bytes;
      draw(false);
    },
    end: () => void (allBytes > 0 && draw(true)),
  };
}

/** `doneBytes` of `allBytes`, of which `hadBytes` are older; the speed is that of the others since it began. */
export function progressLine({
  name,
  doneBytes,
  hadBytes = 0,
  allBytes,
  tookMs,
}: {
  name: string;
  doneBytes: number;
  hadBytes?: number;
  allBytes: number;
  tookMs: number;
}): string {
  const share = allBytes === 0 ? 1 : doneBytes / allBytes;
  const speed = tookMs > 0 ? ` ${showBytes(((doneBytes - hadBytes) * 1000) / tookMs)}/s` : "";
  return shareLine(share, name, `${showBytes(doneBytes)} / ${showBytes(allBytes)}${speed}  `);
}

/** `share` from 0 to 1, some figures, and what is being worked on. */
export function shareLine(share: number, name: string, figures = ""): string {
  const bound = Math.min(1, Math.max(0, share));
  const cells = Math.floor(bound * BAR_CELLS);
  const bar = "█".repeat(cells) + "░".repeat(BAR_CELLS - cells);
  const plain = shownText(name);
  const shown = plain.length > NAME_CHARS_MAX ? `…${plain.slice(1 - NAME_CHARS_MAX)}` : plain;
  return `${bar} ${Math.floor(bound * 100)} %  ${figures}${shown}`;
}
