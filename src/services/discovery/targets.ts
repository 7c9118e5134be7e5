/**
 * Which addresses another box's service record may lead this box to. A record names any host and path; without this
 * it would be a way to make every box of the community knock at doors inside its own house.
 *
 *   the address is …                                        measured when …
 *   link-local, multicast, a cloud's metadata, no address   never
 *   one of this machine                                     its box is there, and this box is known by it, too
 *   in a network that this machine is directly attached to  it is its box's own, or its box is in that network, too
 *   any other                                               always
 *
 * Where a box is, is where it answers gossip: that its record says so is not enough.
 */
import { attachedNetworks, isLocal, isSpecial, isWithin, plainAddress } from "../../platform/addresses.ts";

export interface Whereabouts {
  /** Where the box that announced the service is; null when that is not sure. */
  box: string | null;
  /** The address by which others know this box. */
  self: string | null;
}

type Interfaces = Parameters<typeof isLocal>[1];

/** May the service of another box be measured at this address? */
export function mayMeasureAt(given: string, { box, self }: Whereabouts, interfaces?: Interfaces): boolean {
  const address = plainAddress(given);
  if (isSpecial(address)) return false;
  if (isLocal(address, interfaces)) return address === box && address === self;
  if (address === box) return true;
  const attached = attachedNetworks(address, interfaces);
  return attached.length === 0 || (box !== null && attached.some((network) => isWithin(box, network)));
}
