/**
 * One UDP socket: the mesh's gossip, with counters. Nothing on the network can make it throw; what cannot be sent
 * is counted, because UDP promises nothing and the protocols above expect loss.
 */
import type { RemoteInfo, Socket } from "node:dgram";
import { createSocket } from "node:dgram";
import { isIP } from "node:net";
import type { Log } from "../kernel/log.ts";
import { plainAddress } from "./addresses.ts";
import { UDP_BUFFER_BYTES, UDP_PACKET_BYTES_MAX } from "./constants.ts";
import { asListenFailure } from "./errors.ts";

export interface UdpAddress {
  /** IPv4 or IPv6, never a name: a packet must not wait for DNS. */
  address: string;
  port: number;
}

export interface UdpStats {
  packetsIn: number;
  bytesIn: number;
  packetsOut: number;
  bytesOut: number;
  /** Not sent: too long, no such address, refused by the kernel. */
  errorsOut: number;
}

export interface UdpOptions extends UdpAddress {
  onPacket: (bytes: Uint8Array, from: UdpAddress) => void;
  log: Log;
}

export interface Udp {
  /** Where it listens; the port is real even when 0 was asked for. */
  readonly local: UdpAddress;
  send(bytes: Uint8Array, to: UdpAddress): void;
  stats(): UdpStats;
  close(): Promise<void>;
}

/** Listens on IPv4, on IPv6, or on both with "::". Throws `port-in-use`, `address-not-local`, `port-not-allowed`. */
export async function openUdp({ address, port, onPacket, log }: UdpOptions): Promise<Udp> {
  const six = isIP(address) === 6;
  const socket = createSocket({ type: six ? "udp6" : "udp4" });
  await bind(socket, address, port);
  const stats: UdpStats = { packetsIn: 0, bytesIn: 0, packetsOut: 0, bytesOut: 0, errorsOut: 0 };
  let closed = false;
  try {
    socket.setRecvBufferSize(UDP_BUFFER_BYTES);
  } catch (error) {
    log.debug("the UDP buffer keeps its size", { error });
  }
  socket.on("error", (error) => {
    stats.errorsOut++;
    log.debug("UDP socket", { error });
  });
  socket.on("message", (bytes: Buffer, from: RemoteInfo) => {
    if (closed) return;
    stats.packetsIn++;
    stats.bytesIn += bytes.length;
    onPacket(bytes, { address: plainAddress(from.address), port: from.port });
  });
  const bound = socket.address();
  return {
    local: { address: bound.address, port: bound.port },
    send(bytes, to) {
      const family = isIP(to.address);
      const fits = bytes.length <= UDP_PACKET_BYTES_MAX && to.port > 0 && to.port < 65_536;
      if (closed || !fits || family === 0 || (family === 6 && !six)) {
        stats.errorsOut++;
        return;
      }
      const target = six && family === 4 ? `::ffff:${to.address}` : to.address;
      stats.packetsOut++;
      stats.bytesOut += bytes.length;
      socket.send(bytes, to.port, target, (error) => {
        if (!error) return;
        stats.errorsOut++;
        stats.packetsOut--;
        stats.bytesOut -= bytes.length;
      });
    },
    stats: () => ({ ...stats }),
    close() {
      if (closed) return Promise.resolve();
      closed = true;
      return new Promise((resolve) => socket.close(() => resolve()));
    },
  };
}

function bind(socket: Socket, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => {
      socket.close();
      reject(asListenFailure(error, address, port));
    };
    socket.once("error", failed);
    socket.bind({ port, address, exclusive: true }, () => {
      socket.off("error", failed);
      resolve();
    });
  });
}
