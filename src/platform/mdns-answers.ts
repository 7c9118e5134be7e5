/**
 * What we answer by mDNS: the records of the services that we announce, for a question or as an announcement or
 * goodbye. Pure. Sources: RFC 6762 (sections 6, 7.1, 10), RFC 6763 (sections 4, 6, 9, 12).
 */
import { isIP } from "node:net";
import type { DnsPacket, DnsQuestion, DnsRecord } from "multicast-dns";
import { MDNS_HOST_TTL_S, MDNS_TTL_S } from "./constants.ts";
import { SERVICE_TYPES } from "./mdns-cache.ts";

export interface MdnsAnnouncement {
  /** For people. Longer than 63 bytes it is cut. */
  name: string;
  /** "_http._tcp" */
  type: string;
  port: number;
  txt?: Record<string, string>;
}

export function instanceName({ name, type }: MdnsAnnouncement): string {
  return `${name}.${type}.local`;
}

export function serviceRecords(service: MdnsAnnouncement, host: string): DnsRecord[] {
  const name = instanceName(service);
  const strings = Object.entries(service.txt ?? {}).map(([key, value]) => `${key}=${value}`);
  return [
    { name: `${service.type}.local`, type: "PTR", ttl: MDNS_TTL_S, data: name },
    {
      name,
      type: "SRV",
      ttl: MDNS_HOST_TTL_S,
      flush: true,
      data: { priority: 0, weight: 0, port: service.port, target: host },
    },
    { name, type: "TXT", ttl: MDNS_TTL_S, flush: true, data: strings.length > 0 ? strings : [""] },
  ];
}

export function typeRecord({ type }: MdnsAnnouncement): DnsRecord {
  return { name: SERVICE_TYPES, type: "PTR", ttl: MDNS_TTL_S, data: `${type}.local` };
}

export function hostRecords(host: string, addresses: readonly string[]): DnsRecord[] {
  return addresses.map((data) => {
    const type = isIP(data) === 4 ? "A" : "AAAA";
    return { name: host, type, ttl: MDNS_HOST_TTL_S, flush: true, data };
  });
}

/** The answer to a query, or undefined when we have none, or when the asker has said that it knows it. */
export function answerTo(
  query: DnsPacket,
  services: readonly MdnsAnnouncement[],
  host: string,
  addresses: readonly string[],
): { answers: DnsRecord[]; additionals: DnsRecord[] } | undefined {
  const ours = services.flatMap((service) => [typeRecord(service), ...serviceRecords(service, host)]);
  ours.push(...hostRecords(host, addresses));
  const answers = unique((query.questions ?? []).flatMap((question) => ours.filter((one) => matches(question, one))));
  const wanted = answers.filter((one) => !known(one, query.answers ?? []));
  if (wanted.length === 0) return undefined;
  // What the asker will want next (RFC 6763, section 12): SRV and TXT of an instance, addresses of the host.
  const named = new Set(
    wanted.filter((one) => one.type === "PTR" && one.name !== SERVICE_TYPES).map((one) => one.data),
  );
  const details = ours.filter((one) => named.has(one.name));
  const needsHost = [...wanted, ...details].some((one) => one.type === "SRV");
  const extra = unique([...details, ...(needsHost ? hostRecords(host, addresses) : [])]);
  const have = new Set(wanted.map(keyOf));
  return { answers: wanted, additionals: extra.filter((one) => !have.has(keyOf(one))) };
}

function matches(question: DnsQuestion, record: DnsRecord): boolean {
  const type = question.type === "ANY" || question.type === record.type;
  return type && question.name.toLowerCase() === record.name.toLowerCase();
}

/** Known-answer suppression (RFC 6762, section 7.1): for pointers, which are the ones with many answers. */
function known(record: DnsRecord, answers: readonly DnsRecord[]): boolean {
  if (record.type !== "PTR") return false;
  return answers.some((one) => keyOf(one) === keyOf(record) && (one.ttl ?? 0) >= (record.ttl ?? 0) / 2);
}

function keyOf(record: DnsRecord): string {
  return `${record.type} ${record.name} ${JSON.stringify(record.data)}`.toLowerCase();
}

function unique(records: DnsRecord[]): DnsRecord[] {
  return [...new Map(records.map((one) => [keyOf(one), one])).values()];
}
