/**
 * How one leaves a terminal that runs elsewhere, as with ssh: `~.` at the beginning of a line; `~~` there is one `~`.
 * Everything else is typed as it is, Ctrl-C too.
 */
const [TILDE, DOT, CARRIAGE_RETURN, LINE_FEED] = [0x7e, 0x2e, 0x0d, 0x0a];

export interface EscapeReader {
  /** What is to be sent of what was typed, and whether to leave after it. */
  push(typed: Uint8Array): { bytes: Uint8Array; leave: boolean };
}

export function createEscapeReader(): EscapeReader {
  let isLineStart = true;
  let isHeld = false;
  return {
    push(typed) {
      const bytes: number[] = [];
      for (const byte of typed) {
        if (isHeld) {
          isHeld = false;
          if (byte === DOT) return { bytes: Uint8Array.from(bytes), leave: true };
          bytes.push(TILDE);
          if (byte === TILDE) continue;
        } else if (isLineStart && byte === TILDE) {
          isHeld = true;
          isLineStart = false;
          continue;
        }
        bytes.push(byte);
        isLineStart = byte === CARRIAGE_RETURN || byte === LINE_FEED;
      }
      return { bytes: Uint8Array.from(bytes), leave: false };
    },
  };
}
