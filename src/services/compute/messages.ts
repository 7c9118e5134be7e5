/**
 * What boxes say to one another about slivers: small questions over the mesh, which has proven who asks. Times are
 * spans, not dates: the clocks of two boxes may differ by hours. Whoever asks is believed about nothing but its wish;
 * its owner and zone are what the community knows of it.
 */
import { z } from "zod";
import { HOST_SLIVERS_MAX, LEASE_MAX_MS } from "../../protocols/compute/constants.ts";
import { EXEC_BYTES_MAX, MESSAGE_SLIVERS_MAX } from "./constants.ts";
import { sliceId, sliverId, sliverSpec } from "./host/books.ts";

const leaseMs = z.number().int().min(1).max(LEASE_MAX_MS);
const REFUSAL = z.string().regex(/^[a-z-]{1,40}$/);

/** "Would you take slivers like this?" Nothing is promised by the answer. */
export const OFFER_PATH = "/compute/offer";
export const offerQuestion = z.object({ spec: sliverSpec, leaseMs });
export const offerAnswer = z.object({
  /** How many of them; 0 with a reason. */
  fits: z.number().int().min(0).max(HOST_SLIVERS_MAX),
  /** Credits for one until its lease ends. */
  price: z.number().min(0).max(1e12),
  why: REFUSAL.optional(),
  hasImage: z.boolean(),
});

/** "Take this one." Asked again with the same id it is the same sliver, with a new end of its lease. */
export const RESERVE_PATH = "/compute/reserve";
export const reserveQuestion = z.object({
  sliver: sliverId,
  /** Whose network it is in. */
  slice: sliceId.optional(),
  spec: sliverSpec,
  leaseMs,
  wanted: z.enum(["running", "stopped"]),
});
export const reserveAnswer = z.object({
  granted: z.boolean(),
  price: z.number().min(0).max(1e12),
  why: REFUSAL.optional(),
});

/** "How are these?" Renews nothing. Slivers that are not there are left out of the answer. */
export const LOOK_PATH = "/compute/look";
export const lookQuestion = z.object({ slivers: z.array(sliverId).max(MESSAGE_SLIVERS_MAX) });
export const sliverStanding = z.object({
  sliver: sliverId,
  state: z.enum(["reserved", "preparing", "running", "stopped", "starting", "stopping", "ending", "failed"]),
  leaseMs: z.number(),
  /**
   * As the host's books have it, which is older than what was granted when they were lost, or an old copy was put back.
   * Not said of what has to go, nor by older hosts.
   */
  booked: z
    .object({
      wanted: z.enum(["running", "stopped"]),
      limits: sliverSpec.pick({ cores: true, memoryBytes: true, diskBytes: true, egressBytesPerS: true }),
    })
    .optional(),
  /** It was made or started with its address. */
  hasNetwork: z.boolean().optional(),
  /** Why the last step failed: a code. */
  trouble: REFUSAL.optional(),
});
export const lookAnswer = z.object({ slivers: z.array(sliverStanding).max(MESSAGE_SLIVERS_MAX) });

/** "I want it so from now on"; "gone" cannot be taken back. */
export const WANT_PATH = "/compute/want";
export const wantQuestion = z.object({ sliver: sliverId, wanted: z.enum(["running", "stopped", "gone"]) });
export const wantAnswer = z.object({ known: z.boolean() });

/** "Let its shell run this, and tell me what it says." The answer has the one or the other. */
export const EXEC_PATH = "/compute/exec";
export const execQuestion = z.object({ sliver: sliverId, command: z.string().min(1).max(4000) });
const output = z.string().max(EXEC_BYTES_MAX);
const ran = z.object({ exitCode: z.number().int(), stdout: output, stderr: output });
export const execAnswer = z.object({
  ran: ran.optional(),
  why: z
    .string()
    .regex(/^[a-z-]{1,60}$/)
    .optional(),
});

export type Ran = z.output<typeof ran>;
export type SliverStanding = z.output<typeof sliverStanding>;

/** Throws a ZodError or a SyntaxError for anything else. The links bound how long it may be. */
export function decodeMessage<T extends z.ZodType>(shape: T, body: Uint8Array): z.output<T> {
  return shape.parse(JSON.parse(new TextDecoder().decode(body)));
}

export function encodeMessage(message: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(message));
}
