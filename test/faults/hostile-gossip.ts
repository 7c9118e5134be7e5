/**
 * A hostile member that takes part in the gossip with the community's key, on a port of its own: what it says is sealed
 * as it should be, so that nothing but the box's own care keeps it from harm.
 */
import { connect } from "node:net";
import { systemClock } from "../../src/kernel/clock.ts";
import { createLog } from "../../src/kernel/log.ts";
import { systemRandom } from "../../src/kernel/system-random.ts";
import { createGossip } from "../../src/services/mesh/gossip.ts";
import { createMeshPort } from "../../src/services/mesh/mesh-port.ts";
import { createSealing } from "../../src/services/mesh/sealing.ts";
import type { Session } from "../../src/services/mesh/session.ts";
import type { Box } from "../support/box.ts";
import type { HostileMember } from "./hostile-member.ts";

const ADDRESS = "127.0.0.1";

export interface HostileGossip {
  port: number;
  /** What honest gossip of this member looks like, before it is sealed. */
  packets: Uint8Array[];
  streams: Uint8Array[];
  /** Seals any bytes and sends them to the box. */
  sendPacket(bytes: Uint8Array): void;
  /** The same over a stream; resolves when the box has closed it or answered. */
  sendStream(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

const SAMPLES_MAX = 500;
const STREAM_MS_MAX = 2_000;

export async function openHostileGossip(box: Box, member: HostileMember): Promise<HostileGossip> {
  const clock = systemClock();
  const random = systemRandom();
  const log = createLog({ clock, level: "error", write: () => {} });
  const keys = member.joined.keys.toSorted((a, b) => b.epoch - a.epoch).map(({ key }) => key);
  const sealing = createSealing(() => keys, random);
  const [packets, streams]: [Uint8Array[], Uint8Array[]] = [[], []];
  const keep = (list: Uint8Array[], bytes: Uint8Array) => {
    if (list.length < SAMPLES_MAX) list.push(bytes);
    return bytes;
  };
  // The port needs of a session only its gossip.
  const made: { gossip?: ReturnType<typeof createGossip> } = {};
  const session = () => (made.gossip ? (made as unknown as Session) : undefined);
  const port = createMeshPort({ clock, log, links: member.links, session });
  await port.listen(0, ADDRESS);
  const gossip = createGossip({
    ...{ clock, log, random, profile: "test", name: member.identity.boxId },
    advertise: { address: ADDRESS, port: port.number() },
    tags: { role: "comu", n: "Dolenta", l: "10", h: "o" },
    sealing: {
      ...sealing,
      sealPacket: (bytes) => sealing.sealPacket(keep(packets, bytes)),
      sealStream: (bytes) => sealing.sealStream(keep(streams, bytes)),
    },
    send: port.send,
    dial: port.dial,
    admit: () => true,
    onMember: () => undefined,
  });
  made.gossip = gossip;
  const to = { address: box.bind, port: box.meshPort };
  await gossip.join([to]);
  return {
    ...{ port: port.number(), packets, streams },
    sendPacket: (bytes) => port.send(sealing.sealPacket(bytes), to),
    sendStream: (bytes) =>
      new Promise((resolve) => {
        const socket = connect({ host: to.address, port: to.port });
        const end = () => {
          socket.destroy();
          resolve();
        };
        const timer = setTimeout(end, STREAM_MS_MAX);
        socket.once("close", () => clearTimeout(timer));
        for (const event of ["error", "data", "close"]) socket.once(event, end);
        socket.once("connect", () => socket.write(sealing.sealStream(bytes)));
      }),
    async close() {
      gossip.stop();
      await port.close();
    },
  };
}
