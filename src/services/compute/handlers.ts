/** The endpoints of the compute service, put together. */
import type { Handlers } from "../../kernel/contract.ts";
import type { computeContract } from "./contract.ts";
import { imageHandlers } from "./handlers-images.ts";
import { lendingHandlers } from "./handlers-lending.ts";
import { sliceFileHandlers, sliceHandlers } from "./handlers-slices.ts";
import type { ComputeParts } from "./parts.ts";

export type ComputeHandlers = Handlers<typeof computeContract.endpoints>;

export function computeHandlers(parts: ComputeParts): ComputeHandlers {
  return { ...lendingHandlers(parts), ...sliceHandlers(parts), ...sliceFileHandlers(parts), ...imageHandlers(parts) };
}
