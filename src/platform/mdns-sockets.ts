/**
 * The sockets of mDNS. For IPv4 one that hears the group on all interfaces, and one per interface that speaks there
 * and hears what is said to its address alone; for IPv6 one for everything, since a scope in the address names the
 * interface. The port is shared with avahi-daemon and other boxes of this machine. Nothing on the network can make
 * this throw.
 */
import type { RemoteInfo, Socket } from "node:dgram";
import { createSocket } from "node:dgram";
import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { CONTAINER_DEVICE } from "./addresses.ts";
import type { PacketSource } from "./mdns-answering.ts";
import { MDNS_GROUP_4, MDNS_GROUP_6 } from "./mdns-constants.ts";

export interface MdnsInterface {
  device: string;
  /** Where IPv4 is spoken; undefined on an interface without it. */
  address?: string;
  /** Whether IPv6 is spoken: there is a link-local address. */
  six: boolean;
  /** Networks on this link, as "10.0.0.1/24": only hosts of these are heard (RFC 6762, section 11). */
  networks: string[];
  /** All addresses to announce on this interface. */
  addresses: string[];
}

export interface MdnsSockets {
  /** Opens what is new, and with `retry` what failed before; closes what is gone. */
  use(interfaces: readonly MdnsInterface[], retry: boolean): void;
  /** To the group of an interface, or to one address. Resolves when the kernel has taken or refused it. */
  send(device: string, packet: Uint8Array, to?: PacketSource): Promise<void>;
  /** True where at least one family works. */
  working(device: string): boolean;
  close(): void;
}

export interface SocketsNeeds {
  port: number;
  /** An interface begins to work. */
  onReady: (device: string) => void;
  onPacket: (device: string, packet: Uint8Array, from: PacketSource) => void;
  /** From an address that is not on the link. */
  onStranger: () => void;
  onError: (error: unknown) => void;
}

interface Line {
  key: string;
  about: MdnsInterface;
  onLink: BlockList;
  four?: Socket;
  six?: Socket;
  works: { four: boolean; six: boolean };
  gone: boolean;
}

export function createMdnsSockets(needs: SocketsNeeds): MdnsSockets {
  const lines = new Map<string, Line>();
  const open = new Set<Socket>();
  let group: Promise<Socket> | undefined;
  let six: Promise<Socket> | undefined;
  let closed = false;

  const hear = (packet: Uint8Array, { address: from, port }: RemoteInfo) => {
    const [address, scope] = from.split("%") as [string, string?];
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    const near = ({ about, onLink }: Line) =>
      (scope === undefined || scope === about.device) && onLink.check(address, family);
    const line = [...lines.values()].find(near);
    if (closed) return;
    if (line) needs.onPacket(line.about.device, packet, { address: from, port });
    else needs.onStranger();
  };
  const listen = (type: "udp4" | "udp6", address: string): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = createSocket({ type, reuseAddr: true, ipv6Only: type === "udp6" });
      open.add(socket);
      socket.once("error", (error) => {
        end(socket);
        reject(error);
      });
      socket.on("error", needs.onError);
      socket.on("message", hear);
      socket.bind({ port: needs.port, address, exclusive: false }, () => {
        socket.unref();
        if (!open.has(socket)) return;
        socket.setMulticastTTL(255);
        socket.setMulticastLoopback(true);
        socket.setTTL(255);
        resolve(socket);
      });
    });
  const end = (socket: Socket | undefined) => {
    if (socket && open.delete(socket)) socket.close();
  };

  const beginFour = async (line: Line, address: string) => {
    const speaker = await listen("udp4", address);
    if (line.gone) return end(speaker);
    line.four = speaker;
    speaker.setMulticastInterface(address);
    group ??= listen("udp4", MDNS_GROUP_4);
    await group.then(
      (socket) => socket.addMembership(MDNS_GROUP_4, address),
      (error) => {
        group = undefined;
        throw error;
      },
    );
    works(line, "four", true);
  };
  const beginSix = async (line: Line) => {
    six ??= listen("udp6", "::");
    const socket = await six.catch((error) => {
      six = undefined;
      throw error;
    });
    if (line.gone) return;
    line.six = socket;
    socket.addMembership(MDNS_GROUP_6, `::%${line.about.device}`);
    works(line, "six", true);
  };
  const works = (line: Line, family: "four" | "six", does: boolean) => {
    if (line.gone || line.works[family] === does) return;
    line.works[family] = does;
    if (does) needs.onReady(line.about.device);
  };
  const begin = (about: MdnsInterface, key: string) => {
    const line: Line = { key, about, onLink: onLinkOf(about), works: { four: false, six: false }, gone: false };
    lines.set(about.device, line);
    const failed = (error: unknown) => {
      if (!line.gone) needs.onError(error);
    };
    if (about.address !== undefined) beginFour(line, about.address).catch(failed);
    if (about.six) beginSix(line).catch(failed);
  };
  const leave = (line: Line) => {
    line.gone = true;
    lines.delete(line.about.device);
    end(line.four);
    const { address, device } = line.about;
    if (address !== undefined) void group?.then((socket) => drop(socket, MDNS_GROUP_4, address));
    if (line.six) drop(line.six, MDNS_GROUP_6, `::%${device}`);
  };
  const drop = (socket: Socket, address: string, at: string) => {
    try {
      socket.dropMembership(address, at);
    } catch {
      // It went with the interface.
    }
  };

  const put = (line: Line, family: "four" | "six", packet: Uint8Array, port: number, address: string): Promise<void> =>
    new Promise((resolve) => {
      const socket = line[family];
      if (!socket || !open.has(socket)) return resolve();
      socket.send(packet, port, address, (error) => {
        if (error) needs.onError(error);
        works(line, family, !error);
        resolve();
      });
    });

  return {
    use(interfaces, retry) {
      const wanted = new Map(interfaces.map((one) => [one.device, JSON.stringify(one)]));
      for (const line of lines.values()) {
        const failed = !line.works.four && !line.works.six;
        if (wanted.get(line.about.device) !== line.key || (retry && failed)) leave(line);
      }
      for (const one of interfaces) if (!lines.has(one.device)) begin(one, wanted.get(one.device)!);
    },
    async send(device, packet, to) {
      const line = lines.get(device);
      if (!line || closed) return;
      if (to) return put(line, isIP(to.address.split("%")[0]!) === 6 ? "six" : "four", packet, to.port, to.address);
      const four = put(line, "four", packet, needs.port, MDNS_GROUP_4);
      await Promise.all([four, put(line, "six", packet, needs.port, `${MDNS_GROUP_6}%${device}`)]);
    },
    working(device) {
      const line = lines.get(device);
      return line !== undefined && (line.works.four || line.works.six);
    },
    close() {
      closed = true;
      for (const socket of open) end(socket);
    },
  };
}

function onLinkOf({ networks }: MdnsInterface): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address, bits] = network.split("/") as [string, string];
    list.addSubnet(address, Number(bits), isIP(address) === 6 ? "ipv6" : "ipv4");
  }
  return list;
}

/** Interfaces of the machine, without loopback and container bridges. */
export function machineInterfaces(): MdnsInterface[] {
  const found: MdnsInterface[] = [];
  for (const [device, infos = []] of Object.entries(networkInterfaces())) {
    const here = infos.filter((info) => !info.internal && info.cidr !== null);
    const four = here.find((info) => info.family === "IPv4");
    const isLocal = (address: string) => /^fe[89ab]/i.test(address);
    const six = here.some((info) => isLocal(info.address));
    if ((!four && !six) || CONTAINER_DEVICE.test(device)) continue;
    const all = here.map((info) => info.address);
    const routed = all.filter((address) => !isLocal(address));
    found.push({
      device,
      ...(four ? { address: four.address } : {}),
      six,
      networks: here.map((info) => info.cidr!),
      addresses: routed.length > 0 ? routed : all,
    });
  }
  return found;
}
