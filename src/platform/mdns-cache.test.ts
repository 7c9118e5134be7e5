/** What is remembered of the neighbours: put together, refreshed, forgotten, bounded, and shared fairly among them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SERVICE_TYPES, bestFirst, createMdnsCache } from "./mdns-cache.ts";
import {
  MDNS_ADDRESSES_MAX,
  MDNS_ADDRESS_WAIT_MS,
  MDNS_COMPLETION_TRIES_MAX,
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
import { createShares } from "./mdns-shares.ts";
import type { DnsRecord } from "./mdns-wire.ts";

const from = (source: string, nowMs: number, speaker?: string) => ({ source, nowMs, ...(speaker ? { speaker } : {}) });
const at = (nowMs: number) => from("10.0.0.9", nowMs);
const pointer = (name: string, data: string, ttl = 4500): DnsRecord => ({ name, type: "PTR", ttl, flush: false, data });
const address = (host: string, data: string, ttl = 120, flush = false): DnsRecord => ({
  name: host,
  type: data.includes(":") ? "AAAA" : "A",
  ttl,
  flush,
  data,
});
const srv = (name: string, target: string, ttl = 120): DnsRecord => ({
  name,
  type: "SRV",
  ttl,
  flush: true,
  data: { priority: 0, weight: 0, port: 80, target },
});
const text = (name: string, strings: string[], ttl = 120): DnsRecord => ({
  name,
  type: "TXT",
  ttl,
  flush: true,
  data: strings.map((one) => Buffer.from(one)),
});
function records(n: number | string, ttl = 120): DnsRecord[] {
  const name = `S${n}._http._tcp.local`;
  return [
    pointer("_http._tcp.local", name, ttl),
    srv(name, `h${n}.local`, ttl),
    text(name, ["A=1", "a=2", "flag", "=x"], ttl),
    address(`h${n}.local`, "fe80::1", ttl),
    address(`h${n}.local`, "10.0.0.1", ttl),
  ];
}

test("services come together in any order, with the best address first and the first of double keys", () => {
  const cache = createMdnsCache();
  for (const record of records(1).toReversed()) cache.hear([record], at(0));
  assert.equal(cache.services(0).size, 0, "SRV and TXT came before anybody wanted them");
  assert.deepEqual(
    cache.questions(0).map((one) => one.type),
    ["SRV", "TXT"],
  );
  cache.hear(records(1).toReversed(), at(1));
  const [service] = cache.services(1).values();
  assert.deepEqual([service!.id, service!.name], ["s1._http._tcp.local", "S1"]);
  assert.deepEqual(service!.addresses, ["10.0.0.1", "fe80::1"]);
  assert.deepEqual({ ...service!.txt }, { a: "1", flag: "" });
  const all = ["fe80::1", "169.254.1.1", "2001:db8::1", "192.168.1.1", "10.9.9.9"];
  assert.deepEqual(bestFirst(all), all.toReversed().toSpliced(2, 2, "2001:db8::1", "169.254.1.1"));
});

test("names with dots and without ASCII, subtypes, and what is no service", () => {
  const cache = createMdnsCache();
  const name = "St\\. Pere \\\\ Ràdio._http._tcp.local";
  const asked = cache.hear(
    [
      pointer("_printer._sub._http._tcp.local", name),
      pointer("_http._tcp.local", name),
      pointer("_http._tcp.local", "x._ssh._tcp.local"),
      pointer("_http._tcp.example.org", "x._http._tcp.example.org"),
      pointer("_sixteen-letters-._tcp.local", "x._sixteen-letters-._tcp.local"),
      srv(name, "h.local"),
      address("h.local", "10.0.0.1"),
      pointer(SERVICE_TYPES, "_ssh._tcp.local"),
      pointer(SERVICE_TYPES, "nonsense.local"),
    ],
    at(0),
  );
  assert.deepEqual(
    asked.map((one) => one.name),
    ["_ssh._tcp.local"],
    "a new type is asked for at once",
  );
  assert.deepEqual(
    [...cache.services(0).values()].map((one) => one.name),
    ["St. Pere \\ Ràdio"],
  );
});

test("records are asked for again near their end, then go; goodbye and flush take one second", () => {
  const cache = createMdnsCache();
  cache.hear(records(1, 100), at(0));
  assert.deepEqual(cache.questions(79_000), []);
  for (const [n, share] of MDNS_REFRESH_AT.entries()) {
    assert.equal(cache.questions(share * 100_000).length, 5, `mark ${n}`);
    assert.deepEqual(cache.questions(share * 100_000 + 1), [], "not twice for the same mark");
  }
  cache.expire(99_000);
  assert.equal(cache.services(99_000).size, 1);
  cache.expire(100_000);
  assert.equal(cache.services(100_000).size, 0);
  cache.hear(records(2), at(100_000));
  cache.hear([address("h2.local", "10.0.0.9", 120, true)], at(110_000));
  cache.expire(111_000);
  assert.deepEqual(cache.services(111_000).get("s2._http._tcp.local")!.addresses, ["10.0.0.9", "fe80::1"]);
  cache.hear([pointer("_http._tcp.local", "S2._http._tcp.local", 0)], at(120_000));
  cache.expire(120_900);
  assert.equal(cache.services(120_900).size, 1);
  cache.expire(121_000);
  assert.equal(cache.services(121_000).size, 0);
});

test("who takes leave for another's service makes us ask whether it is there; its host can keep it", () => {
  const cache = createMdnsCache();
  cache.hear(records(1), from("10.0.0.1", 0));
  const leave = [pointer("_http._tcp.local", "S1._http._tcp.local", 0)];
  assert.deepEqual(
    cache.hear(leave, from("10.0.0.66", 10_000)).map((one) => one.name),
    ["_http._tcp.local"],
  );
  cache.hear(records(1), from("10.0.0.1", 10_500));
  cache.expire(12_000);
  assert.equal(cache.services(12_000).size, 1);
  assert.deepEqual(cache.hear(leave, from("10.0.0.1", 20_000)), [], "its own word needs no question");
  cache.expire(21_000);
  assert.equal(cache.services(21_000).size, 0);
});

test("what lacks is asked for some times, and again when the service speaks", () => {
  const cache = createMdnsCache();
  cache.hear(records(1).slice(0, 1), at(0));
  for (let n = 0; n < MDNS_COMPLETION_TRIES_MAX; n++) assert.equal(cache.questions(n).length, 2);
  assert.deepEqual(cache.questions(10), []);
  cache.hear(records(1).slice(1, 2), at(11));
  assert.deepEqual(
    cache.questions(12).map((one) => one.type),
    ["TXT", "A", "AAAA"],
  );
});

test("known answers: pointers with more than half of their life before them", () => {
  const cache = createMdnsCache();
  cache.hear([...records(1, 100), pointer(SERVICE_TYPES, "_http._tcp.local", 100)], at(0));
  assert.deepEqual(
    cache.known("_http._tcp.local", 10_000).map((one) => [one.data, one.ttl]),
    [["s1._http._tcp.local", 90]],
  );
  assert.equal(cache.known(SERVICE_TYPES, 49_000).length, 1);
  assert.equal(cache.known(SERVICE_TYPES, 50_000).length, 0);
  assert.equal(cache.known("_ssh._tcp.local", 0).length, 0);
});

test("who says so: each for as long as its word lives, and only so many", () => {
  const cache = createMdnsCache();
  const speakers = (nowMs: number) => cache.services(nowMs).get("s1._http._tcp.local")?.speakers;
  cache.hear(records(1, 4500), from("10.0.0.1", 0, "a.local"));
  cache.hear(records(1, 10), from("10.0.0.2", 0, "b.local"));
  cache.hear(records(1, 4500), from("10.0.0.1", 1, "a.local"));
  assert.deepEqual(speakers(2), ["a.local", "b.local"]);
  assert.deepEqual(speakers(10_001), ["a.local"]);
  cache.hear([srv("S1._http._tcp.local", "h1.local", 0)], from("10.0.0.1", 20_000, "a.local"));
  assert.deepEqual(speakers(20_000), []);
  cache.expire(20_000);
  for (let n = 0; n < MDNS_SPEAKERS_MAX + 5; n++) cache.hear(records(1), from("10.0.0.3", 20_001, `s${n}.local`));
  assert.equal(speakers(20_002)!.length, MDNS_SPEAKERS_MAX);
});

test("bounded in types, services, hosts, addresses, texts, lives and questions, whatever is sent", () => {
  const cache = createMdnsCache();
  const forEver = 4_000_000_000;
  for (let n = 0; n < 3000; n++) {
    cache.hear([...records(n, forEver), pointer(SERVICE_TYPES, `_t${n}._tcp.local`, forEver)], at(0));
  }
  assert.deepEqual(cache.sizes(), { types: MDNS_TYPES_MAX, services: MDNS_SERVICES_MAX, hosts: MDNS_HOSTS_MAX });
  assert.equal(cache.questions(MDNS_TTL_MAX_S * 850).length, MDNS_QUESTIONS_PER_SWEEP_MAX);
  const strings = Array.from({ length: MDNS_TXT_ENTRIES_MAX + 9 }, (_, n) => `k${n}=v`);
  cache.hear([text("S1._http._tcp.local", strings)], at(1));
  const txt = () => cache.services(1).get("s1._http._tcp.local")!.txt;
  assert.equal(Object.keys(txt()).length, MDNS_TXT_ENTRIES_MAX);
  cache.hear(
    [
      text(
        "S1._http._tcp.local",
        ["a", "b", "c", "d", "e", "f"].map((key) => key + "=".repeat(250)),
      ),
    ],
    at(1),
  );
  assert.equal(Object.keys(txt()).length, Math.floor(MDNS_TXT_BYTES_MAX / 251));
  for (let n = 0; n < 50; n++) cache.hear([address("h1.local", `10.0.1.${n}`, forEver)], at(1));
  assert.equal(cache.services(1).get("s1._http._tcp.local")!.addresses.length, MDNS_ADDRESSES_MAX);
  cache.expire(MDNS_TTL_MAX_S * 1000 + 1);
  assert.deepEqual(cache.sizes(), { types: 0, services: 0, hosts: 0 });
});

test("addresses that nobody needs go after a while", () => {
  const cache = createMdnsCache();
  cache.hear([address("h1.local", "10.0.0.1", 4500)], at(0));
  cache.expire(MDNS_ADDRESS_WAIT_MS - 1);
  assert.equal(cache.sizes().hosts, 1);
  cache.expire(MDNS_ADDRESS_WAIT_MS);
  assert.equal(cache.sizes().hosts, 0);
});

test("a bad neighbour's flood keeps to its share, and the good ones stay and still come in", () => {
  const cache = createMdnsCache();
  for (let n = 0; n < 100; n++) cache.hear(records(`good${n}`), from("10.0.0.1", 0));
  for (let n = 0; n < 5000; n++) {
    const bad = [...records(`bad${n}`), pointer(SERVICE_TYPES, `_b${n}._tcp.local`)];
    cache.hear(bad, from("10.0.0.66", 1));
  }
  for (let n = 0; n < 100; n++) cache.hear(records(`late${n}`), from("10.0.0.2", 2));
  cache.hear([pointer(SERVICE_TYPES, "_late._tcp.local")], from("10.0.0.2", 2));
  const ids = [...cache.services(3).keys()];
  const count = (start: string) => ids.filter((id) => id.startsWith(start)).length;
  assert.deepEqual([count("sgood"), count("slate"), count("sbad")], [100, 100, MDNS_SERVICES_MAX - 200]);
  assert.ok(cache.types().includes("_late._tcp"));
});

test("shares: all equal when all flood, and nobody loses by replacing", () => {
  const shares = createShares<number>(30);
  for (let n = 0; n < 100; n++) for (const source of ["a", "b", "c"]) shares.add(`${source}${n}`, n, source);
  const kept = [...shares.entries()].map(([key]) => key);
  assert.deepEqual(
    [shares.size, ...["a", "b", "c"].map((one) => kept.filter((key) => key.startsWith(one)).length)],
    [30, 10, 10, 10],
  );
  assert.ok(shares.add("a0", 7, "d"), "in its place");
  assert.equal(shares.get("a0"), 7);
  assert.ok(!shares.add("a100", 1, "a"));
  shares.delete("a0");
  shares.delete("a0");
  assert.ok(shares.add("a100", 1, "a"));
  for (let n = 0; n < 300; n++) shares.add(`many${n}`, n, `source ${n}`);
  assert.equal(shares.size, 30);
});
