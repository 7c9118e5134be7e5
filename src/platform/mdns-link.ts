/**
 * mDNS on one interface: what is heard there and what is said. Between the sockets on one side, and cache and
 * responder on the other.
 */
import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import type { Random } from "../kernel/random.ts";
import type { PacketSource } from "./mdns-answering.ts";
import type { HeardService, MdnsCache } from "./mdns-cache.ts";
import { SERVICE_TYPES, createMdnsCache } from "./mdns-cache.ts";
import {
  MDNS_BROWSE_PACKETS_MAX,
  MDNS_GOODBYE_MS,
  MDNS_LEAVE_TIMEOUT_MS,
  MDNS_QUERY_FIRST_MS,
  MDNS_QUERY_INTERVAL_MAX_MS,
  MDNS_QUESTIONS_PER_PACKET_MAX,
  MDNS_SENT_BYTES_MAX,
  MDNS_SHOW_MS,
} from "./mdns-constants.ts";
import { folded } from "./mdns-names.ts";
import type { Announced } from "./mdns-responder.ts";
import { createResponder } from "./mdns-responder.ts";
import { PacketWriter } from "./mdns-wire.ts";
import type { DnsPacket, DnsQuestion } from "./mdns-wire.ts";
import type { MdnsAnnouncement } from "./mdns-zone.ts";

export interface LinkNeeds {
  clock: Clock;
  random: Random;
  log: Log;
  port: number;
  hostName: string;
  about: { device: string; addresses: readonly string[] };
  isSpeaker?: (hostName: string) => boolean;
  send: (packet: Uint8Array, to?: PacketSource) => Promise<void>;
  onFound?: (service: HeardService) => void;
  onLost?: (service: HeardService) => void;
  onChange?: () => void;
}

export interface LinkCore {
  hear(packet: DnsPacket, from: PacketSource): void;
  /** The network is there: asks for everything, at once and then at growing distance, and announces. */
  begin(): void;
  /** Drops what expired and asks for what is near its end. */
  sweep(): void;
  services(): HeardService[];
  announce(service: MdnsAnnouncement): Announced;
  announced(): number;
  /** Questions without an answer, because too many were asked. */
  dropped(): number;
  sizes: MdnsCache["sizes"];
  /** Takes leave and stops; resolves when that is sent, or when it cannot be sent for too long. */
  leave(): Promise<void>;
  /** Stops without a word: the interface is gone. */
  drop(): void;
}

export function createMdnsLink(needs: LinkNeeds): LinkCore {
  const { clock, log, hostName, about, isSpeaker = () => false } = needs;
  const cache = createMdnsCache();
  const sending = new Set<Promise<void>>();
  let shown = new Map<string, { service: HeardService; text: string }>();
  let quiet = false;
  let cancels = { show: () => {}, lapse: () => {}, browse: () => {} };
  let [showing, lapsing, goodbyeMs] = [false, false, 0];

  const send = (packet: Uint8Array, to?: PacketSource) => {
    if (quiet) return;
    const sent = needs.send(packet, to);
    sending.add(sent);
    void sent.then(() => sending.delete(sent));
  };
  const ask = (questions: readonly DnsQuestion[]) => {
    for (const packet of askPackets(questions, cache, clock.monotonicMs())) send(packet);
  };
  const responder = createResponder({
    ...needs,
    own: { name: hostName, addresses: about.addresses },
    send,
    onRenamed: (name) => log.info("a service name is taken on the local network", { name, device: about.device }),
  });

  const show = () => {
    showing = false;
    const before = shown;
    shown = new Map();
    const found: HeardService[] = [];
    for (const [id, service] of cache.services(clock.monotonicMs())) {
      const text = JSON.stringify(service);
      shown.set(id, { service, text });
      if (before.get(id)?.text !== text) found.push(service);
    }
    const lost = [...before].filter(([id]) => !shown.has(id));
    for (const [, { service }] of lost) needs.onLost?.(service);
    for (const service of found) needs.onFound?.(service);
    if (lost.length + found.length > 0) needs.onChange?.();
  };
  const showSoon = () => {
    if (showing) return;
    showing = true;
    cancels.show = clock.after(MDNS_SHOW_MS, show);
  };
  /** What was left is dropped when its second is over; goodbyes that came meanwhile have one of their own. */
  const lapse = () => {
    cache.expire(clock.monotonicMs());
    show();
    const leftMs = goodbyeMs + MDNS_GOODBYE_MS - clock.monotonicMs();
    lapsing = leftMs > 0;
    if (lapsing) cancels.lapse = clock.after(leftMs, lapse);
  };

  const hearResponse = (packet: DnsPacket, from: PacketSource) => {
    // From another port it is no answer of mDNS (section 6).
    if (from.port !== needs.port) return;
    const records = [...packet.answers, ...packet.additionals];
    const speaks = records.find((one) => (one.type === "A" || one.type === "AAAA") && isSpeaker(folded(one.name)));
    const speaker = speaks && folded(speaks.name);
    // Ourselves, through another interface on the same network.
    if (speaker === folded(hostName)) return;
    responder.response(records);
    const hearing = { source: from.address, nowMs: clock.monotonicMs(), ...(speaker ? { speaker } : {}) };
    ask(cache.hear(records, hearing));
    if (records.some((one) => one.ttl <= 1)) {
      goodbyeMs = clock.monotonicMs();
      if (!lapsing) cancels.lapse = clock.after(MDNS_GOODBYE_MS, lapse);
      lapsing = true;
    }
    showSoon();
  };

  const browse = (nextMs: number) => {
    cancels.browse();
    const names = [SERVICE_TYPES, ...cache.types().map((type) => `${type}.local`)];
    ask(names.map((name) => ({ name, type: "PTR", unicast: false })));
    cancels.browse = clock.after(nextMs, () => browse(Math.min(nextMs * 3, MDNS_QUERY_INTERVAL_MAX_MS)));
  };
  const stop = () => {
    for (const cancel of Object.values(cancels)) cancel();
    cancels = { show: () => {}, lapse: () => {}, browse: () => {} };
    responder.stop();
    quiet = true;
  };

  return {
    hear: (packet, from) => (packet.response ? hearResponse(packet, from) : responder.query(packet, from)),
    begin() {
      browse(MDNS_QUERY_FIRST_MS);
      responder.again();
    },
    sweep() {
      cache.expire(clock.monotonicMs());
      ask(cache.questions(clock.monotonicMs()));
      showSoon();
    },
    services: () => [...shown.values()].map((one) => one.service),
    announce: responder.announce,
    announced: responder.announced,
    dropped: responder.dropped,
    sizes: cache.sizes,
    async leave() {
      stop();
      let cancel = () => {};
      const late = new Promise<void>((resolve) => (cancel = clock.after(MDNS_LEAVE_TIMEOUT_MS, resolve)));
      await Promise.race([Promise.all(sending), late]);
      cancel();
    },
    drop() {
      quiet = true;
      stop();
      for (const { service } of shown.values()) needs.onLost?.(service);
      shown = new Map();
    },
  };
}

/** Questions, with the answers that need not be given again; those may go on in further packets (section 7.2). */
function askPackets(questions: readonly DnsQuestion[], cache: MdnsCache, nowMs: number): Uint8Array[] {
  const packets: Uint8Array[] = [];
  for (let at = 0; at < questions.length; at += MDNS_QUESTIONS_PER_PACKET_MAX) {
    let writer = new PacketWriter({ response: false }, MDNS_SENT_BYTES_MAX);
    const some = questions.slice(at, at + MDNS_QUESTIONS_PER_PACKET_MAX);
    for (const question of some) {
      if (writer.question(question)) continue;
      packets.push(writer.packet());
      writer = new PacketWriter({ response: false }, MDNS_SENT_BYTES_MAX);
      writer.question(question);
    }
    for (const known of some.filter((one) => one.type === "PTR").flatMap((one) => cache.known(one.name, nowMs))) {
      if (writer.record("answers", known)) continue;
      if (packets.length + 1 >= MDNS_BROWSE_PACKETS_MAX) break;
      writer.truncated();
      packets.push(writer.packet());
      writer = new PacketWriter({ response: false }, MDNS_SENT_BYTES_MAX);
      writer.record("answers", known);
    }
    packets.push(writer.packet());
  }
  return packets;
}
