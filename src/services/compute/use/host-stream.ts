/** A stream to whichever box has a sliver; to this box itself without the mesh, and otherwise the same. */
import { duplexPair } from "node:stream";
import type { Duplex } from "node:stream";
import type { MeshClient } from "../../mesh/client.ts";

export interface HostStreamNeeds {
  mesh: Pick<MeshClient, "selfId" | "openStream">;
  /** This box's own side as a host. */
  own: (peer: string, stream: Duplex) => void;
}

/** Rejects as `MeshClient.openStream` does. */
export async function openHostStream({ mesh, own }: HostStreamNeeds, host: string, path: string): Promise<Duplex> {
  if (host !== mesh.selfId) return mesh.openStream(host, path);
  const [here, there] = duplexPair();
  // As a broken line would: the end of one is the end of the other, and no whole answer.
  here.once("close", () => there.destroy());
  there.once("close", () => here.readableEnded || here.destroy(new Error("the line broke")));
  own(mesh.selfId, there);
  return here;
}
