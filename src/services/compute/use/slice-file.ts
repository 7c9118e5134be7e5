/**
 * A slice as a person writes it, in a file or in a form: what is needed, with sensible sizes for all else. The same
 * file applied twice changes nothing; `slice plan` says what applying it would do.
 *
 * ```yaml
 * name: web
 * image: debian
 * slivers: 3
 * apart: zone
 * memory: 512MiB
 * ```
 */
import { z } from "zod";
import { bytesOf } from "../../../kernel/size.ts";
import { APARTS } from "../../../protocols/compute/choosing.ts";
import { CORES_MAX } from "../../../protocols/compute/constants.ts";
import { REACHES } from "../../../protocols/compute/lending.ts";
import type { SliceSpec } from "../../../protocols/compute/slice.ts";
import { SLICE_FILE_BYTES_MAX, SLICE_SLIVERS_MAX } from "../constants.ts";
import { readYaml } from "../yaml-file.ts";

const DAY_MS = 86_400_000;
export const NAME = /^[a-z][a-z0-9-]{0,39}$/;
/** Of a slice, or of an image. */
export const name = z.string().regex(NAME, "lower-case letters, digits and hyphens, a letter first");
export const size = z.string().regex(/^\d{1,9}\s?(?:MiB|GiB|TiB)$/, "a size such as 512MiB or 2GiB");

export const sliceWish = z.strictObject({
  name,
  image: z.string().min(1).max(100).describe("The name of an image, or its hash"),
  slivers: z.number().int().min(0).max(SLICE_SLIVERS_MAX).default(1).describe("How many"),
  kind: z.enum(["container", "vm"]).default("container").describe("What each of them is"),
  cores: z.number().int().min(1).max(CORES_MAX).default(1).describe("Cores of each"),
  memory: size.default("512MiB").describe("Memory of each"),
  disk: size.default("4GiB").describe("Disk of each"),
  egress: size.default("0MiB").describe("What each may send to other networks a second"),
  reach: z.enum(REACHES).default("slice").describe("How far each may speak"),
  apart: z.enum(APARTS).default("box").describe("What no two of them may share"),
  days: z.number().int().min(1).max(3650).default(30).describe("The slice ends after so many days"),
  stopped: z.boolean().default(false).describe("Made, and not started"),
  recreate: z.boolean().default(false).describe("Make slivers again elsewhere when their host is lost"),
});

export type SliceWish = z.output<typeof sliceWish>;

/** Throws `compute-bad-file` with the line. */
export function readSliceFile(text: string): Promise<SliceWish> {
  return readYaml(text, sliceWish, SLICE_FILE_BYTES_MAX);
}

/** `image`: the hash that its name stands for now. */
export function specOf(wish: SliceWish, image: string, nowMs: number): SliceSpec {
  const { kind, cores, reach, apart, recreate } = wish;
  const sizes = {
    cores,
    memoryBytes: bytesOf(wish.memory),
    diskBytes: bytesOf(wish.disk),
    egressBytesPerS: bytesOf(wish.egress),
  };
  return {
    sliver: { kind, image, reach, ...sizes },
    count: wish.slivers,
    apart,
    wanted: wish.stopped ? "stopped" : "running",
    endMs: nowMs + wish.days * DAY_MS,
    recreate,
  };
}
