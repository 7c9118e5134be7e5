/** The forms of what the compute endpoints take and give. */
import { z } from "zod";
import { REACHES } from "../../protocols/compute/lending.ts";
import { LEND_TO } from "./settings.ts";

/** Read by `sliverAt`, which says in the reader's language what is wrong with it. */
export const sliverPlace = z
  .string()
  .min(1)
  .max(80)
  .describe("The slice, and after a slash which sliver of it: web/1; without, its first");

const amounts = { cores: z.number(), memoryBytes: z.number(), diskBytes: z.number() };

export const computeStatus = z.object({
  /** "missing": none is installed; "silent": it does not answer. */
  engine: z.object({
    state: z.enum(["ready", "missing", "silent"]),
    product: z.string(),
    version: z.string(),
    vms: z.boolean(),
  }),
  lending: z.object({
    ...{ to: z.enum(LEND_TO), reach: z.enum(REACHES), slivers: z.number(), ...amounts },
    egressBytesPerS: z.number(),
  }),
  /** Whether slivers here get a network; else what is in the way: a package that is missing, or what was said. */
  network: z.object({
    state: z.enum(["off", "ready", "missing", "not-allowed", "elsewhere", "failed"]),
    lacks: z.string(),
  }),
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
  /** Each may take as much disk again. */
  snapshots: z.number(),
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
  /** Slivers that no host has taken yet. */
  missing: z.number(),
  isStopped: z.boolean(),
  /** Its time is over: its slivers are gone, or going. */
  isEnded: z.boolean(),
  ...amounts,
  endsAt: z.string(),
  /** Of the first of its slivers with which something is wrong: a code. */
  trouble: z.string().nullable(),
  slivers: z.array(
    z.object({
      id: z.string(),
      number: z.number(),
      box: z.string(),
      owner: z.string(),
      zone: z.string(),
      state,
      /** In the network of the slice; null where its host gave it none. */
      address: z.string().nullable(),
      /** A code; null when nothing is wrong. */
      trouble: z.string().nullable(),
      /** What it uses now, where one slice is asked for and its host says it; the disk where that is counted. */
      ...{ usedCores: z.number().nullable(), usedMemoryBytes: z.number().nullable() },
      ...{ usedDiskBytes: z.number().nullable(), processes: z.number().nullable() },
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
