/**
 * The question with which a box waits for its slivers on a host: answered when there is something to see, so that what
 * takes a tenth of a second is not found a second later.
 */
import { z } from "zod";
import { LOOK_SOON_MS, MESSAGE_SLIVERS_MAX } from "./constants.ts";
import { sliverId } from "./host/books.ts";
import { lookAnswer } from "./messages.ts";

/** "Tell me when none of these is on its way any more, or after so long." */
export const SETTLE_PATH = "/compute/settle";
export const settleQuestion = z.object({
  slivers: z.array(sliverId).max(MESSAGE_SLIVERS_MAX),
  waitMs: z.number().int().min(0).max(LOOK_SOON_MS),
});
export const settleAnswer = z.object({
  settled: z.boolean(),
  /** How they stand then, so that it need not be asked for as well. */
  ...lookAnswer.partial().shape,
});
