/** mDNS between two of ours on loopback multicast: sockets, interfaces, and that both come together. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { systemClock } from "../kernel/clock.ts";
import { isFailure } from "../kernel/errors.ts";
import { createLog } from "../kernel/log.ts";
import { systemRandom } from "../kernel/system-random.ts";
import { MDNS_ANNOUNCED_MAX, MDNS_PACKETS_PER_SOURCE_S_MAX, MDNS_UNICASTS_PER_SOURCE_S_MAX } from "./mdns-constants.ts";
import type { MdnsOptions } from "./mdns.ts";
import { createMdns } from "./mdns.ts";
import { PacketWriter } from "./mdns-wire.ts";

const clock = systemClock();
const log = createLog({ clock, level: "error", write: () => {} });
const LOOPBACK = {
  device: "lo",
  address: "127.0.0.1",
  six: false,
  networks: ["127.0.0.1/8"],
  addresses: ["127.0.0.1"],
};
const loopback = [LOOPBACK];

function start(hostLabel: string, more: Partial<MdnsOptions> = {}) {
  return createMdns({
    hostName: `${hostLabel}.local`,
    clock,
    log,
    random: systemRandom(),
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
    speakers: [],
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

test("a plain resolver gets its own answer, by multicast or alone; floods are cut; garbage is counted", async () => {
  const mdns = start("comu-flood");
  mdns.announce(RADIO);
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  socket.setMulticastInterface("127.0.0.1");
  const writer = new PacketWriter({ response: false, plainId: 0x1234 }, 512);
  writer.question({ name: "_http._tcp.local", type: "PTR", unicast: false });
  const query = writer.packet();
  let replies = 0;
  let reply: Buffer = Buffer.alloc(0);
  socket.on("message", (bytes) => ((reply = bytes), replies++));
  await new Promise((resolve) => setTimeout(resolve, 1200));
  for (const [n, to] of ["224.0.0.251", "127.0.0.1"].entries()) {
    socket.send(query, 15_353, to);
    await until(() => replies === n + 1);
    assert.deepEqual([reply.readUInt16BE(0), reply.readUInt16BE(4)], [0x1234, 1], "id and question come back");
  }
  for (let n = 0; n < 90; n++) socket.send(query, 15_353, "224.0.0.251");
  socket.send(Buffer.alloc(300, 0xc0), 15_353, "224.0.0.251");
  await until(() => mdns.stats().answersDropped >= 60 && mdns.stats().broken > 0);
  assert.ok(replies <= MDNS_UNICASTS_PER_SOURCE_S_MAX * 2 + 2, String(replies));
  socket.close();
  await mdns.close();
});

test("what comes from another port or another network is no answer, and too much of it is not read", async () => {
  const mdns = start("comu-strict", { interfaces: () => [{ ...LOOPBACK, networks: ["127.0.0.0/30"] }] });
  await until(() => mdns.working());
  const record = { name: "_http._tcp.local", ttl: 4500, flush: false };
  const writer = new PacketWriter({ response: true }, 512);
  writer.record("answers", { ...record, type: "PTR", data: "x._http._tcp.local" });
  writer.record("answers", {
    ...record,
    name: "x._http._tcp.local",
    type: "SRV",
    data: { priority: 0, weight: 0, port: 80, target: "h.local" },
  });
  writer.record("answers", { ...record, name: "h.local", type: "A", data: "127.0.0.9" });
  const say = async (from: string, port: number, times = 1) => {
    const socket = createSocket({ type: "udp4", reuseAddr: true });
    socket.bind(port, from);
    await once(socket, "listening");
    socket.setMulticastInterface("127.0.0.1");
    for (let n = 0; n < times; n++) {
      socket.send(writer.packet(), 15_353, "224.0.0.251");
      // The kernel holds some two hundred of them.
      if (n % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
    socket.close();
  };
  await say("127.0.0.9", 15_353);
  assert.deepEqual([mdns.stats().strangers, mdns.services().length], [1, 0], "not on this network");
  await say("127.0.0.2", 0);
  assert.deepEqual([mdns.stats().packetsIn, mdns.services().length], [1, 0], "from another port");
  await say("127.0.0.2", 15_353);
  assert.equal(mdns.services().length, 1);
  const limit = MDNS_PACKETS_PER_SOURCE_S_MAX;
  await say("127.0.0.3", 15_353, 3 * limit);
  const { packetsIn, overRate } = mdns.stats();
  assert.equal(packetsIn + overRate, 2 + 3 * limit);
  // They may fall into two seconds.
  assert.ok(packetsIn - 2 === limit || packetsIn - 2 === 2 * limit, String(packetsIn));
  await say("127.0.0.2", 15_353);
  assert.equal(mdns.stats().packetsIn, packetsIn + 1, "others are still heard");
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
  present = [{ ...LOOPBACK, device: "x", address: "192.0.2.7", networks: ["192.0.2.7/24"], addresses: ["192.0.2.7"] }];
  await new Promise((resolve) => setTimeout(resolve, 250));
  present = loopback;
  await until(() => mdns.working());
  await mdns.close();
});

test("names with dots and names that are too long are heard, and all can be withdrawn at once", async () => {
  const [speaker, listener] = [start("comu-speaker"), start("comu-listener")];
  const ends = [{ name: "St. Pere" }, { name: "é".repeat(50) }].map((one) => speaker.announce({ ...RADIO, ...one }));
  await until(() => listener.services().length === 2);
  assert.deepEqual(
    listener
      .services()
      .map((one) => one.name)
      .sort(),
    ["St. Pere", "é".repeat(31)],
  );
  for (const end of ends) end();
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
