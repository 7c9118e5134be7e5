/** The forms of what the compute endpoints take and give. */
import { z } from "zod";
import { REACHES } from "../../protocols/compute/lending.ts";
import { LEND_TO } from "./settings.ts";
import { NAME } from "./use/slice-file.ts";

export const name = z.string().regex(NAME, "the name of a slice");
export const size = z.string().regex(/^\d{1,9}\s?(?:MiB|GiB|TiB)$/, "a size such as 512MiB or 2GiB");

const amounts = { cores: z.number(), memoryBytes: z.number(), diskBytes: z.number() };

export const computeStatus = z.object({
  /** "missing": none is installed; "silent": it does not answer. */
  engine: z.object({
    state: z.enum(["ready", "missing", "silent"]),
    product: z.string(),
    version: z.string(),
    vms: z.boolean(),
  }),
  lending: z.object({ to: z.enum(LEND_TO), reach: z.enum(REACHES), slivers: z.number(), ...amounts }),
  used: z.object({ slivers: z.number(), ...amounts }),
  /** Boxes of the community that say that they lend. */
  lenders: z.number(),
});

const state = z.enum([
  "reserved",
  "preparing",
  "running",
  "stopped",
  "starting",
  "stopping",
  "ending",
  "failed",
  "unknown",
]);

export const lentSliver = z.object({
  sliver: z.string(),
  box: z.string(),
  owner: z.string(),
  state,
  ...amounts,
  leaseEndsAt: z.string(),
});

export const offer = z.object({
  box: z.string(),
  owner: z.string(),
  zone: z.string(),
  fits: z.number(),
  price: z.number(),
  rttMs: z.number().nullable(),
  reliability: z.number(),
  hasImage: z.boolean(),
  /** A refusal's code; null for an offer. */
  why: z.string().nullable(),
});

export const slice = z.object({
  id: z.string(),
  name: z.string(),
  image: z.string(),
  kind: z.enum(["container", "vm"]),
  running: z.number(),
  wanted: z.number(),
  isStopped: z.boolean(),
  ...amounts,
  endsAt: z.string(),
  slivers: z.array(
    z.object({
      id: z.string(),
      number: z.number(),
      box: z.string(),
      owner: z.string(),
      zone: z.string(),
      state,
      /** A code; null when nothing is wrong. */
      trouble: z.string().nullable(),
    }),
  ),
});

export const plan = z.object({
  name: z.string(),
  /** Nothing would change. */
  isSame: z.boolean(),
  changes: z.array(
    z.object({
      change: z.enum(["create", "resize", "remove", "start", "stop", "keep"]),
      number: z.number(),
      box: z.string(),
      detail: z.string(),
    }),
  ),
});
