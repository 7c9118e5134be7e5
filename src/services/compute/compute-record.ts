/**
 * The signed record by which a box tells the community that it lends computers: how much of what it has. It is a claim
 * like every record; what counts is what it answers when it is asked. From it others see its effort.
 */
import type { Json } from "../../protocols/records/canonical-json.ts";
import type { KindSpec } from "../../protocols/records/kinds.ts";
import { z } from "zod";

export const COMPUTE_KIND = "compute";
export const COMPUTE_KEY = "self";
const BODY_BYTES_MAX = 512;
const RETENTION_MS = 30 * 86_400_000;

const amount = z
  .number()
  .int()
  .min(0)
  .max(2 ** 50);
const body = z.object({
  engine: z.string().max(60),
  arch: z.string().max(30),
  /** All that its engine runs, in the kernel's words; of who does not say it, that one. */
  archs: z.array(z.string().max(30)).max(8).optional(),
  vms: z.boolean(),
  ...{ lentCores: amount, lentMemoryBytes: amount, lentDiskBytes: amount },
  ...{ cores: amount, memoryBytes: amount },
});

export type ComputeBody = z.output<typeof body>;

/** Undefined when it is none as we know it. */
export function readComputeBody(json: unknown): ComputeBody | undefined {
  return body.safeParse(json).data;
}

/** 0 to 1: what it lends of what it has, by the dimension in which it lends least. */
export function effortOf({ lentCores, cores, lentMemoryBytes, memoryBytes }: ComputeBody): number {
  if (cores === 0 || memoryBytes === 0) return 0;
  return Math.min(1, lentCores / cores, lentMemoryBytes / memoryBytes);
}

export const computeKind: KindSpec = {
  kind: COMPUTE_KIND,
  retentionMs: RETENTION_MS,
  bodyMaxBytes: BODY_BYTES_MAX,
  livePerAuthorMax: 1,
  validate: (json: Json) => readComputeBody(json) !== undefined,
};
