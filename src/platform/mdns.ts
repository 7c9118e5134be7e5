/**
 * mDNS and DNS-SD on the local network: hears what other machines announce, and announces what this box offers
 * there. It lives beside avahi-daemon: the port is shared, and the host name is our own, so that the two never
 * contend for one name.
 *
 * Each interface has a cache and a responder of its own, since each is another network with other neighbours. What
 * comes in passes these doors first: from this link, not too much of it from one address, not our own echo, sound.
 */
import type { Clock } from "../kernel/clock.ts";
import { fail } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import type { Random } from "../kernel/random.ts";
import type { PacketSource } from "./mdns-answering.ts";
import type { HeardService } from "./mdns-cache.ts";
import {
  MDNS_ANNOUNCED_MAX,
  MDNS_PACKETS_PER_SOURCE_S_MAX,
  MDNS_PACKETS_PER_S_MAX,
  MDNS_PORT,
  MDNS_RETRY_MS,
  MDNS_SWEEP_MS,
  MDNS_TXT_SENT_BYTES_MAX,
} from "./mdns-constants.ts";
import { createEchoes } from "./mdns-echoes.ts";
import { createMdnsLink } from "./mdns-link.ts";
import type { LinkCore } from "./mdns-link.ts";
import { cutTo } from "./mdns-names.ts";
import { createRates } from "./mdns-rates.ts";
import type { Announced } from "./mdns-responder.ts";
import { createMdnsSockets, machineInterfaces } from "./mdns-sockets.ts";
import type { MdnsInterface } from "./mdns-sockets.ts";
import { readPacket } from "./mdns-wire.ts";
import type { MdnsAnnouncement } from "./mdns-zone.ts";

export type { Announced, HeardService, MdnsAnnouncement };

export interface MdnsOptions {
  /** Our host name, distinct from the system's, for instance "comu-abcdefgh.local". */
  hostName: string;
  clock: Clock;
  random: Random;
  log: Log;
  /** Host names by which others of our kind tell who speaks; a packet with the address of one is from it. */
  isSpeaker?: (hostName: string) => boolean;
  onFound?: (service: HeardService) => void;
  onLost?: (service: HeardService) => void;
  /** Called once after any of them, and when an interface comes or goes. */
  onChange?: () => void;
  /** The interfaces to use; asked again from time to time. All of the machine but loopback where it is not given. */
  interfaces?: () => MdnsInterface[];
  /** 5353, but for tests. */
  port?: number;
  sweepMs?: number;
}

/** One interface, while it is there. */
export interface MdnsLink {
  device: string;
  /** Of this machine there. */
  addresses: readonly string[];
  /** What is heard there now. */
  services(): HeardService[];
  /** Announces a service there. Throws `bad-input`, `limit-reached`. */
  announce(service: MdnsAnnouncement): Announced;
}

export interface MdnsStats {
  packetsIn: number;
  packetsOut: number;
  /** Not sound, or beyond a limit. */
  broken: number;
  /** From an address that is not on the link. */
  strangers: number;
  /** Not read, because too many came. */
  overRate: number;
  /** Questions without an answer, because too many were asked. */
  answersDropped: number;
}

export interface Mdns {
  /** What is there now, on all interfaces. */
  services(): HeardService[];
  links(): MdnsLink[];
  /** Announces a service on all interfaces until the returned function is called. Throws as `MdnsLink.announce`. */
  announce(service: MdnsAnnouncement): () => void;
  /** False: no interface, or none that takes multicast; tried again by itself. */
  working(): boolean;
  stats(): MdnsStats;
  /** Says goodbye and stops. */
  close(): Promise<void>;
}

export function createMdns(options: MdnsOptions): Mdns {
  const { clock, log } = options;
  const port = options.port ?? MDNS_PORT;
  const interfaces = options.interfaces ?? machineInterfaces;
  const links = new Map<string, LinkCore & { key: string; api: MdnsLink }>();
  /** What is announced on all interfaces, with what it is on each. */
  const everywhere = new Map<MdnsAnnouncement, Map<string, Announced>>();
  const echoes = createEchoes();
  const rates = createRates(MDNS_PACKETS_PER_SOURCE_S_MAX, MDNS_PACKETS_PER_S_MAX);
  const stats: MdnsStats = { packetsIn: 0, packetsOut: 0, broken: 0, strangers: 0, overRate: 0, answersDropped: 0 };
  let ownAddresses = new Set<string>();
  let retriedMs = 0;
  let complained = false;
  let closed = false;

  const complain = (error: unknown) => {
    if (!complained) log.warn("local discovery has no network", { error });
    complained = true;
  };
  const sockets = createMdnsSockets({
    port,
    onReady(device) {
      complained = false;
      links.get(device)?.begin();
    },
    onPacket: (device, packet, from) => hear(device, packet, from),
    onStranger: () => void stats.strangers++,
    onError: complain,
  });

  const hear = (device: string, bytes: Uint8Array, from: PacketSource) => {
    const link = links.get(device);
    if (!link || closed) return;
    if (!rates.allow(from.address, clock.monotonicMs())) return void stats.overRate++;
    if (ownAddresses.has(from.address.split("%")[0]!) && echoes.isEcho(bytes)) return;
    stats.packetsIn++;
    const packet = readPacket(bytes);
    if (packet) link.hear(packet, from);
    else stats.broken++;
  };
  const send = (about: MdnsInterface, packet: Uint8Array, to?: PacketSource) => {
    stats.packetsOut++;
    if (!to) echoes.sent(packet, (about.address === undefined ? 0 : 1) + (about.six ? 1 : 0));
    return sockets.send(about.device, packet, to);
  };

  const openLink = (about: MdnsInterface, key: string) => {
    const core = createMdnsLink({ ...options, port, about, send: (packet, to) => send(about, packet, to) });
    const api: MdnsLink = {
      device: about.device,
      addresses: about.addresses,
      services: core.services,
      announce(wanted) {
        checkAnnouncement(wanted);
        const limit = MDNS_ANNOUNCED_MAX;
        if (core.announced() >= limit) throw fail("limit-reached", { params: { limit } });
        return core.announce(carried(wanted));
      },
    };
    links.set(about.device, { ...core, key, api });
    for (const [service, here] of everywhere) here.set(about.device, api.announce(service));
  };
  /** True when an interface came or went. */
  const watchInterfaces = (): boolean => {
    const now = interfaces();
    const keys = new Map(now.map((one) => [one.device, JSON.stringify(one)]));
    ownAddresses = new Set(now.flatMap((one) => [...one.addresses, ...one.networks.map((net) => net.split("/")[0]!)]));
    let changed = false;
    for (const [device, link] of links) {
      if (keys.get(device) === link.key) continue;
      link.drop();
      links.delete(device);
      for (const here of everywhere.values()) here.delete(device);
      changed = true;
    }
    for (const one of now) {
      if (links.has(one.device)) continue;
      openLink(one, keys.get(one.device)!);
      changed = true;
    }
    const retry = clock.monotonicMs() - retriedMs >= MDNS_RETRY_MS;
    if (retry) retriedMs = clock.monotonicMs();
    sockets.use(now, retry);
    if (now.length === 0) complain(new Error("no interface"));
    return changed;
  };

  retriedMs = clock.monotonicMs();
  watchInterfaces();
  const stopSweep = clock.every(options.sweepMs ?? MDNS_SWEEP_MS, () => {
    if (watchInterfaces()) options.onChange?.();
    for (const link of links.values()) link.sweep();
  });

  return {
    services() {
      const all = [...links.values()].flatMap((link) => link.services());
      return [...new Map(all.toReversed().map((one) => [one.id, one])).values()].toReversed();
    },
    links: () => [...links.values()].map((link) => link.api),
    announce(service) {
      checkAnnouncement(service);
      if (everywhere.size >= MDNS_ANNOUNCED_MAX) throw fail("limit-reached", { params: { limit: MDNS_ANNOUNCED_MAX } });
      const here = new Map([...links].map(([device, link]) => [device, link.api.announce(service)]));
      everywhere.set(service, here);
      return () => {
        everywhere.delete(service);
        for (const one of here.values()) one.withdraw();
      };
    },
    working: () => [...links.keys()].some(sockets.working),
    stats() {
      const dropped = [...links.values()].reduce((sum, link) => sum + link.dropped(), 0);
      return { ...stats, answersDropped: stats.answersDropped + dropped };
    },
    async close() {
      if (closed) return;
      closed = true;
      stopSweep();
      await Promise.all([...links.values()].map((link) => link.leave()));
      sockets.close();
    },
  };
}

/** With a name that is one label of at most 63 bytes. */
function carried(service: MdnsAnnouncement): MdnsAnnouncement {
  return { ...service, name: cutTo(service.name, 63) };
}

function checkAnnouncement({ name, type, port, txt = {} }: MdnsAnnouncement): void {
  const entries = Object.entries(txt);
  const sound =
    name !== "" &&
    /^_[a-z0-9](?:[a-z0-9-]{0,13}[a-z0-9])?\._(tcp|udp)$/i.test(type) &&
    Number.isInteger(port) &&
    port > 0 &&
    port < 65_536 &&
    entries.every(([key, value]) => /^[\x20-\x3c\x3e-\x7e]+$/.test(key) && Buffer.byteLength(key + value) < 255) &&
    entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key + value) + 2, 0) <= MDNS_TXT_SENT_BYTES_MAX;
  if (!sound) throw fail("bad-input", { params: { name, type, port } });
}
