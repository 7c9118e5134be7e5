/** Where slivers of this box's slices are in the network of their slice: every box computes it alike. */
import { createHash } from "node:crypto";
import { sliverAddress } from "../../protocols/compute/addresses.ts";
import type { MeshClient } from "../mesh/client.ts";
import type { Sliver } from "./use/slice-store.ts";

export const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();

/** Null where its host gave it none. */
export function addressOf({ selfId }: Pick<MeshClient, "selfId">, { id, slice, hasNetwork }: Sliver): string | null {
  return hasNetwork ? sliverAddress(sha256, { home: selfId, slice, sliver: id }) : null;
}
