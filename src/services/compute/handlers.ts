/** The endpoints of the compute service, put together. */
import type { Handlers } from "../../kernel/contract.ts";
import type { computeContract } from "./contract.ts";
import { buildHandlers } from "./handlers-build.ts";
import { consoleHandlers } from "./handlers-console.ts";
import { portHandlers } from "./handlers-ports.ts";
import { imageHandlers } from "./handlers-images.ts";
import { insideHandlers } from "./handlers-inside.ts";
import { lendingHandlers } from "./handlers-lending.ts";
import { sliceFileHandlers, sliceHandlers } from "./handlers-slices.ts";
import type { ComputeParts } from "./parts.ts";

export type ComputeHandlers = Handlers<typeof computeContract.endpoints>;

export function computeHandlers(parts: ComputeParts): ComputeHandlers {
  return {
    ...lendingHandlers(parts),
    ...sliceHandlers(parts),
    ...sliceFileHandlers(parts),
    ...insideHandlers(parts),
    ...consoleHandlers(parts),
    ...imageHandlers(parts),
    ...buildHandlers(parts),
    ...portHandlers(parts),
  };
}
