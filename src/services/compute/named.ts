/** What a caller names in a call: a slice of its own, one of its slivers, an image. */
import type { CallContext } from "../../kernel/contract.ts";
import { computeErrors } from "./errors.ts";
import type { ComputeParts } from "./parts.ts";
import type { Slice, Sliver } from "./use/slice-store.ts";

/** Throws `compute-slice-unknown`, for the slices of others as well. */
export function sliceNamed(
  { rows, accountOf }: Pick<ComputeParts, "rows" | "accountOf">,
  context: CallContext,
  name: string,
): Slice {
  const slice = rows.named(accountOf(context), name);
  if (!slice || slice.isGone) throw computeErrors.fail("compute-slice-unknown", { params: { name } });
  return slice;
}

/** The sliver at this place of the slice. Throws `compute-sliver-unknown` as well. */
export function sliverNamed(
  parts: Pick<ComputeParts, "rows" | "accountOf">,
  context: CallContext,
  name: string,
  number: number,
): Sliver {
  const slivers = parts.rows.slivers(sliceNamed(parts, context, name).id);
  const sliver = slivers.find(({ index, wanted }) => index === number && wanted !== "gone");
  if (!sliver) throw computeErrors.fail("compute-sliver-unknown", { params: { number } });
  return sliver;
}

/** Throws `compute-image-unknown`. */
export function imageNamed(images: ComputeParts["images"], nameOrHash: string) {
  const image = images.find(nameOrHash);
  if (!image) throw computeErrors.fail("compute-image-unknown", { params: { name: nameOrHash } });
  return image;
}
