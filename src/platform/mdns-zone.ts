/**
 * The records that we answer for on one interface: those of the services that we announce, by name, and what belongs
 * to a question. Pure. Sources: RFC 6762 (sections 6.1, 6.2, 10), RFC 6763 (sections 4, 6, 9, 12).
 */
import { isIP } from "node:net";
import { SERVICE_TYPES } from "./mdns-cache.ts";
import { MDNS_HOST_TTL_S, MDNS_TTL_S } from "./mdns-constants.ts";
import { escaped, folded } from "./mdns-names.ts";
import { plainData } from "./mdns-wire.ts";
import type { DnsQuestion, DnsRecord, DnsType } from "./mdns-wire.ts";

export interface MdnsAnnouncement {
  /** For people; one label, so at most 63 bytes. */
  name: string;
  /** "_http._tcp" */
  type: string;
  port: number;
  txt?: Record<string, string>;
  /** Where it runs, when that is not this machine; without addresses where others answer for the name. */
  host?: { name: string; addresses: readonly string[] };
}

/** A host of our own, with the addresses by which it is reached on one interface. */
export interface MdnsHost {
  name: string;
  addresses: readonly string[];
}

export function instanceName({ name, type }: Pick<MdnsAnnouncement, "name" | "type">): string {
  return `${escaped(name)}.${type}.local`;
}

/** Pointer, SRV, TXT. */
export function serviceRecords(service: MdnsAnnouncement, own: MdnsHost): [DnsRecord, DnsRecord, DnsRecord] {
  const name = instanceName(service);
  const strings = Object.entries(service.txt ?? {}).map(([key, value]) => Buffer.from(`${key}=${value}`));
  const target = (service.host ?? own).name;
  return [
    { name: `${service.type}.local`, type: "PTR", ttl: MDNS_TTL_S, flush: false, data: name },
    {
      name,
      type: "SRV",
      ttl: MDNS_HOST_TTL_S,
      flush: true,
      data: { priority: 0, weight: 0, port: service.port, target },
    },
    // Without entries there is still one string, an empty one (RFC 6763, section 6.1).
    { name, type: "TXT", ttl: MDNS_TTL_S, flush: true, data: strings.length > 0 ? strings : [new Uint8Array()] },
  ];
}

export function typeRecord({ type }: Pick<MdnsAnnouncement, "type">): DnsRecord {
  return { name: SERVICE_TYPES, type: "PTR", ttl: MDNS_TTL_S, flush: false, data: `${type}.local` };
}

export function hostRecords({ name, addresses }: MdnsHost): DnsRecord[] {
  return addresses.map((data) => {
    const type = isIP(data) === 4 ? "A" : "AAAA";
    return { name, type, ttl: MDNS_HOST_TTL_S, flush: true, data };
  });
}

const keys = new WeakMap<DnsRecord, string>();

/** Two records with one key say the same. */
export function keyOf(record: DnsRecord): string {
  let key = keys.get(record);
  if (key === undefined) {
    const data = record.type === "PTR" ? folded(record.data) : Buffer.from(plainData(record)).toString("latin1");
    keys.set(record, (key = `${record.type} ${folded(record.name)} ${data}`));
  }
  return key;
}

export interface Zone {
  /** All that is announced. */
  all(): DnsRecord[];
  has(record: DnsRecord): boolean;
  /** The records for a question: NSEC where the name is ours alone and has none of that kind. */
  answers(question: DnsQuestion): DnsRecord[];
  /** What the asker will want next (RFC 6763, section 12; RFC 6762, section 6.2), without the answers. */
  additionals(answers: readonly DnsRecord[]): DnsRecord[];
}

export function createZone(services: readonly MdnsAnnouncement[], own: MdnsHost): Zone {
  const byKey = new Map<string, DnsRecord>();
  const byName = new Map<string, DnsRecord[]>();
  const put = (record: DnsRecord) => {
    const key = keyOf(record);
    if (byKey.has(key)) return;
    byKey.set(key, record);
    const name = folded(record.name);
    byName.set(name, [...(byName.get(name) ?? []), record]);
  };
  for (const service of services) {
    for (const record of [typeRecord(service), ...serviceRecords(service, own)]) put(record);
    for (const record of hostRecords(service.host ?? own)) put(record);
  }
  for (const record of services.length > 0 ? hostRecords(own) : []) put(record);

  const at = (name: string) => byName.get(folded(name)) ?? [];
  /** Of a host, with the word that it has no address of the other family. */
  const host = (name: string) => {
    const its = at(name);
    return new Set(its.map((one) => one.type)).size === 1 ? [...its, nsec(its)] : its;
  };
  return {
    all: () => [...byKey.values()],
    has: (record) => byKey.has(keyOf(record)),
    answers({ name, type }) {
      const there = at(name);
      if (type === "ANY" || there.length === 0) return there;
      const fitting = there.filter((one) => one.type === type);
      return fitting.length === 0 && there[0]!.flush ? [nsec(there)] : fitting;
    },
    additionals(answers) {
      const next = new Map<string, DnsRecord>();
      const add = (records: readonly DnsRecord[]) => records.forEach((one) => next.set(keyOf(one), one));
      for (const one of answers) {
        if (one.type === "PTR" && folded(one.name) !== SERVICE_TYPES) add(at(one.data));
        if (one.type === "A" || one.type === "AAAA") add(host(one.name));
      }
      for (const one of [...answers, ...next.values()]) if (one.type === "SRV") add(host(one.data.target));
      for (const one of answers) next.delete(keyOf(one));
      return [...next.values()];
    },
  };
}

function nsec(its: readonly DnsRecord[]): DnsRecord {
  const { name } = its[0]!;
  const types: DnsType[] = [...new Set(its.map((one) => one.type))];
  return { name, type: "NSEC", ttl: MDNS_HOST_TTL_S, flush: true, data: { next: name, types } };
}
