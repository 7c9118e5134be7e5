/**
 * How a home box tells the hosts of a slice who the others are. It may be told again and again; the last word counts.
 * A host takes it only from the box that has slivers of this slice on it, and only for that slice: its addresses
 * follow from that box's id, so nothing that is said here can reach another's.
 */
import { z } from "zod";
import { SLICE_MEMBERS_MAX } from "../../protocols/compute/constants.ts";
import { sliceId, sliverId } from "./host/books.ts";

export const NETWORK_PATH = "/compute/network";
export const sliceMembers = z
  .array(
    z.object({
      sliver: sliverId,
      host: z.string().min(1).max(100),
      /** As the others call it. */
      name: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/),
    }),
  )
  .max(SLICE_MEMBERS_MAX);
export const networkQuestion = z.object({ slice: sliceId, members: sliceMembers });
export const networkAnswer = z.object({
  /** False: this host has no sliver of it. */
  known: z.boolean(),
});
