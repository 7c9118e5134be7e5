/**
 * mDNS and DNS-SD on the local network: hears what other machines announce, and announces what this box offers
 * there. It lives beside avahi-daemon: the port is shared, and the host name is our own, so that the two never
 * contend for one name. IPv4 multicast only; addresses of both families are carried.
 *
 * One socket per interface, because the library sends on one interface only, and because its `interface` option
 * alone would bind to the unicast address, on which Linux delivers no multicast.
 */
import { networkInterfaces } from "node:os";
import type { DnsPacket, DnsRecord, MulticastDns, PacketSource } from "multicast-dns";
import multicastDns from "multicast-dns";
import type { Clock } from "../kernel/clock.ts";
import { fail } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import { CONTAINER_DEVICE } from "./addresses.ts";
import {
  MDNS_ANNOUNCED_MAX,
  MDNS_ANSWERS_PER_S_MAX,
  MDNS_QUERY_FIRST_MS,
  MDNS_QUERY_INTERVAL_MAX_MS,
  MDNS_RETRY_MS,
  MDNS_SWEEP_MS,
} from "./constants.ts";
import type { MdnsAnnouncement } from "./mdns-answers.ts";
import { answerTo, hostRecords, instanceName, serviceRecords, typeRecord } from "./mdns-answers.ts";
import type { HeardService } from "./mdns-cache.ts";
import { SERVICE_TYPES, createMdnsCache } from "./mdns-cache.ts";

export type { HeardService };

export interface MdnsInterface {
  device: string;
  /** IPv4, and its mask: only hosts of the same network are heard (RFC 6762, section 11). */
  address: string;
  netmask: string;
  /** All addresses to announce on this interface. */
  addresses: string[];
}

export interface MdnsOptions {
  /** Our host name, distinct from the system's, for instance "comu-abcdefgh.local". */
  hostName: string;
  clock: Clock;
  log: Log;
  onFound?: (service: HeardService) => void;
  onLost?: (service: HeardService) => void;
  /** Called once after any of them. */
  onChange?: () => void;
  /** The interfaces to use; asked again from time to time. All of the machine but loopback where it is not given. */
  interfaces?: () => MdnsInterface[];
  /** 5353, but for tests. */
  port?: number;
  sweepMs?: number;
}

export interface Mdns {
  /** What is there now. */
  services(): HeardService[];
  /** Announces a service until the returned function is called. Throws `bad-input`, `limit-reached`. */
  announce(service: MdnsAnnouncement): () => void;
  withdrawAll(): void;
  /** False: no interface, or none that takes multicast; tried again by itself. */
  working(): boolean;
  stats(): { packetsIn: number; packetsOut: number; broken: number; answersDropped: number };
  /** Says goodbye and stops. */
  close(): Promise<void>;
}

interface Voice {
  about: MdnsInterface;
  dns: MulticastDns;
  working: boolean;
}
interface Announced {
  service: MdnsAnnouncement;
  /** False while we still ask whether the name is free. */
  settled: boolean;
  stop: () => void;
}

/** Probes for the uniqueness of a name, and the repeated announcement (RFC 6762, sections 8.1 and 8.3). */
const PROBES_MS = [0, 250, 500];
const ANNOUNCE_MS = [750, 1750];

export function createMdns(options: MdnsOptions): Mdns {
  const { clock, log } = options;
  const host = options.hostName;
  const label = host.split(".")[0]!;
  const interfaces = options.interfaces ?? machineInterfaces;
  const cache = createMdnsCache((name) => name === host.toLowerCase());
  const voices = new Map<string, Voice>();
  const failedMs = new Map<string, number>();
  const announced = new Set<Announced>();
  const stats = { packetsIn: 0, packetsOut: 0, broken: 0, answersDropped: 0 };
  let shown = new Map<string, HeardService>();
  let answersLeft = MDNS_ANSWERS_PER_S_MAX;
  let complained = false;
  let closed = false;

  const complain = (error: unknown) => {
    if (!complained) log.warn("local discovery has no network", { error });
    complained = true;
  };
  const sent = (voice: Voice) => (error?: Error | null) => {
    voice.working = !error;
    if (error) return complain(error);
    complained = false;
    stats.packetsOut++;
  };
  const each = (run: (voice: Voice) => void) => {
    for (const voice of voices.values()) run(voice);
  };
  const say = (voice: Voice, answers: DnsRecord[], additionals: DnsRecord[] = []) =>
    voice.dns.respond({ answers, additionals }, sent(voice));
  const ask = (questions: DnsPacket["questions"], authorities: DnsRecord[] = []) =>
    each((voice) => voice.dns.query({ questions: questions ?? [], authorities }, sent(voice)));

  const browse = () => {
    const names = [SERVICE_TYPES, ...cache.types().map((type) => `${type}.local`)];
    ask(names.map((name) => ({ name, type: "PTR" })));
  };
  const show = () => {
    const before = shown;
    shown = cache.services();
    const lost = [...before.values()].filter(({ id }) => !shown.has(id));
    const found = [...shown.values()].filter((one) => JSON.stringify(before.get(one.id)) !== JSON.stringify(one));
    for (const service of lost) options.onLost?.(service);
    for (const service of found) options.onFound?.(service);
    if (lost.length + found.length > 0) options.onChange?.();
  };

  const hear = (voice: Voice, packet: DnsPacket, from: PacketSource) => {
    if (closed || !sameNetwork(voice.about, from.address)) return;
    stats.packetsIn++;
    if (packet.type === "query") return answer(voice, packet, from);
    const records = [...(packet.answers ?? []), ...(packet.additionals ?? [])];
    for (const record of records) if (record.type === "SRV") contend(record);
    const fresh = cache.hear(records, clock.monotonicMs());
    if (fresh.length > 0) ask(fresh.map((type) => ({ name: `${type}.local`, type: "PTR" })));
    show();
  };

  const answer = (voice: Voice, packet: DnsPacket, from: PacketSource) => {
    const services = [...announced].filter((one) => one.settled).map((one) => one.service);
    if (services.length === 0) return;
    const reply = answerTo(packet, services, host, voice.about.addresses);
    if (!reply) return;
    if (answersLeft <= 0) return void stats.answersDropped++;
    answersLeft--;
    if (from.port === (options.port ?? 5353)) return say(voice, reply.answers, reply.additionals);
    // A plain resolver asked (RFC 6762, section 6.7): it gets its id and question back, to itself.
    const plain = (record: DnsRecord) => ({ ...record, flush: false, ttl: Math.min(record.ttl ?? 0, 10) });
    const { id, questions } = packet;
    const copy = { id, questions, answers: reply.answers.map(plain), additionals: reply.additionals.map(plain) };
    voice.dns.respond(copy, from, sent(voice));
  };

  /** Another host has one of our names: ours gets the host label, which nobody else has. */
  const contend = (record: DnsRecord) => {
    const target = (record.data as { target?: string } | undefined)?.target?.toLowerCase();
    if (target === undefined || target === host.toLowerCase() || record.ttl === 0) return;
    for (const one of announced) {
      if (instanceName(one.service).toLowerCase() !== record.name.toLowerCase()) continue;
      one.stop();
      one.service = { ...one.service, name: withLabel(one.service.name, label) };
      log.info("a service name is taken on the local network", { name: one.service.name });
      begin(one);
    }
  };

  const announceOn = (voice: Voice, one: Announced) =>
    say(voice, [
      typeRecord(one.service),
      ...serviceRecords(one.service, host),
      ...hostRecords(host, voice.about.addresses),
    ]);

  const begin = (one: Announced) => {
    one.settled = false;
    const probe = () =>
      ask([{ name: instanceName(one.service), type: "ANY" }], serviceRecords(one.service, host).slice(1, 2));
    const announce = () => {
      one.settled = true;
      each((voice) => announceOn(voice, one));
    };
    const timers = [
      ...PROBES_MS.map((atMs) => clock.after(atMs, probe)),
      ...ANNOUNCE_MS.map((atMs) => clock.after(atMs, announce)),
    ];
    one.stop = () => timers.forEach((cancel) => cancel());
  };

  const withdraw = (one: Announced) => {
    one.stop();
    if (announced.delete(one) && one.settled) each((voice) => say(voice, goodbye(serviceRecords(one.service, host))));
  };

  const open = (about: MdnsInterface, key: string) => {
    const dns = multicastDns({
      bind: "0.0.0.0",
      interface: about.address,
      ...(options.port ? { port: options.port } : {}),
    });
    const voice: Voice = { about, dns, working: false };
    voices.set(key, voice);
    dns.on("packet", (packet: DnsPacket, from: PacketSource) => hear(voice, packet, from));
    dns.on("warning", (error: Error) => {
      stats.broken++;
      log.debug("mDNS", { error });
    });
    dns.on("error", (error: Error) => {
      complain(error);
      failedMs.set(key, clock.monotonicMs());
      shut(key);
    });
    dns.on("ready", () => {
      voice.working = true;
      browse();
      for (const one of announced) if (one.settled) announceOn(voice, one);
    });
  };
  const shut = (key: string) => {
    const voice = voices.get(key);
    voices.delete(key);
    voice?.dns.destroy();
  };
  const watchInterfaces = () => {
    const wanted = new Map(interfaces().map((one) => [JSON.stringify(one), one]));
    for (const key of voices.keys()) if (!wanted.has(key)) shut(key);
    const nowMs = clock.monotonicMs();
    for (const [key, one] of wanted) {
      const triedMs = failedMs.get(key);
      if (voices.has(key) || (triedMs !== undefined && nowMs - triedMs < MDNS_RETRY_MS)) continue;
      failedMs.delete(key);
      open(one, key);
    }
    if (wanted.size === 0) complain(new Error("no interface"));
  };

  const sweep = () => {
    watchInterfaces();
    cache.expire(clock.monotonicMs());
    const questions = cache.questions(clock.monotonicMs());
    for (let at = 0; at < questions.length; at += QUESTIONS_PER_PACKET)
      ask(questions.slice(at, at + QUESTIONS_PER_PACKET));
    show();
  };
  let queryInMs = MDNS_QUERY_FIRST_MS;
  let stopQuery = () => {};
  const browseLater = () => {
    stopQuery = clock.after(queryInMs, () => {
      browse();
      queryInMs = Math.min(queryInMs * 3, MDNS_QUERY_INTERVAL_MAX_MS);
      browseLater();
    });
  };
  watchInterfaces();
  browseLater();
  const stopSweep = clock.every(options.sweepMs ?? MDNS_SWEEP_MS, sweep);
  const stopRefill = clock.every(1000, () => (answersLeft = MDNS_ANSWERS_PER_S_MAX));

  return {
    services: () => [...shown.values()],
    announce(wanted) {
      const service = { ...wanted, name: carried(wanted.name) };
      checkAnnouncement(service);
      if (announced.size >= MDNS_ANNOUNCED_MAX) throw fail("limit-reached", { params: { limit: MDNS_ANNOUNCED_MAX } });
      const one: Announced = { service, settled: false, stop: () => {} };
      announced.add(one);
      begin(one);
      return () => withdraw(one);
    },
    withdrawAll() {
      for (const one of announced) withdraw(one);
    },
    working: () => [...voices.values()].some((voice) => voice.working),
    stats: () => ({ ...stats }),
    async close() {
      if (closed) return;
      closed = true;
      stopQuery();
      stopSweep();
      stopRefill();
      for (const one of announced) one.stop();
      const records = [...announced].filter((one) => one.settled).flatMap((one) => serviceRecords(one.service, host));
      await Promise.all([...voices.values()].map((voice) => leave(voice, goodbye(records), clock)));
      voices.clear();
    },
  };
}

const QUESTIONS_PER_PACKET = 20;
/** Records of one goodbye packet: some 100 bytes each, below an Ethernet frame. */
const GOODBYES_PER_PACKET = 9;
/** A network that takes no packets does not hold up the end of the daemon. */
const LEAVE_TIMEOUT_MS = 500;

async function leave(voice: Voice, records: DnsRecord[], clock: Clock): Promise<void> {
  const says: Promise<void>[] = [];
  for (let at = 0; at < records.length; at += GOODBYES_PER_PACKET) {
    const answers = records.slice(at, at + GOODBYES_PER_PACKET);
    says.push(new Promise((resolve) => voice.dns.respond({ answers }, () => resolve())));
  }
  let cancel = () => {};
  const late = new Promise((resolve) => (cancel = clock.after(LEAVE_TIMEOUT_MS, () => resolve(undefined))));
  await Promise.race([Promise.all(says), late]);
  cancel();
  voice.dns.destroy();
}

function goodbye(records: DnsRecord[]): DnsRecord[] {
  return records.map((record) => ({ ...record, ttl: 0 }));
}

function withLabel(name: string, label: string): string {
  const ending = ` (${label})`;
  return cutTo(name, 63 - Buffer.byteLength(ending)) + ending;
}

/** The name as one label: cut to 63 bytes, its dots replaced by a look-alike, because the codec would split there. */
function carried(name: string): string {
  return cutTo(name.replaceAll(".", "\u2024"), 63);
}

function cutTo(text: string, bytes: number): string {
  const characters = [...text];
  while (Buffer.byteLength(characters.join("")) > bytes) characters.pop();
  return characters.join("");
}

function checkAnnouncement({ name, type, port, txt }: MdnsAnnouncement): void {
  const sound =
    name !== "" &&
    /^_[a-z0-9-]{1,15}\._(tcp|udp)$/i.test(type) &&
    Number.isInteger(port) &&
    port > 0 &&
    port < 65_536 &&
    Object.entries(txt ?? {}).every(
      ([key, value]) => /^[\x20-\x3c\x3e-\x7e]+$/.test(key) && Buffer.byteLength(key + value) < 255,
    );
  if (!sound) throw fail("bad-input", { params: { name, type, port } });
}

function sameNetwork({ address, netmask }: MdnsInterface, other: string): boolean {
  const number = (text: string) => text.split(".").reduce((sum, part) => (sum << 8) | Number(part), 0);
  const mask = number(netmask);
  return (number(address) & mask) === (number(other) & mask);
}

/** Interfaces of the machine with an IPv4 address, without loopback and container bridges. */
export function machineInterfaces(): MdnsInterface[] {
  const found: MdnsInterface[] = [];
  for (const [device, infos = []] of Object.entries(networkInterfaces())) {
    const four = infos.find((info) => info.family === "IPv4" && !info.internal);
    if (!four || CONTAINER_DEVICE.test(device)) continue;
    const addresses = infos.map((info) => info.address).filter((one) => !/^fe[89ab]/i.test(one));
    found.push({ device, address: four.address, netmask: four.netmask, addresses });
  }
  return found;
}
