/** What a caller names in a call: a slice of its own, one of its slivers, an image. */
import type { CallContext } from "../../kernel/contract.ts";
import { SLICE_SLIVERS_MAX } from "./constants.ts";
import { computeErrors } from "./errors.ts";
import type { ComputeParts } from "./parts.ts";
import { NAME } from "./use/slice-file.ts";
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

/** "web/1", or "web" for its first, wherever a sliver is named. Throws `compute-bad-place`. */
export function placeOf(place: string): { name: string; number: number } {
  const [name = "", number = "0", ...more] = place.split("/");
  const isNumber = /^(?:0|[1-9]\d?)$/.test(number) && Number(number) < SLICE_SLIVERS_MAX;
  if (!NAME.test(name) || !isNumber || more.length > 0) {
    throw computeErrors.fail("compute-bad-place", { params: { place, last: SLICE_SLIVERS_MAX - 1 } });
  }
  return { name, number: Number(number) };
}

/** The sliver at a place of one of the caller's slices. Throws `compute-sliver-unknown` as well. */
export function sliverAt(parts: Pick<ComputeParts, "rows" | "accountOf">, context: CallContext, place: string): Sliver {
  const { name, number } = placeOf(place);
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
