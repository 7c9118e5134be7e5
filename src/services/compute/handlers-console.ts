/** The endpoint of consoles: whose sliver it is, is looked up first; the rest is between the caller and its host. */
import type { consoleEndpoints } from "./contract-console.ts";
import type { ComputeHandlers } from "./handlers.ts";
import { sliverAt } from "./named.ts";
import type { ComputeParts } from "./parts.ts";

export function consoleHandlers(parts: ComputeParts): Pick<ComputeHandlers, keyof typeof consoleEndpoints> {
  return {
    async console({ sliver, ...wish }, context) {
      const found = sliverAt(parts, context, sliver);
      return { exitCode: await parts.consoles.open(found, wish, context.socket!, context.signal) };
    },
  };
}
