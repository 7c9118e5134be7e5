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

const system = systemClock();
let stoodStillMs: number | undefined;
/** Real, but stands still when a test counts what comes in one second. */
const clock = { ...system, monotonicMs: () => stoodStillMs ?? system.monotonicMs() };
const log = createLog({ clock, level: "error", write: () => {} });
/** Only a test that fails waits so long. */
const PATIENCE_MS = 30_000;
/** A port of this run only. */
const PORT = await freePort();
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
    port: PORT,
    interfaces: () => loopback,
    sweepMs: 100,
    ...more,
  });
}

async function freePort(): Promise<number> {
  const socket = createSocket("udp4").bind(0);
  await once(socket, "listening");
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
}

async function until(holds: () => boolean): Promise<void> {
  for (const endMs = performance.now() + PATIENCE_MS; !holds();) {
    assert.ok(performance.now() < endMs, "waited too long");
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
  const [mdns, listener] = [start("comu-flood"), start("comu-listener")];
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
  await until(() => listener.services().length === 1);
  await listener.close();
  for (const [n, to] of ["224.0.0.251", "127.0.0.1"].entries()) {
    socket.send(query, PORT, to);
    await until(() => replies === n + 1);
    assert.deepEqual([reply.readUInt16BE(0), reply.readUInt16BE(4)], [0x1234, 1], "id and question come back");
  }
  stoodStillMs = system.monotonicMs();
  for (let n = 0; n < 90; n++) socket.send(query, PORT, "224.0.0.251");
  socket.send(Buffer.alloc(300, 0xc0), PORT, "224.0.0.251");
  await until(() => mdns.stats().broken > 0);
  stoodStillMs = undefined;
  assert.ok(mdns.stats().answersDropped >= 90 - MDNS_UNICASTS_PER_SOURCE_S_MAX, String(mdns.stats().answersDropped));
  assert.ok(replies <= MDNS_UNICASTS_PER_SOURCE_S_MAX + 2, String(replies));
  socket.close();
  await mdns.close();
});

test("what comes from another port or another network is no answer, and too much of it is not read", async () => {
  const mdns = start("comu-strict", { interfaces: () => [{ ...LOOPBACK, networks: ["127.0.0.0/30"] }] });
  await until(() => mdns.working());
  const record = { name: "_http._tcp.local", ttl: 4500, flush: false };
  const announcement = (name: string) => {
    const writer = new PacketWriter({ response: true }, 512);
    const data = { priority: 0, weight: 0, port: 80, target: "h.local" };
    writer.record("answers", { ...record, type: "PTR", data: `${name}._http._tcp.local` });
    writer.record("answers", { ...record, name: `${name}._http._tcp.local`, type: "SRV", data });
    writer.record("answers", { ...record, name: "h.local", type: "A", data: "127.0.0.9" });
    return writer.packet();
  };
  const heard = () => mdns.stats().strangers + mdns.stats().packetsIn + mdns.stats().overRate;
  const say = async (name: string, from: string, port: number, times = 1) => {
    const socket = createSocket({ type: "udp4", reuseAddr: true });
    socket.bind(port, from);
    await once(socket, "listening");
    socket.setMulticastInterface("127.0.0.1");
    const before = heard();
    for (let n = 1; n <= times; n++) {
      socket.send(announcement(name), PORT, "224.0.0.251");
      // The kernel holds some two hundred of them.
      if (n % 50 === 0 || n === times) await until(() => heard() === before + n);
    }
    socket.close();
  };
  await say("not on this network", "127.0.0.9", PORT);
  assert.equal(mdns.stats().strangers, 1);
  await say("from another port", "127.0.0.2", 0);
  assert.equal(mdns.stats().packetsIn, 1);
  await say("x", "127.0.0.2", PORT);
  await until(() => mdns.services().length > 0);
  assert.deepEqual(
    mdns.services().map((one) => one.name),
    ["x"],
  );
  const limit = MDNS_PACKETS_PER_SOURCE_S_MAX;
  stoodStillMs = system.monotonicMs();
  await say("x", "127.0.0.3", PORT, 3 * limit);
  assert.deepEqual([mdns.stats().packetsIn, mdns.stats().overRate], [2 + limit, 2 * limit]);
  await say("x", "127.0.0.2", PORT);
  assert.equal(mdns.stats().packetsIn, 2 + limit + 1, "others are still heard");
  stoodStillMs = undefined;
  await mdns.close();
});

test("without a network it says so and goes on", async () => {
  const lines: string[] = [];
  const telling = createLog({ clock, level: "warn", write: (line) => lines.push(line) });
  let present: typeof loopback = [];
  let looks = 0;
  const mdns = start("comu-alone", { interfaces: () => (looks++, present), log: telling });
  mdns.announce(RADIO);
  await until(() => looks > 3);
  assert.ok(!mdns.working());
  assert.equal(lines.length, 1, "said once");
  present = [{ ...LOOPBACK, device: "x", address: "192.0.2.7", networks: ["192.0.2.7/24"], addresses: ["192.0.2.7"] }];
  looks = 0;
  await until(() => looks > 2);
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
