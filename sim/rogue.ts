/** What a hostile member sends past its own core: any bytes, as gossip, from its own address. */
import type { SimBox } from "./box.ts";
import type { World } from "./world.ts";

export function gossipTo(world: World, rogue: SimBox, to: SimBox, packet: Uint8Array): void {
  world.network.datagram(rogue.index, to.index, packet, (bytes) => {
    to.receive(() => to.gossip?.step({ type: "packet", from: rogue.endpoint, bytes }));
  });
}
