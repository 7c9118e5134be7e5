/**
 * How a world begins: with nothing but the founder, so that all others come in through it; or in the middle of the
 * life of a community where everybody knows everybody, without simulating how that came about.
 */
import { STATE, encodePushPull } from "../src/protocols/membership/codec.ts";
import { VERSIONS } from "../src/protocols/membership/constants.ts";
import { encodeTags } from "../src/protocols/membership/tags.ts";
import { addressToBytes } from "../src/protocols/wire/address.ts";
import type { SimBox } from "./box.ts";
import type { World } from "./world.ts";

/** The first state is made within this time, before anything else happens. */
const MADE_WITHIN_MS = 1;
const QUIET_GOSSIP_MS = 0.001;

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
  const { retransmitMult, gossipIntervalMs } = world.profile;
  // News of the beginning go out once and at once, to nobody: they are no news to anybody.
  world.profile.retransmitMult = 0;
  world.profile.gossipIntervalMs = QUIET_GOSSIP_MS;
  const all = stateOf(present);
  for (const box of present) {
    box.disk.write({ put: rows, drop: [], ownSeq: rows.length > 0 ? 1 : 0 });
    box.disk.sync();
    box.entered = true;
    box.start();
    introduce(world, box, all);
  }
  world.profile.retransmitMult = retransmitMult;
  world.profile.gossipIntervalMs = gossipIntervalMs;
  world.quiet = false;
}

/** One answer of a push/pull that names all of these. */
function stateOf(present: readonly SimBox[]): Uint8Array {
  const versions = Uint8Array.from(VERSIONS);
  return encodePushPull(false, present.length, new Uint8Array(0), (put) => {
    for (const { key, endpoint, version } of present) {
      const meta = encodeTags({ v: String(version) });
      const address = addressToBytes(endpoint.address)!;
      put({ node: key.id, incarnation: 1, address, port: endpoint.port, meta, versions, state: STATE.alive });
    }
  });
}

function introduce(world: World, box: SimBox, all: Uint8Array): void {
  const gossip = box.gossip!;
  const { core } = gossip;
  const other = world.boxes[(box.index + 1) % world.boxes.length]!;
  const asked = core.step(box.monotonicMs, { type: "join", addresses: [other.endpoint] });
  const stream = asked.find((effect) => effect.type === "stream");
  const known = core.step(box.monotonicMs, { type: "stream-answer", id: stream!.id, bytes: all });
  gossip.carryOut(known.filter((effect) => effect.type === "member"));
  for (let nextMs = core.nextWakeMs()!; nextMs < MADE_WITHIN_MS; nextMs = core.nextWakeMs()!) {
    core.step(nextMs, { type: "tick" });
  }
  gossip.carryOut([{ type: "wake", atMs: core.nextWakeMs()! }]);
}
