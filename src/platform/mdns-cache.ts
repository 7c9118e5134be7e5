/**
 * What was heard by mDNS, as a bounded cache of records that puts them together into services. Pure: packets and
 * times in, services and further questions out. Sources: RFC 6762 (sections 5.2, 10), RFC 6763 (sections 4, 6, 9).
 */
import { isIP } from "node:net";
import type { DnsQuestion, DnsRecord } from "multicast-dns";
import {
  MDNS_ADDRESSES_MAX,
  MDNS_HOSTS_MAX,
  MDNS_SERVICES_MAX,
  MDNS_TTL_MAX_S,
  MDNS_TXT_ENTRIES_MAX,
  MDNS_TYPES_MAX,
} from "./constants.ts";

/** A service of the local network. */
export interface HeardService {
  /** Stands for the service while it is there: its full name in lower case. */
  id: string;
  /** The instance, for people: "Parish radio". */
  name: string;
  /** "_http._tcp" */
  type: string;
  /** "radio.local" */
  host: string;
  /** Best first: IPv4, then routable IPv6, link-local at the end. */
  addresses: string[];
  port: number;
  txt: Record<string, string>;
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
  pointer: Life;
  srv?: Life & { host: string; port: number };
  txt?: Life & { entries: Record<string, string> };
  /** Questions sent for what is missing. */
  tries: number;
}

export const SERVICE_TYPES = "_services._dns-sd._udp.local";
/** Questions for a missing SRV, TXT or address before we wait for the service to speak again. */
const COMPLETION_TRIES_MAX = 4;
/** The ends of a record's life at which it is asked for again (RFC 6762, section 5.2). */
const REFRESH_AT = [0.8, 0.85, 0.9, 0.95];
/** A goodbye takes effect after a second, so that another host can object (RFC 6762, section 10.1). */
const GOODBYE_MS = 1000;

export interface MdnsCache {
  /** Takes the records of one response. Returns types heard of for the first time. */
  hear(records: readonly DnsRecord[], nowMs: number): string[];
  /** Drops what has expired. */
  expire(nowMs: number): void;
  /** What to ask now: records near their end, and what services still lack. Each call counts as asked. */
  questions(nowMs: number): DnsQuestion[];
  types(): string[];
  /** Complete services, by key. */
  services(): Map<string, HeardService>;
}

export function createMdnsCache(isOwn: (host: string) => boolean): MdnsCache {
  const types = new Map<string, Life>();
  const instances = new Map<string, Instance>();
  const hosts = new Map<string, Map<string, Life>>();

  const hearPointer = (record: DnsRecord, life: Life, fresh: string[]) => {
    const name = record.name.toLowerCase();
    const target = String(record.data);
    if (name === SERVICE_TYPES) {
      const type = typeOf(target);
      if (!type || (!types.has(type) && types.size >= MDNS_TYPES_MAX)) return;
      if (!types.has(type) && life.ttlMs > GOODBYE_MS) fresh.push(type);
      types.set(type, life);
      return;
    }
    const type = typeOf(name);
    const suffix = `.${name}`;
    if (!type || !target.toLowerCase().endsWith(suffix)) return;
    const key = target.toLowerCase();
    const known = instances.get(key);
    if (known) known.pointer = life;
    else if (instances.size < MDNS_SERVICES_MAX && life.ttlMs > GOODBYE_MS) {
      instances.set(key, { name: target.slice(0, -suffix.length), type, pointer: life, tries: 0 });
    }
  };

  const hearAddress = (record: DnsRecord, life: Life, nowMs: number) => {
    const host = record.name.toLowerCase();
    const address = String(record.data);
    if (isIP(address) !== (record.type === "A" ? 4 : 6)) return;
    let known = hosts.get(host);
    if (!known) {
      if (hosts.size >= MDNS_HOSTS_MAX || life.ttlMs <= GOODBYE_MS) return;
      hosts.set(host, (known = new Map()));
    }
    const family = isIP(address);
    // The flush bit: other addresses of this family that are older than a second are history.
    if (record.flush) {
      for (const [other, its] of known) {
        if (isIP(other) === family && nowMs - its.heardMs > GOODBYE_MS) its.ttlMs = nowMs - its.heardMs + GOODBYE_MS;
      }
    }
    if (known.has(address) || known.size < MDNS_ADDRESSES_MAX) known.set(address, life);
  };

  const hearOne = (record: DnsRecord, nowMs: number, fresh: string[]) => {
    const life: Life = { heardMs: nowMs, ttlMs: ttlMs(record), asked: 0 };
    if (record.type === "PTR") return hearPointer(record, life, fresh);
    if (record.type === "A" || record.type === "AAAA") return hearAddress(record, life, nowMs);
    const instance = instances.get(record.name.toLowerCase());
    if (!instance) return;
    if (record.type === "SRV") {
      const { target, port } = (record.data ?? {}) as { target?: string; port?: number };
      if (target && port) instance.srv = { ...life, host: target.toLowerCase(), port };
    } else if (record.type === "TXT") instance.txt = { ...life, entries: txtEntries(record.data) };
    instance.tries = 0;
  };

  return {
    hear(records, nowMs) {
      const fresh: string[] = [];
      // Pointers first: a packet may bring SRV and TXT before the pointer that makes us want them.
      const sorted = records.filter((one) => one.type === "PTR").concat(records.filter((one) => one.type !== "PTR"));
      for (const record of sorted) hearOne(record, nowMs, fresh);
      return fresh;
    },
    expire(nowMs) {
      const over = (life: Life) => nowMs - life.heardMs >= life.ttlMs;
      for (const [type, life] of types) if (over(life)) types.delete(type);
      for (const [key, instance] of instances) {
        if (over(instance.pointer)) instances.delete(key);
        if (instance.srv && over(instance.srv)) delete instance.srv;
        if (instance.txt && over(instance.txt)) delete instance.txt;
      }
      const wanted = new Set([...instances.values()].map((instance) => instance.srv?.host));
      for (const [host, addresses] of hosts) {
        for (const [address, life] of addresses) if (over(life)) addresses.delete(address);
        // A minute for addresses that came before their service.
        const young = [...addresses.values()].some((life) => nowMs - life.heardMs < 60_000);
        if (addresses.size === 0 || (!wanted.has(host) && !young)) hosts.delete(host);
      }
    },
    questions(nowMs) {
      const asked = new Map<string, DnsQuestion>();
      const ask = (name: string, type: string) => asked.set(`${type} ${name}`, { name, type });
      const due = (life: Life) => {
        if (life.ttlMs <= GOODBYE_MS || (nowMs - life.heardMs) / life.ttlMs < (REFRESH_AT[life.asked] ?? 1))
          return false;
        life.asked++;
        return true;
      };
      for (const [type, life] of types) if (due(life)) ask(`${type}.local`, "PTR");
      for (const [key, instance] of instances) {
        const { srv, txt } = instance;
        if (due(instance.pointer)) ask(`${instance.type}.local`, "PTR");
        if (srv && due(srv)) ask(key, "SRV");
        if (txt && due(txt)) ask(key, "TXT");
        const addresses = srv && hosts.get(srv.host);
        for (const [address, life] of addresses ?? [])
          if (due(life)) ask(srv!.host, isIP(address) === 4 ? "A" : "AAAA");
        if ((srv && txt && addresses) || instance.tries >= COMPLETION_TRIES_MAX) continue;
        instance.tries++;
        if (!srv) ask(key, "SRV");
        if (!txt) ask(key, "TXT");
        if (srv && !addresses) for (const type of ["A", "AAAA"]) ask(srv.host, type);
      }
      return [...asked.values()];
    },
    types: () => [...types.keys()],
    services() {
      const complete = new Map<string, HeardService>();
      for (const [key, { name, type, srv, txt }] of instances) {
        const addresses = srv && !isOwn(srv.host) && hosts.get(srv.host);
        if (!addresses) continue;
        const sorted = [...addresses.keys()].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
        complete.set(key, {
          id: key,
          name,
          type,
          host: srv.host,
          addresses: sorted,
          port: srv.port,
          txt: txt?.entries ?? {},
        });
      }
      return complete;
    },
  };
}

/** "_http._tcp" of "_http._tcp.local"; undefined for anything else (subtypes, other domains). */
function typeOf(name: string): string | undefined {
  return /^(_[a-z0-9-]{1,63}\._(?:tcp|udp))\.local$/.exec(name.toLowerCase())?.[1];
}

function ttlMs(record: DnsRecord): number {
  return record.ttl === 0 ? GOODBYE_MS : Math.min(record.ttl ?? 0, MDNS_TTL_MAX_S) * 1000;
}

/** Keys are case-insensitive, and of doubles the first counts (RFC 6763, section 6.4). */
function txtEntries(data: unknown): Record<string, string> {
  const strings = (Array.isArray(data) ? data : [data]).slice(0, MDNS_TXT_ENTRIES_MAX);
  const entries: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const one of strings) {
    const text = Buffer.isBuffer(one) ? one.toString("utf8") : String(one ?? "");
    const at = text.indexOf("=");
    const key = (at < 0 ? text : text.slice(0, at)).toLowerCase();
    if (key !== "" && !(key in entries)) entries[key] = at < 0 ? "" : text.slice(at + 1);
  }
  return entries;
}

function rank(address: string): number {
  if (isIP(address) === 4) return address.startsWith("169.254.") ? 3 : address.startsWith("10.") ? 0 : 1;
  return /^fe[89ab]/i.test(address) ? 4 : 2;
}
