/** One interface in virtual time: finding, losing, asking, leaving; and the counters at its door. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "../kernel/log.ts";
import { seededRandom } from "../kernel/random.ts";
import { settled, virtualClock } from "../kernel/virtual-clock.ts";
import type { HeardService } from "./mdns-cache.ts";
import { SERVICE_TYPES } from "./mdns-cache.ts";
import {
  MDNS_BROWSE_PACKETS_MAX,
  MDNS_ECHOES_MAX,
  MDNS_LEAVE_TIMEOUT_MS,
  MDNS_PACKETS_PER_SOURCE_S_MAX,
  MDNS_PACKETS_PER_S_MAX,
  MDNS_QUERY_FIRST_MS,
  MDNS_QUERY_INTERVAL_MAX_MS,
  MDNS_QUESTIONS_PER_PACKET_MAX,
  MDNS_SENT_BYTES_MAX,
  MDNS_SHOW_MS,
  MDNS_SOURCES_MAX,
} from "./mdns-constants.ts";
import { createEchoes } from "./mdns-echoes.ts";
import { createMdnsLink } from "./mdns-link.ts";
import type { LinkNeeds } from "./mdns-link.ts";
import { createRates } from "./mdns-rates.ts";
import { readPacket } from "./mdns-wire.ts";
import type { DnsPacket, DnsRecord } from "./mdns-wire.ts";

function start(more: Partial<LinkNeeds> = {}) {
  const clock = virtualClock();
  const sent: { atMs: number; packet: DnsPacket; bytes: number }[] = [];
  const events: string[] = [];
  const tell = (sign: string) => (service: HeardService) => void events.push(sign + service.name);
  const link = createMdnsLink({
    clock,
    random: seededRandom(3),
    log: createLog({ clock, level: "error", write: () => {} }),
    port: 5353,
    hostName: "comu-aaaaaaaa.local",
    about: { device: "eth0", addresses: ["10.0.0.1"] },
    isSpeaker: (host) => /^comu-[a-z]{8}\.local$/.test(host),
    send: async (bytes) => {
      sent.push({ atMs: clock.monotonicMs(), packet: readPacket(bytes)!, bytes: bytes.length });
    },
    onFound: tell("+"),
    onLost: tell("-"),
    ...more,
  });
  const hear = (records: DnsRecord[], source = "10.0.0.2", port = 5353) => {
    const packet = { ...EMPTY, response: true, answers: records };
    link.hear(packet, { address: source, port });
  };
  return { clock, link, hear, events, sent, look: () => sent.splice(0) };
}
const EMPTY: DnsPacket = {
  id: 0,
  response: false,
  truncated: false,
  plainBytes: 0,
  questions: [],
  answers: [],
  authorities: [],
  additionals: [],
};
const pointer = (name: string, data: string, ttl = 4500): DnsRecord => ({ name, type: "PTR", ttl, flush: false, data });
function service(name: string, ttl = 4500, host = "h.local"): DnsRecord[] {
  const full = `${name}._http._tcp.local`;
  const data = { priority: 0, weight: 0, port: 80, target: host };
  return [
    pointer("_http._tcp.local", full, ttl),
    { name: full, type: "SRV", ttl, flush: true, data },
    { name: full, type: "TXT", ttl, flush: true, data: [] },
    { name: host, type: "A", ttl: 4500, flush: true, data: "10.0.0.2" },
  ];
}

test("found and lost are told soon, together, and a goodbye within a second", () => {
  const { clock, hear, events, link } = start();
  for (const name of ["a", "b"]) hear(service(name));
  assert.deepEqual(events, []);
  clock.advance(MDNS_SHOW_MS);
  assert.deepEqual(events.splice(0), ["+a", "+b"]);
  hear([pointer("_http._tcp.local", "a._http._tcp.local", 0)]);
  clock.advance(999);
  assert.deepEqual(events, []);
  clock.advance(1);
  assert.deepEqual(events.splice(0), ["-a"]);
  hear(service("c"));
  clock.advance(MDNS_SHOW_MS);
  events.length = 0;
  hear([pointer("_http._tcp.local", "b._http._tcp.local", 0)]);
  clock.advance(400);
  hear([pointer("_http._tcp.local", "b._http._tcp.local", 0), pointer("_http._tcp.local", "c._http._tcp.local", 0)]);
  clock.advance(600);
  assert.deepEqual(events.splice(0), ["-b"], "said twice, and the first counts");
  clock.advance(400);
  assert.deepEqual(events.splice(0), ["-c"], "each has its own second");
  hear(service("d"));
  clock.advance(MDNS_SHOW_MS);
  link.drop();
  assert.deepEqual([events, link.services()], [["+d", "-d"], []]);
});

test("who speaks is known by its address record; our own voice from elsewhere and other ports are not heard", () => {
  const { clock, hear, link } = start();
  const mark = (name: string): DnsRecord => ({ name, type: "A", ttl: 120, flush: true, data: "10.0.0.3" });
  hear([...service("a"), mark("comu-bbbbbbbb.local")]);
  hear([...service("own"), mark("comu-aaaaaaaa.local")]);
  hear(service("port"), "10.0.0.2", 40_000);
  clock.advance(MDNS_SHOW_MS);
  assert.deepEqual(
    link.services().map((one) => [one.name, one.speakers]),
    [["a", ["comu-bbbbbbbb.local"]]],
  );
});

test("browsing: everything at once, then at growing distance, with what is known, in packets that fit", () => {
  const { clock, hear, link, look } = start();
  link.begin();
  const times: number[] = [];
  while (clock.monotonicMs() < 2_000_000) {
    times.push(...look().map((one) => one.atMs));
    clock.advance(500);
  }
  const gaps = times.map((ms, n) => ms - (times[n - 1] ?? 0)).slice(1);
  assert.deepEqual(gaps.slice(0, 3), [MDNS_QUERY_FIRST_MS, 3 * MDNS_QUERY_FIRST_MS, 9 * MDNS_QUERY_FIRST_MS]);
  assert.equal(gaps.at(-1), MDNS_QUERY_INTERVAL_MAX_MS);
  for (let n = 0; n < 30; n++) hear([pointer(SERVICE_TYPES, `_t${n}._tcp.local`)]);
  for (let n = 0; n < 500; n++) hear([pointer("_t1._tcp.local", `${"x".repeat(55)}${n}._t1._tcp.local`)]);
  look();
  link.begin();
  const asked = look();
  assert.ok(asked.every((one) => one.packet.questions.length <= MDNS_QUESTIONS_PER_PACKET_MAX));
  assert.ok(asked.every((one) => one.bytes <= MDNS_SENT_BYTES_MAX));
  assert.equal(
    asked.reduce((sum, one) => sum + one.packet.questions.length, 0),
    31,
  );
  assert.ok(asked.length <= MDNS_BROWSE_PACKETS_MAX + 1, String(asked.length));
  assert.ok(asked.filter((one) => one.packet.truncated).length > 10, "known answers go on in further packets");
});

test("leaving waits until it is said, but not for ever", async () => {
  const { clock, link } = start({ send: () => new Promise(() => {}) });
  link.announce({ name: "Radio", type: "_http._tcp", port: 80 });
  clock.advance(2000);
  let left = false;
  void link.leave().then(() => (left = true));
  await clock.advanceSettled(MDNS_LEAVE_TIMEOUT_MS - 1);
  assert.ok(!left);
  await clock.advanceSettled(1);
  await settled();
  assert.ok(left);
});

test("rates: per address, for all together, and when there are too many addresses to count", () => {
  const rates = createRates(MDNS_PACKETS_PER_SOURCE_S_MAX, MDNS_PACKETS_PER_S_MAX);
  const count = (source: string, times: number, nowMs: number) =>
    Array.from({ length: times }, () => rates.allow(source, nowMs)).filter(Boolean).length;
  assert.equal(count("a", 500, 0), MDNS_PACKETS_PER_SOURCE_S_MAX);
  for (let n = 0; n < 20; n++) count(`b${n}`, 500, 1);
  assert.equal(count("c", 1, 2), 0, "all together had their share");
  assert.equal(count("a", 1, 1000), 1, "the next second");
  for (let n = 0; n < MDNS_SOURCES_MAX - 1; n++) count(`d${n}`, 1, 1001);
  const late = Array.from({ length: 300 }, (_, n) => count(`e${n}`, 1, 1002)).reduce((sum, one) => sum + one);
  assert.equal(late, MDNS_PACKETS_PER_SOURCE_S_MAX, "they share one allowance");
  assert.equal(count("d1", 1, 1003), 1);
});

test("echoes: each copy once; another's same words are heard; the oldest are forgotten", () => {
  const echoes = createEchoes();
  const packet = (n: number) => Buffer.from([n >> 8, n & 255]);
  echoes.sent(packet(1), 1);
  echoes.sent(packet(1), 2);
  assert.deepEqual(
    Array.from({ length: 4 }, () => echoes.isEcho(packet(1))),
    [true, true, true, false],
  );
  for (let n = 0; n <= MDNS_ECHOES_MAX; n++) echoes.sent(packet(n), 1);
  assert.deepEqual([echoes.isEcho(packet(0)), echoes.isEcho(packet(1))], [false, true]);
});
