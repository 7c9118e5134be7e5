/**
 * What was heard by mDNS on one interface, as a bounded cache of records that puts them together into services. Pure:
 * records and times in, services and further questions out. Sources: RFC 6762 (sections 5.2, 7.1, 10), RFC 6763
 * (sections 4, 6, 9).
 */
import { isIP } from "node:net";
import {
  MDNS_ADDRESSES_MAX,
  MDNS_ADDRESS_WAIT_MS,
  MDNS_COMPLETION_TRIES_MAX,
  MDNS_GOODBYE_MS,
  MDNS_HOSTS_MAX,
  MDNS_QUESTIONS_PER_SWEEP_MAX,
  MDNS_REFRESH_AT,
  MDNS_SERVICES_MAX,
  MDNS_SPEAKERS_MAX,
  MDNS_TTL_MAX_S,
  MDNS_TXT_BYTES_MAX,
  MDNS_TXT_ENTRIES_MAX,
  MDNS_TYPES_MAX,
} from "./mdns-constants.ts";
import { folded, unescaped } from "./mdns-names.ts";
import { createShares } from "./mdns-shares.ts";
import type { DnsQuestion, DnsRecord } from "./mdns-wire.ts";

/** A service of the local network. */
export interface HeardService {
  /** Stands for the service while it is there: its full name, with ASCII letters in lower case. */
  id: string;
  /** The instance, for people: "Parish radio". */
  name: string;
  /** "_http._tcp" */
  type: string;
  /** "radio.local" */
  host: string;
  /** Best first: IPv4 of community networks, other IPv4, routable IPv6, link-local at the end. */
  addresses: string[];
  port: number;
  txt: Record<string, string>;
  /** The hosts that say so, where they name themselves in their packets: see `Hearing.speaker`. */
  speakers: string[];
}

/** Of one packet. */
export interface Hearing {
  /** The address that it came from. */
  source: string;
  /** The name of the host that it came from, where it tells. */
  speaker?: string;
  nowMs: number;
}

/** A record's life. `asked` counts the refreshing questions already sent. */
interface Life {
  heardMs: number;
  ttlMs: number;
  asked: number;
}
interface Instance {
  name: string;
  type: string;
  /** The address that it was first heard from. */
  source: string;
  pointer: Life;
  srv?: Life & { host: string; port: number };
  txt?: Life & { entries: Record<string, string> };
  /** When each of those that say so falls silent. */
  speakers: Map<string, number>;
  /** Questions sent for what is missing. */
  tries: number;
}

export const SERVICE_TYPES = "_services._dns-sd._udp.local";

export interface MdnsCache {
  /** Takes the records of one response. Returns what should be asked at once. */
  hear(records: readonly DnsRecord[], hearing: Hearing): DnsQuestion[];
  /** Drops what has expired. */
  expire(nowMs: number): void;
  /** What to ask now: records near their end, and what services still lack. Each call counts as asked. */
  questions(nowMs: number): DnsQuestion[];
  /** Pointers of this name that need not be told again (section 7.1). */
  known(name: string, nowMs: number): DnsRecord[];
  types(): string[];
  /** Complete services, by key. */
  services(nowMs: number): Map<string, HeardService>;
  sizes(): { types: number; services: number; hosts: number };
}

export function createMdnsCache(): MdnsCache {
  const types = createShares<Life>(MDNS_TYPES_MAX);
  const instances = createShares<Instance>(MDNS_SERVICES_MAX);
  const hosts = createShares<Map<string, Life>>(MDNS_HOSTS_MAX);
  const over = (life: Life, nowMs: number) => nowMs - life.heardMs >= life.ttlMs;

  const hearType = (target: string, life: Life, source: string): DnsQuestion[] => {
    const type = typeOf(target);
    if (!type) return [];
    const isNew = !types.has(type);
    if (isNew && life.ttlMs <= MDNS_GOODBYE_MS) return [];
    return types.add(type, life, source) && isNew ? [pointerQuestion(type)] : [];
  };

  const hearPointer = (record: Extract<DnsRecord, { type: "PTR" }>, life: Life, source: string): DnsQuestion[] => {
    const name = folded(record.name);
    if (name === SERVICE_TYPES) return hearType(record.data, life, source);
    const type = typeOf(name);
    const suffix = `.${name}`;
    const key = folded(record.data);
    if (!type || !key.endsWith(suffix)) return [];
    const known = instances.get(key);
    const leaves = life.ttlMs <= MDNS_GOODBYE_MS;
    if (!known && !leaves) {
      const instance = { name: unescaped(record.data.slice(0, -suffix.length)), type, source, pointer: life, tries: 0 };
      instances.add(key, { ...instance, speakers: new Map() }, source);
    }
    if (!known) return [];
    known.pointer = later(known.pointer, life);
    // Somebody else takes leave for it: is it still there? Its own host has a second to say so.
    return leaves && source !== known.source ? [pointerQuestion(type)] : [];
  };

  const hearAddress = (record: Extract<DnsRecord, { type: "A" | "AAAA" }>, life: Life, hearing: Hearing) => {
    const host = folded(record.name);
    let known = hosts.get(host);
    if (!known) {
      known = new Map();
      if (life.ttlMs <= MDNS_GOODBYE_MS || !hosts.add(host, known, hearing.source)) return;
    }
    const family = isIP(record.data);
    // The flush bit: other addresses of this family that are older than a second are history.
    for (const [other, its] of record.flush && record.ttl > 0 ? known : []) {
      const ageMs = hearing.nowMs - its.heardMs;
      if (isIP(other) === family && ageMs > MDNS_GOODBYE_MS) its.ttlMs = Math.min(its.ttlMs, ageMs + MDNS_GOODBYE_MS);
    }
    const before = known.get(record.data);
    if (before || known.size < MDNS_ADDRESSES_MAX) known.set(record.data, later(before, life));
  };

  const hearSpeaker = (instance: Instance, life: Life, { speaker }: Hearing) => {
    if (speaker === undefined) return;
    if (life.ttlMs <= MDNS_GOODBYE_MS) instance.speakers.delete(speaker);
    else if (instance.speakers.has(speaker) || instance.speakers.size < MDNS_SPEAKERS_MAX)
      instance.speakers.set(speaker, life.heardMs + life.ttlMs);
  };

  const hearOne = (record: DnsRecord, hearing: Hearing): DnsQuestion[] => {
    const life: Life = { heardMs: hearing.nowMs, ttlMs: ttlMs(record), asked: 0 };
    if (record.type === "PTR") return hearPointer(record, life, hearing.source);
    if (record.type === "A" || record.type === "AAAA") hearAddress(record, life, hearing);
    const instance = record.type === "SRV" || record.type === "TXT" ? instances.get(folded(record.name)) : undefined;
    if (!instance) return [];
    if (record.type === "SRV" && record.data.port > 0 && record.data.target !== "") {
      instance.srv = { ...later(instance.srv, life), host: folded(record.data.target), port: record.data.port };
      hearSpeaker(instance, life, hearing);
    } else if (record.type === "TXT") instance.txt = { ...later(instance.txt, life), entries: txtEntries(record.data) };
    instance.tries = 0;
    return [];
  };

  return {
    hear(records, hearing) {
      // Pointers first: a packet may bring SRV and TXT before the pointer that makes us want them.
      const sorted = records.toSorted((a, b) => Number(b.type === "PTR") - Number(a.type === "PTR"));
      const asked = sorted.flatMap((record) => hearOne(record, hearing));
      return [...new Map(asked.map((one) => [one.name, one])).values()];
    },
    expire(nowMs) {
      for (const [type, life] of types.entries()) if (over(life, nowMs)) types.delete(type);
      const wanted = new Set<string>();
      for (const [key, instance] of instances.entries()) {
        if (over(instance.pointer, nowMs)) instances.delete(key);
        if (instance.srv && over(instance.srv, nowMs)) delete instance.srv;
        if (instance.txt && over(instance.txt, nowMs)) delete instance.txt;
        for (const [speaker, untilMs] of instance.speakers) if (untilMs <= nowMs) instance.speakers.delete(speaker);
        if (instance.srv) wanted.add(instance.srv.host);
      }
      for (const [host, addresses] of hosts.entries()) {
        for (const [address, life] of addresses) if (over(life, nowMs)) addresses.delete(address);
        const young = [...addresses.values()].some((life) => nowMs - life.heardMs < MDNS_ADDRESS_WAIT_MS);
        if (addresses.size === 0 || (!wanted.has(host) && !young)) hosts.delete(host);
      }
    },
    questions(nowMs) {
      const asked = new Map<string, DnsQuestion>();
      const ask = (name: string, type: string) => asked.set(`${type} ${name}`, { name, type, unicast: false });
      const full = () => asked.size >= MDNS_QUESTIONS_PER_SWEEP_MAX;
      const due = (life: Life) => {
        if (full() || life.ttlMs <= MDNS_GOODBYE_MS) return false;
        if ((nowMs - life.heardMs) / life.ttlMs < (MDNS_REFRESH_AT[life.asked] ?? 1)) return false;
        life.asked++;
        return true;
      };
      for (const [type, life] of types.entries()) if (due(life)) ask(`${type}.local`, "PTR");
      for (const [key, instance] of instances.entries()) {
        const { srv, txt } = instance;
        if (due(instance.pointer)) ask(`${instance.type}.local`, "PTR");
        if (srv && due(srv)) ask(key, "SRV");
        if (txt && due(txt)) ask(key, "TXT");
        const addresses = srv && hosts.get(srv.host);
        for (const [address, life] of addresses ?? [])
          if (due(life)) ask(srv!.host, isIP(address) === 4 ? "A" : "AAAA");
        if ((srv && txt && addresses) || instance.tries >= MDNS_COMPLETION_TRIES_MAX || full()) continue;
        instance.tries++;
        if (!srv) ask(key, "SRV");
        if (!txt) ask(key, "TXT");
        if (srv && !addresses) for (const type of ["A", "AAAA"]) ask(srv.host, type);
      }
      return [...asked.values()];
    },
    known(name, nowMs) {
      const type = typeOf(name);
      const known = (life: Life, data: string): DnsRecord[] => {
        const leftMs = life.heardMs + life.ttlMs - nowMs;
        // More than half of its life before it: its host would not tell it again.
        if (leftMs * 2 <= life.ttlMs) return [];
        return [{ name, type: "PTR", ttl: Math.floor(leftMs / 1000), flush: false, data }];
      };
      if (folded(name) === SERVICE_TYPES)
        return [...types.entries()].flatMap(([one, life]) => known(life, `${one}.local`));
      const its = [...instances.entries()].filter(([, instance]) => instance.type === type);
      return its.flatMap(([key, instance]) => known(instance.pointer, key));
    },
    types: () => [...types.entries()].map(([type]) => type),
    services(nowMs) {
      const complete = new Map<string, HeardService>();
      for (const [key, { name, type, srv, txt, speakers }] of instances.entries()) {
        const addresses = srv && hosts.get(srv.host);
        if (!addresses || addresses.size === 0) continue;
        complete.set(key, {
          id: key,
          name,
          type,
          host: srv.host,
          addresses: bestFirst([...addresses.keys()]),
          port: srv.port,
          txt: txt?.entries ?? {},
          speakers: [...speakers].filter(([, untilMs]) => untilMs > nowMs).map(([speaker]) => speaker),
        });
      }
      return complete;
    },
    sizes: () => ({ types: types.size, services: instances.size, hosts: hosts.size }),
  };
}

/** A goodbye is said several times, by IPv4 and IPv6; the first one counts. */
function later(before: Life | undefined, { heardMs, ttlMs, asked }: Life): Life {
  const leaves = ttlMs <= MDNS_GOODBYE_MS && before !== undefined && before.ttlMs <= MDNS_GOODBYE_MS;
  return leaves ? { heardMs: before.heardMs, ttlMs: before.ttlMs, asked: before.asked } : { heardMs, ttlMs, asked };
}

function pointerQuestion(type: string): DnsQuestion {
  return { name: `${type}.local`, type: "PTR", unicast: false };
}

/** "_http._tcp" of "_http._tcp.local" (RFC 6335, section 5.1); undefined for anything else: subtypes, other domains. */
function typeOf(name: string): string | undefined {
  return /^(_[a-z0-9](?:[a-z0-9-]{0,13}[a-z0-9])?\._(?:tcp|udp))\.local$/.exec(folded(name))?.[1];
}

function ttlMs(record: DnsRecord): number {
  return record.ttl === 0 ? MDNS_GOODBYE_MS : Math.min(record.ttl, MDNS_TTL_MAX_S) * 1000;
}

/** Keys are case-insensitive, and of doubles the first counts (RFC 6763, section 6.4). */
function txtEntries(strings: readonly Uint8Array[]): Record<string, string> {
  const entries: Record<string, string> = Object.create(null) as Record<string, string>;
  let bytesLeft = MDNS_TXT_BYTES_MAX;
  for (const one of strings.slice(0, MDNS_TXT_ENTRIES_MAX)) {
    if ((bytesLeft -= one.length) < 0) break;
    const text = Buffer.from(one).toString("utf8");
    const at = text.indexOf("=");
    const key = (at < 0 ? text : text.slice(0, at)).toLowerCase();
    if (key !== "" && !(key in entries)) entries[key] = at < 0 ? "" : text.slice(at + 1);
  }
  return entries;
}

/** As other boxes would best reach it. */
export function bestFirst(addresses: readonly string[]): string[] {
  return addresses.toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

function rank(address: string): number {
  if (isIP(address) === 4) return address.startsWith("169.254.") ? 3 : address.startsWith("10.") ? 0 : 1;
  return /^fe[89ab]/i.test(address) ? 4 : 2;
}
