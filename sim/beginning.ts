/**
 * How a world begins: with nothing but the founder, so that all others come in through it; or in the middle of the
 * life of a community where everybody knows everybody, without simulating how that came about.
 */
import { STATE, encodePushPull } from "../src/protocols/membership/codec.ts";
import { MERGED_AT_ONCE_MAX, VERSIONS } from "../src/protocols/membership/constants.ts";
import { encodeTags } from "../src/protocols/membership/tags.ts";
import type { Membership } from "../src/protocols/membership/types.ts";
import { addressToBytes } from "../src/protocols/wire/address.ts";
import { ADDRESSES_MAX } from "./box.ts";
import type { SimBox } from "./box.ts";
import type { World } from "./world.ts";

/** The founder is up; the others are to be started by whoever calls, and come in one by one. */
export function beginEmpty(world: World): void {
  const founder = world.boxes[0]!;
  founder.disk.write({ put: world.community?.rowsOf([founder.key]) ?? [], drop: [], ownSeq: 1 });
  founder.disk.sync();
  founder.entered = true;
  founder.start();
}

/** These boxes are up, members, and know one another; all, unless others are to come later. */
export function beginTogether(world: World, present: readonly SimBox[] = world.boxes): void {
  const rows = world.community?.rowsOf(present.map((box) => box.key)) ?? [];
  world.quiet = true;
  const random = world.random("beginning");
  let first: Membership | undefined;
  for (const box of present) {
    box.disk.write({ put: rows, drop: [], ownSeq: rows.length > 0 ? 1 : 0 });
    box.disk.sync();
    box.entered = true;
    box.start(first ? { like: first } : {});
    if (!first) {
      // In parts that are taken over at once, so that the others find all of it to copy.
      for (let from = 0; from < present.length; from += MERGED_AT_ONCE_MAX)
        box.gossip!.step({ type: "restore", snapshot: snapshotOf(present.slice(from, from + MERGED_AT_ONCE_MAX)) });
      first = box.gossip!.core;
      if (first.aliveCount() !== present.length) throw new Error("the first box does not know all others");
    }
    const addresses = Math.min(ADDRESSES_MAX, present.length - 1);
    while (box.addresses.size < addresses) {
      const other = present[random.below(present.length)]!;
      if (other !== box) box.addresses.add(other.index);
    }
  }
  world.quiet = false;
}

/** What every box knows of all. */
function snapshotOf(present: readonly SimBox[]): Uint8Array {
  const versions = Uint8Array.from(VERSIONS);
  return encodePushPull(false, present.length, new Uint8Array(0), (put) => {
    for (const { key, endpoint, version } of present) {
      const meta = encodeTags({ v: String(version) });
      const address = addressToBytes(endpoint.address)!;
      put({ node: key.id, incarnation: 1, address, port: endpoint.port, meta, versions, state: STATE.alive });
    }
  });
}
