/**
 * The one port of the mesh: gossip on UDP, links and memberlist streams on TCP, all under one number.
 */
import { connect } from "node:net";
import type { Socket } from "node:net";
import type { Clock } from "../../kernel/clock.ts";
import { isFailure } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import type { Links } from "../../platform/links.ts";
import { openPort } from "../../platform/port.ts";
import type { Port } from "../../platform/port.ts";
import { openUdp } from "../../platform/udp.ts";
import type { Udp } from "../../platform/udp.ts";
import type { Address } from "./peers.ts";
import type { Session } from "./session.ts";

/** With port 0 the system chooses for TCP; UDP may find the same number taken, then another is tried. */
const FREE_PORT_TRIES = 8;

export interface MeshPortNeeds {
  clock: Clock;
  log: Log;
  links: Links;
  session: () => Session | undefined;
}

export interface MeshPort {
  /** Undefined listens on all addresses. Throws `port-in-use`, `address-not-local`, `port-not-allowed`. */
  listen(port: number, bind: string | undefined): Promise<void>;
  /** The real number; 0 before `listen`. */
  number(): number;
  send(bytes: Uint8Array, to: Address): void;
  /** A TCP connection for a memberlist stream. */
  dial(to: Address, timeoutMs: number): Promise<Socket>;
  close(): Promise<void>;
}

export function createMeshPort({ clock, log, links, session }: MeshPortNeeds): MeshPort {
  let tcp: Port | undefined;
  let udp: Udp | undefined;

  const openBoth = async (port: number, address: string) => {
    for (let turn = 1; ; turn += 1) {
      const opened = await openPort({
        address,
        port,
        clock,
        log: log.area("port"),
        onLink: (socket) => links.accept(socket),
        onStream: (socket, first) => {
          const open = session();
          if (open) open.gossip.stream(socket, first);
          else socket.destroy();
        },
      });
      try {
        const onPacket = (bytes: Uint8Array, from: Address) => session()?.gossip.packet(bytes, from);
        udp = await openUdp({ address, port: opened.local.port, onPacket, log: log.area("udp") });
        tcp = opened;
        return;
      } catch (error) {
        await opened.close();
        if (port !== 0 || turn >= FREE_PORT_TRIES || !isFailure(error, "port-in-use")) throw error;
      }
    }
  };

  return {
    async listen(port, bind) {
      if (bind) return openBoth(port, bind);
      try {
        await openBoth(port, "::");
      } catch (error) {
        // A machine without IPv6.
        if (!isFailure(error, "address-not-local")) throw error;
        await openBoth(port, "0.0.0.0");
      }
    },
    number: () => tcp?.local.port ?? 0,
    send: (bytes, to) => udp?.send(bytes, to),
    dial: (to, timeoutMs) =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: to.address, port: to.port });
        const cancel = clock.after(timeoutMs, () => socket.destroy(new Error("no connection in time")));
        socket.once("error", (error) => {
          cancel();
          reject(error);
        });
        socket.once("connect", () => {
          cancel();
          resolve(socket);
        });
      }),
    async close() {
      await Promise.all([udp?.close(), tcp?.close()]);
    },
  };
}
