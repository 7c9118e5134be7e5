/**
 * Announces services on one interface: claims their names, tells of them, defends them and takes leave. Sources: RFC
 * 6762 (sections 8, 9, 10.1). Host names are not probed: they are made from keys of boxes, so nobody else can have
 * them (section 8.1).
 *
 *   announce ──► probing ──three probes unanswered──► announcing ──told twice──► settled
 *                 ▲   │ somebody has the name: "Radio (2)"                          │
 *                 └───┴────────────────── another says the name is its ─────────────┘
 */
import type { Clock } from "../kernel/clock.ts";
import type { Random } from "../kernel/random.ts";
import { createAnswering } from "./mdns-answering.ts";
import type { PacketSource } from "./mdns-answering.ts";
import {
  MDNS_ANNOUNCEMENTS,
  MDNS_ANNOUNCE_MS,
  MDNS_CONFLICTS_MAX,
  MDNS_CONFLICTS_MS,
  MDNS_CONFLICT_PAUSE_MS,
  MDNS_PROBES,
  MDNS_PROBE_LOST_MS,
  MDNS_PROBE_MS,
  MDNS_SENT_BYTES_MAX,
  MDNS_PACKET_BYTES_MAX,
} from "./mdns-constants.ts";
import { cutTo, folded } from "./mdns-names.ts";
import { PacketWriter, TYPE_NUMBERS, plainData } from "./mdns-wire.ts";
import type { DnsPacket, DnsRecord } from "./mdns-wire.ts";
import { createZone, hostRecords, instanceName, keyOf, serviceRecords, typeRecord } from "./mdns-zone.ts";
import type { MdnsAnnouncement, MdnsHost, Zone } from "./mdns-zone.ts";

export interface ResponderNeeds {
  clock: Clock;
  random: Random;
  /** The port of mDNS: who asks from another one is a plain resolver. */
  port: number;
  own: MdnsHost;
  /** To all without `to`. */
  send: (packet: Uint8Array, to?: PacketSource) => void;
  /** The name was taken; it is called otherwise now. */
  onRenamed?: (name: string) => void;
}

export interface Announced {
  /** As it is called on this network now. */
  name(): string;
  /** False while we still ask whether the name is free. */
  told(): boolean;
  /** Says something else of the same name and type. */
  update(service: MdnsAnnouncement): void;
  /** Takes leave; quietly when another goes on announcing the very same. */
  withdraw(quiet?: boolean): void;
}

export interface Responder {
  announce(service: MdnsAnnouncement): Announced;
  query(packet: DnsPacket, from: PacketSource): void;
  response(records: readonly DnsRecord[]): void;
  announced(): number;
  dropped(): number;
  /** The network is there, maybe another one: claims all names once more. */
  again(): void;
  /** Takes leave of everything; nothing is sent after it. */
  stop(): void;
}

interface Held {
  service: MdnsAnnouncement;
  /** The wished name, and which one of its kind this is. */
  base: string;
  number: number;
  phase: "probing" | "announcing" | "settled";
  step: number;
  dueMs: number;
  /** Others have heard of it under its present name. */
  known: boolean;
}

const keyOfName = (service: MdnsAnnouncement) => folded(instanceName(service));

export function createResponder(needs: ResponderNeeds): Responder {
  const { clock, random, own } = needs;
  const held = new Map<string, Held>();
  let leaving: DnsRecord[] = [];
  let conflictsMs: number[] = [];
  let zone: Zone | undefined;
  /** What is announced in one go is probed in one go, after one pause by chance. */
  let startMs = -1;
  let cancel = () => {};

  const zoneNow = () =>
    (zone ??= createZone(
      [...held.values()].filter((one) => one.phase !== "probing").map((one) => one.service),
      own,
    ));
  const [mark] = hostRecords(own);
  const answering = createAnswering({ ...needs, zone: zoneNow, mark: () => mark });

  const plan = () => {
    cancel();
    const dueMs = leaving.length > 0 ? 0 : Math.min(...[...held.values()].map((one) => one.dueMs));
    if (dueMs !== Infinity) cancel = clock.after(Math.max(0, dueMs - clock.monotonicMs()), run);
  };
  const run = () => {
    const nowMs = clock.monotonicMs();
    const due = [...held.values()].filter((one) => one.dueMs <= nowMs);
    const probed: Held[] = [];
    const told: Held[] = [];
    for (const one of due) {
      if (one.phase === "probing" && one.step < MDNS_PROBES) {
        probed.push(one);
        one.step++;
        one.dueMs = nowMs + MDNS_PROBE_MS;
        continue;
      }
      if (one.phase === "probing") Object.assign(one, { phase: "announcing", step: 0, known: true });
      told.push(one);
      one.step++;
      one.dueMs = one.step < MDNS_ANNOUNCEMENTS ? nowMs + MDNS_ANNOUNCE_MS : Infinity;
      if (one.dueMs === Infinity) one.phase = "settled";
    }
    zone = undefined;
    const gone = unique(leaving).filter((one) => !zoneNow().has(one));
    leaving = [];
    if (gone.length > 0) answering.say(gone.map((record) => ({ ...record, ttl: 0 })));
    for (const packet of probePackets(probed, own)) needs.send(packet);
    if (told.length > 0) answering.say(unique(told.flatMap(({ service }) => allRecords(service, own))));
    plan();
  };

  const probe = (one: Held, waitMs: number) => {
    const nowMs = clock.monotonicMs();
    conflictsMs = conflictsMs.filter((ms) => nowMs - ms < MDNS_CONFLICTS_MS);
    const pauseMs = conflictsMs.length >= MDNS_CONFLICTS_MAX ? MDNS_CONFLICT_PAUSE_MS : 0;
    Object.assign(one, { phase: "probing", step: 0, dueMs: nowMs + Math.max(waitMs, pauseMs) });
    zone = undefined;
    plan();
  };
  const conflict = () => {
    conflictsMs.push(clock.monotonicMs());
    if (conflictsMs.length > MDNS_CONFLICTS_MAX) conflictsMs.shift();
  };
  const rename = (one: Held) => {
    held.delete(keyOfName(one.service));
    do one.service = { ...one.service, name: numbered(one.base, ++one.number) };
    while (held.has(keyOfName(one.service)));
    one.known = false;
    held.set(keyOfName(one.service), one);
    needs.onRenamed?.(one.service.name);
  };

  /** Two ask for one name at the same moment: whose records come later in order wins (section 8.2). */
  const contend = (authorities: readonly DnsRecord[]) => {
    for (const name of new Set(authorities.map((one) => folded(one.name)))) {
      const one = held.get(name);
      if (one?.phase !== "probing") continue;
      const theirs = authorities.filter((record) => folded(record.name) === name);
      if (compareRecords(serviceRecords(one.service, own).slice(1), theirs) >= 0) continue;
      conflict();
      probe(one, MDNS_PROBE_LOST_MS);
    }
  };
  /** Another host says that one of our names is its. While we ask for it, that decides; later we ask again. */
  const defend = (records: readonly DnsRecord[]) => {
    for (const record of records) {
      const one = record.type === "SRV" && record.ttl > 0 ? held.get(folded(record.name)) : undefined;
      if (!one || keyOf(record) === keyOf(serviceRecords(one.service, own)[1])) continue;
      conflict();
      if (one.phase === "probing") rename(one);
      probe(one, 0);
    }
  };

  const startInMs = () => {
    const nowMs = clock.monotonicMs();
    if (startMs < nowMs) startMs = nowMs + random.float() * MDNS_PROBE_MS;
    return startMs - nowMs;
  };
  const withdraw = (one: Held, quiet: boolean) => {
    const key = keyOfName(one.service);
    if (held.get(key) !== one) return;
    held.delete(key);
    zone = undefined;
    if (one.known && !quiet) leaving.push(...allRecords(one.service, own));
    plan();
  };
  const update = (one: Held, service: MdnsAnnouncement) => {
    const before = allRecords(one.service, own);
    one.service = { ...service, name: one.service.name };
    if (one.phase !== "probing") {
      // What is replaced needs no leave: the flush bit does that. A host that is not named any more does.
      leaving.push(...before.filter((record) => record.type === "A" || record.type === "AAAA"));
      Object.assign(one, { phase: "announcing", step: 0, dueMs: clock.monotonicMs() });
    }
    zone = undefined;
    plan();
  };

  return {
    announce(service) {
      const one: Held = { service, base: service.name, number: 1, phase: "probing", step: 0, dueMs: 0, known: false };
      if (held.has(keyOfName(service))) rename(one);
      held.set(keyOfName(one.service), one);
      probe(one, startInMs());
      return {
        name: () => one.service.name,
        told: () => one.phase !== "probing" && held.get(keyOfName(one.service)) === one,
        update: (next) => update(one, next),
        withdraw: (quiet = false) => withdraw(one, quiet),
      };
    },
    query(packet, from) {
      if (packet.authorities.length > 0) contend(packet.authorities);
      answering.query(packet, from);
    },
    response(records) {
      defend(records);
      const gone = records.filter((one) => one.ttl === 0);
      if (gone.length > 0) answering.rescue(gone);
    },
    announced: () => held.size,
    dropped: answering.dropped,
    again() {
      for (const one of held.values()) probe(one, startInMs());
    },
    stop() {
      cancel();
      answering.stop();
      const known = [...held.values()].filter((one) => one.known);
      const gone = unique([...leaving, ...known.flatMap(({ service }) => allRecords(service, own))]);
      if (gone.length > 0) answering.say(gone.map((record) => ({ ...record, ttl: 0 })));
      held.clear();
    },
  };
}

function allRecords(service: MdnsAnnouncement, own: MdnsHost): DnsRecord[] {
  return [typeRecord(service), ...serviceRecords(service, own), ...hostRecords(service.host ?? own)];
}

function unique(records: readonly DnsRecord[]): DnsRecord[] {
  return [...new Map(records.map((one) => [keyOf(one), one])).values()];
}

/** "Parish radio (2)", within the 63 bytes of a label. */
function numbered(name: string, number: number): string {
  const ending = ` (${number})`;
  return cutTo(name, 63 - Buffer.byteLength(ending)) + ending;
}

/** As many names in one packet as fit: each question with the records that we would have (section 8.1). */
function probePackets(probed: readonly Held[], own: MdnsHost): Uint8Array[] {
  if (probed.length === 0) return [];
  const limit = probed.length === 1 ? MDNS_PACKET_BYTES_MAX : MDNS_SENT_BYTES_MAX;
  const writer = new PacketWriter({ response: false }, limit);
  const records = probed.flatMap(({ service }) => serviceRecords(service, own).slice(1));
  const fits =
    probed.every(({ service }) => writer.question({ name: instanceName(service), type: "ANY", unicast: false })) &&
    records.every((record) => writer.record("authorities", { ...record, flush: false }));
  if (fits) return [writer.packet()];
  const half = Math.ceil(probed.length / 2);
  return [...probePackets(probed.slice(0, half), own), ...probePackets(probed.slice(half), own)];
}

/** Above zero when `ours` come later: by type, then by their bytes, record by record. */
function compareRecords(ours: readonly DnsRecord[], theirs: readonly DnsRecord[]): number {
  const sorted = (records: readonly DnsRecord[]) =>
    records
      .map((record) => Buffer.concat([Buffer.of(0, TYPE_NUMBERS[record.type]), plainData(record)]))
      .sort(Buffer.compare);
  const [first, second] = [sorted(ours), sorted(theirs)];
  for (let n = 0; n < Math.min(first.length, second.length); n++) {
    const order = Buffer.compare(first[n]!, second[n]!);
    if (order !== 0) return order;
  }
  return first.length - second.length;
}
