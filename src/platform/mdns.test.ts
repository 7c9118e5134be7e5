/** mDNS between two of ours on loopback multicast, with the cache and the answers judged on their own. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import type { DnsRecord } from "multicast-dns";
import { systemClock } from "../kernel/clock.ts";
import { isFailure } from "../kernel/errors.ts";
import { createLog } from "../kernel/log.ts";
import { MDNS_ANNOUNCED_MAX, MDNS_ANSWERS_PER_S_MAX, MDNS_SERVICES_MAX, MDNS_TYPES_MAX } from "./constants.ts";
import { answerTo } from "./mdns-answers.ts";
import { SERVICE_TYPES, createMdnsCache } from "./mdns-cache.ts";
import type { MdnsOptions } from "./mdns.ts";
import { createMdns } from "./mdns.ts";

const clock = systemClock();
const log = createLog({ clock, level: "error", write: () => {} });
const loopback = [{ device: "lo", address: "127.0.0.1", netmask: "255.0.0.0", addresses: ["127.0.0.1"] }];

function start(hostLabel: string, more: Partial<MdnsOptions> = {}) {
  return createMdns({
    hostName: `${hostLabel}.local`,
    clock,
    log,
    port: 15_353,
    interfaces: () => loopback,
    sweepMs: 100,
    ...more,
  });
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    assert.ok(tries < 600, "waited too long");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const RADIO = { name: "Ràdio parroquial", type: "_http._tcp", port: 8080, txt: { path: "/on air" } };

test("a service is found, described, lost on goodbye, and its own box does not list it", async () => {
  const events: string[] = [];
  const listener = start("comu-listener", {
    onFound: (service) => events.push(`+${service.name}`),
    onLost: (service) => events.push(`-${service.name}`),
  });
  const speaker = start("comu-speaker");
  const withdraw = speaker.announce(RADIO);
  await until(() => listener.services().length === 1);
  assert.deepEqual(listener.services()[0], {
    id: "ràdio parroquial._http._tcp.local",
    name: "Ràdio parroquial",
    type: "_http._tcp",
    host: "comu-speaker.local",
    addresses: ["127.0.0.1"],
    port: 8080,
    txt: Object.assign(Object.create(null), { path: "/on air" }) as Record<string, string>,
  });
  assert.equal(speaker.services().length, 0);
  assert.ok(listener.working());
  withdraw();
  await until(() => listener.services().length === 0);
  speaker.announce(RADIO);
  await until(() => listener.services().length === 1);
  await speaker.close();
  await until(() => listener.services().length === 0);
  assert.deepEqual(events.filter((one) => one.startsWith("-")).length, 2);
  await listener.close();
  await listener.close();
});

test("two boxes with one name: both stay visible, with different names", async () => {
  const [a, b, listener] = [start("comu-a"), start("comu-b"), start("comu-listener")];
  a.announce(RADIO);
  await until(() => listener.services().length === 1);
  b.announce({ ...RADIO, port: 9090 });
  await until(() => listener.services().length === 2);
  assert.deepEqual(new Set(listener.services().map((one) => one.port)), new Set([8080, 9090]));
  await Promise.all([a.close(), b.close(), listener.close()]);
});

test("a plain resolver gets its own answer; floods are cut; garbage is counted", async () => {
  const mdns = start("comu-flood");
  mdns.announce(RADIO);
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  socket.setMulticastInterface("127.0.0.1");
  const name = Buffer.concat(
    ["_http", "_tcp", "local"].map((part) => Buffer.concat([Buffer.of(part.length), Buffer.from(part)])),
  );
  const query = Buffer.concat([Buffer.of(0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0), name, Buffer.of(0, 0, 12, 0, 1)]);
  let replies = 0;
  let reply: Buffer = Buffer.alloc(0);
  socket.on("message", (bytes) => ((reply = bytes), replies++));
  await new Promise((resolve) => setTimeout(resolve, 900));
  socket.send(query, 15_353, "224.0.0.251");
  await until(() => replies > 0);
  assert.deepEqual([reply.readUInt16BE(0), reply.readUInt16BE(4)], [0x1234, 1], "id and question come back");
  for (let n = 0; n < MDNS_ANSWERS_PER_S_MAX * 3; n++) socket.send(query, 15_353, "224.0.0.251");
  socket.send(Buffer.alloc(300, 0xc0), 15_353, "224.0.0.251");
  await until(() => mdns.stats().answersDropped >= MDNS_ANSWERS_PER_S_MAX && mdns.stats().broken > 0);
  assert.ok(replies <= MDNS_ANSWERS_PER_S_MAX * 2 + 1, String(replies));
  socket.close();
  await mdns.close();
});

test("without a network it says so and goes on", async () => {
  const lines: string[] = [];
  const telling = createLog({ clock, level: "warn", write: (line) => lines.push(line) });
  let present: typeof loopback = [];
  const mdns = start("comu-alone", { interfaces: () => present, log: telling });
  mdns.announce(RADIO);
  await new Promise((resolve) => setTimeout(resolve, 350));
  assert.ok(!mdns.working());
  assert.equal(lines.length, 1, "said once");
  present = [{ device: "x", address: "192.0.2.7", netmask: "255.255.255.0", addresses: ["192.0.2.7"] }];
  await new Promise((resolve) => setTimeout(resolve, 250));
  present = loopback;
  await until(() => mdns.working());
  await mdns.close();
});

test("names with dots and names that are too long are heard, and all can be withdrawn at once", async () => {
  const [speaker, listener] = [start("comu-speaker"), start("comu-listener")];
  speaker.announce({ ...RADIO, name: "St. Pere" });
  speaker.announce({ ...RADIO, name: "é".repeat(50) });
  await until(() => listener.services().length === 2);
  assert.deepEqual(
    listener
      .services()
      .map((one) => one.name)
      .sort(),
    ["St\u2024 Pere", "é".repeat(31)],
  );
  speaker.withdrawAll();
  await until(() => listener.services().length === 0);
  await Promise.all([speaker.close(), listener.close()]);
});

test("announcements that DNS-SD cannot carry are refused, and so are too many", async () => {
  const mdns = start("comu-limits");
  const bad = [{ name: "" }, { type: "http" }, { port: 0 }, { txt: { "a=b": "" } }];
  for (const one of bad)
    assert.throws(
      () => mdns.announce({ ...RADIO, ...one }),
      (error) => isFailure(error, "bad-input"),
    );
  for (let n = 0; n < MDNS_ANNOUNCED_MAX; n++) mdns.announce({ ...RADIO, name: `radio ${n}` });
  assert.throws(
    () => mdns.announce(RADIO),
    (error) => isFailure(error, "limit-reached"),
  );
  await mdns.close();
});

function records(n: number, ttl = 120, more: Partial<DnsRecord> = {}): DnsRecord[] {
  const name = `s${n}._http._tcp.local`;
  return [
    { name: "_http._tcp.local", type: "PTR", ttl, data: name },
    { name, type: "SRV", ttl, data: { target: `h${n}.local`, port: 80 } },
    { name, type: "TXT", ttl, data: [Buffer.from("A=1"), Buffer.from("a=2"), Buffer.from("flag"), Buffer.from("=x")] },
    { name: `h${n}.local`, type: "AAAA", ttl, data: "fe80::1" },
    { name: `h${n}.local`, type: "A", ttl, data: "10.0.0.1", ...more },
  ];
}

test("cache: services come together in any order, with the best address first and the first of double keys", () => {
  const cache = createMdnsCache(() => false);
  for (const record of records(1).toReversed()) cache.hear([record], 0);
  assert.equal(cache.services().size, 0, "SRV and TXT came before anybody wanted them");
  assert.deepEqual(
    cache.questions(0).map((one) => one.type),
    ["SRV", "TXT"],
  );
  cache.hear(records(1).toReversed(), 1);
  const [service] = cache.services().values();
  assert.deepEqual(service!.addresses, ["10.0.0.1", "fe80::1"]);
  assert.deepEqual({ ...service!.txt }, { a: "1", flag: "" });
});

test("cache: records are asked for again near their end, then go; goodbye and flush take one second", () => {
  const cache = createMdnsCache(() => false);
  cache.hear(records(1, 100), 0);
  assert.deepEqual(cache.questions(79_000), []);
  assert.equal(cache.questions(81_000).length, 5);
  assert.deepEqual(cache.questions(82_000), [], "not twice for the same mark");
  assert.equal(cache.questions(86_000).length, 5);
  cache.expire(99_000);
  assert.equal(cache.services().size, 1);
  cache.hear([{ ...records(1)[4]!, data: "10.0.0.2", flush: true }], 99_000);
  cache.expire(100_000);
  assert.equal(cache.services().size, 0);
  cache.hear(records(2), 100_000);
  cache.hear([{ ...records(2)[4]!, data: "10.0.0.9", flush: true }], 110_000);
  cache.expire(111_000);
  assert.deepEqual(cache.services().get("s2._http._tcp.local")!.addresses, ["10.0.0.9", "fe80::1"]);
  cache.hear([{ ...records(2)[0]!, ttl: 0 }], 120_000);
  cache.expire(120_900);
  assert.equal(cache.services().size, 1);
  cache.expire(121_000);
  assert.equal(cache.services().size, 0);
});

test("cache: bounded in types, services, hosts and lifetimes, whatever is sent", () => {
  const cache = createMdnsCache(() => false);
  for (let n = 0; n < 3000; n++) {
    cache.hear(records(n, 4_000_000_000), 0);
    cache.hear([{ name: SERVICE_TYPES, type: "PTR", ttl: 100, data: `_t${n}._tcp.local` }], 0);
  }
  assert.equal(cache.services().size, MDNS_SERVICES_MAX);
  assert.equal(cache.types().length, MDNS_TYPES_MAX);
  const odd = [
    { name: "x", type: "SRV", data: null },
    { name: "y", type: "A", data: "::1" },
    { name: "_http._tcp.local", type: "PTR" },
  ];
  assert.deepEqual(cache.hear(odd, 0), []);
  cache.expire(4500 * 1000);
  assert.equal(cache.services().size, 0);
});

test("answers: what is known is not repeated, and pointers bring what is needed next", () => {
  const ask = (type: string, name: string, answers: DnsRecord[] = []) =>
    answerTo({ questions: [{ name, type }], answers }, [RADIO], "comu-x.local", ["10.0.0.1", "fd00::1"]);
  const all = ask("PTR", "_HTTP._tcp.local")!;
  assert.deepEqual(
    all.answers.map((one) => one.type),
    ["PTR"],
  );
  assert.deepEqual(all.additionals.map((one) => one.type).sort(), ["A", "AAAA", "SRV", "TXT"]);
  assert.equal(ask("PTR", "_http._tcp.local", all.answers), undefined);
  assert.ok(ask("PTR", "_http._tcp.local", [{ ...all.answers[0]!, ttl: 10 }]));
  assert.deepEqual(
    ask("A", "comu-x.local")!.answers.map((one) => one.data),
    ["10.0.0.1"],
  );
  assert.equal(ask("PTR", SERVICE_TYPES)!.answers[0]!.data, "_http._tcp.local");
  assert.equal(ask("A", "other.local"), undefined);
});
