/**
 * What two boxes say about a console: one stream for each, of the mesh, which has proven who asks. The frames are in
 * `protocols/compute/console-frames.ts`; here is what they hold, and how they travel at the pace of who reads.
 */
import type { Duplex } from "node:stream";
import { z } from "zod";
import {
  CONSOLE_CELLS_MAX,
  CONSOLE_FRAME_BYTES_MAX,
  ConsoleFrameReader,
  encodeConsoleFrame,
} from "../../protocols/compute/console-frames.ts";
import type { ConsoleFrame } from "../../protocols/compute/console-frames.ts";
import { sliverId } from "./host/books.ts";

export const CONSOLE_PATH = "/compute/console";

const cells = z.number().int().min(1).max(CONSOLE_CELLS_MAX);
const windowSize = z.object({ columns: cells, rows: cells });

/** What the caller's end says by text beside bytes: its window's size, or that it has shown so many bytes more. */
export const consoleText = z.union([
  z.strictObject({ columns: cells, rows: cells }),
  z.strictObject({
    shown: z
      .number()
      .int()
      .min(0)
      .max(2 ** 40),
  }),
]);

/** Of `begin`. Without a command it is a login shell. */
export const consoleQuestion = windowSize.extend({
  sliver: sliverId,
  command: z.string().min(1).max(4000).optional(),
});

/** What a host may say instead of a terminal, or at its end. */
export const CONSOLE_REFUSALS = [
  ...(["compute-sliver-unknown", "compute-not-running", "compute-busy"] as const),
  ...(["compute-engine-failed", "compute-console-idle"] as const),
] as const;

/** As they come; ends with the stream. Throws `WireError`, and what a stream that breaks throws. */
export async function* framesOf(stream: Duplex): AsyncGenerator<ConsoleFrame> {
  const reader = new ConsoleFrameReader();
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) yield* reader.push(chunk as Buffer);
}

/** Resolves when there is room for the next one, and when the stream is gone. */
export function sendFrame(stream: Duplex, frame: ConsoleFrame): Promise<void> {
  return new Promise((resolve) => stream.write(encodeConsoleFrame(frame), () => resolve()));
}

/** In as many frames as it takes. */
export async function sendData(stream: Duplex, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += CONSOLE_FRAME_BYTES_MAX) {
    await sendFrame(stream, { type: "data", bytes: bytes.subarray(at, at + CONSOLE_FRAME_BYTES_MAX) });
  }
}
