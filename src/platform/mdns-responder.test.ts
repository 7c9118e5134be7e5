/** Announcing and answering on one interface in virtual time: what is sent, to whom, when, and when not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { leastMs } from "../kernel/cost.fixture.ts";
import { seededRandom } from "../kernel/random.ts";
import { virtualClock } from "../kernel/virtual-clock.ts";
import type { PacketSource } from "./mdns-answering.ts";
import { SERVICE_TYPES } from "./mdns-cache.ts";
import {
  MDNS_ANNOUNCED_MAX,
  MDNS_CONFLICTS_MAX,
  MDNS_CONFLICT_PAUSE_MS,
  MDNS_HELD_ANSWERS_MAX,
  MDNS_HELD_QUERIES_MAX,
  MDNS_MORE_DELAY_MAX_MS,
  MDNS_MULTICAST_BYTES_PER_S_MAX,
  MDNS_PLAIN_BYTES,
  MDNS_PROBES,
  MDNS_SENT_BYTES_MAX,
  MDNS_UNICASTS_PER_S_MAX,
  MDNS_UNICASTS_PER_SOURCE_S_MAX,
} from "./mdns-constants.ts";
import { createResponder } from "./mdns-responder.ts";
import { PacketWriter, readPacket } from "./mdns-wire.ts";
import type { DnsPacket, DnsQuestion, DnsRecord, DnsType } from "./mdns-wire.ts";
import type { MdnsAnnouncement } from "./mdns-zone.ts";

const RADIO: MdnsAnnouncement = { name: "Radio", type: "_http._tcp", port: 8080, txt: { path: "/" } };
const NAME = "Radio._http._tcp.local";
const PHONE: PacketSource = { address: "10.0.0.7", port: 5353 };

interface Sent {
  atMs: number;
  packet: DnsPacket;
  bytes: number;
  to?: PacketSource;
}

function start(addresses = ["10.0.0.1"]) {
  const clock = virtualClock();
  const sent: Sent[] = [];
  const renamed: string[] = [];
  const responder = createResponder({
    clock,
    random: seededRandom(7),
    port: 5353,
    own: { name: "comu-abcdefgh.local", addresses },
    send: (bytes, to) =>
      sent.push({ atMs: clock.monotonicMs(), packet: readPacket(bytes)!, bytes: bytes.length, ...(to ? { to } : {}) }),
    onRenamed: (name) => renamed.push(name),
  });
  /** What was sent since the last look. */
  const look = () => sent.splice(0);
  const ask = (questions: Partial<DnsQuestion>[], more: Partial<DnsPacket> = {}, from = PHONE) => {
    const full = questions.map((one) => ({ name: "_http._tcp.local", type: "PTR", unicast: false, ...one }));
    responder.query({ ...EMPTY, questions: full, ...more }, from);
  };
  const settle = (service = RADIO) => {
    const one = responder.announce(service);
    clock.advance(5000);
    look();
    return one;
  };
  return { clock, responder, look, ask, settle, renamed };
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
const types = (records: readonly DnsRecord[]) => records.map((one) => one.type).sort();
const answersOf = (sent: readonly Sent[]) => sent.flatMap((one) => one.packet.answers);
const srv = (name: string, port: number, target = "other.local"): DnsRecord => ({
  name,
  type: "SRV",
  ttl: 120,
  flush: true,
  data: { priority: 0, weight: 0, port, target },
});

test("a name is asked for three times, told twice, defended, and left with a goodbye", () => {
  const { clock, responder, look, settle } = start();
  const one = responder.announce(RADIO);
  clock.advance(1000);
  assert.ok(one.told());
  const first = look();
  const probes = first.filter((each) => !each.packet.response);
  assert.equal(probes.length, MDNS_PROBES);
  assert.deepEqual(probes[0]!.packet.questions, [{ name: NAME, type: "ANY", unicast: false }]);
  assert.deepEqual(types(probes[0]!.packet.authorities), ["SRV", "TXT"]);
  assert.ok(!probes[0]!.packet.authorities.some((record) => record.flush));
  assert.deepEqual([probes[1]!.atMs - probes[0]!.atMs, probes[2]!.atMs - probes[1]!.atMs], [250, 250]);
  const told = first.filter((each) => each.packet.response);
  assert.equal(told.length, 1);
  assert.deepEqual(types(told[0]!.packet.answers), ["A", "PTR", "PTR", "SRV", "TXT"]);
  const lives = told[0]!.packet.answers.map((record) => [record.type, record.ttl, record.flush]);
  assert.deepEqual(lives, [
    ["PTR", 4500, false],
    ["PTR", 4500, false],
    ["SRV", 120, true],
    ["TXT", 4500, true],
    ["A", 120, true],
  ]);
  clock.advance(5000);
  const again = look();
  assert.deepEqual([again.length, again[0]!.atMs - told[0]!.atMs], [1, 1000]);
  one.withdraw();
  clock.advance(0);
  const bye = look();
  assert.equal(bye.length, 1);
  assert.deepEqual(
    bye[0]!.packet.answers.map((record) => record.ttl),
    [0, 0, 0, 0, 0],
  );
  one.withdraw();
  settle().withdraw(true);
  clock.advance(10_000);
  assert.deepEqual(look(), [], "quietly, and not twice");
  assert.equal(responder.announced(), 0);
});

test("a goodbye leaves out what others of our services still need; an update takes no leave of the name", () => {
  const { clock, look, settle } = start();
  const away = { name: "comu-b-1.local", addresses: ["10.9.9.9"] };
  const one = settle({ ...RADIO, host: away });
  settle({ ...RADIO, name: "Other" });
  one.update({ ...RADIO, port: 99, host: { name: "comu-b-2.local", addresses: ["10.9.9.8"] } });
  clock.advance(1500);
  const [gone, ...told] = look();
  assert.deepEqual(
    gone!.packet.answers.map((record) => [record.name, record.ttl]),
    [["comu-b-1.local", 0]],
  );
  assert.equal(told.length, 2);
  assert.equal(answersOf(told).find((record) => record.type === "SRV")!.data.port, 99);
  one.withdraw();
  clock.advance(0);
  assert.deepEqual(types(answersOf(look())), ["A", "PTR", "SRV", "TXT"], "the type and our own address stay");
});

test("stopping takes leave of everything that others heard of, and only of that", () => {
  const { clock, responder, look, settle } = start();
  settle();
  responder.announce({ ...RADIO, name: "Unheard" });
  clock.advance(300);
  look();
  responder.stop();
  const bye = look();
  assert.ok(answersOf(bye).every((record) => record.ttl === 0));
  assert.ok(!JSON.stringify(bye).includes("Unheard"));
  clock.advance(10_000);
  assert.deepEqual(look(), []);
});

test("a taken name: renamed while we ask, asked for again when it is contested later", () => {
  const { clock, responder, look, renamed, settle } = start();
  const one = responder.announce(RADIO);
  clock.advance(300);
  responder.response([srv("RADIO._http._tcp.local", 1)]);
  clock.advance(5000);
  assert.deepEqual([one.name(), renamed], ["Radio (2)", ["Radio (2)"]]);
  assert.ok(answersOf(look()).every((record) => record.name !== NAME));
  responder.response([srv("Radio (2)._http._tcp.local", 8080, "comu-abcdefgh.local")]);
  clock.advance(5000);
  assert.deepEqual(look(), [], "another says the very same: no conflict");
  responder.response([srv("Radio (2)._http._tcp.local", 9)]);
  clock.advance(5000);
  const asked = look();
  assert.equal(asked.filter((each) => !each.packet.response).length, MDNS_PROBES);
  assert.equal(one.name(), "Radio (2)", "nobody defended it");
  const twin = settle();
  assert.equal(twin.name(), "Radio");
  assert.equal(settle({ ...RADIO, name: "Radio" }).name(), "Radio (3)", "own names do not collide either");
  const long = settle({ ...RADIO, name: "é".repeat(31) });
  assert.equal(settle({ ...RADIO, name: "é".repeat(31) }).name(), `${"é".repeat(29)} (2)`);
  long.withdraw();
});

test("two that ask for one name at the same moment: the later records win, the other waits a second", () => {
  const { clock, responder, look } = start();
  const one = responder.announce(RADIO);
  clock.advance(300);
  look();
  const probeOf = (port: number) => [
    srv(NAME, port),
    { name: NAME, type: "TXT", ttl: 4500, flush: false, data: [Buffer.from("path=/")] } as DnsRecord,
  ];
  responder.query({ ...EMPTY, authorities: probeOf(80) }, PHONE);
  clock.advance(700);
  assert.ok(one.told(), "80 comes before 8080: we win");
  const other = responder.announce({ ...RADIO, name: "Chat" });
  clock.advance(300);
  look();
  const theirs = probeOf(9000).map((record) => ({ ...record, name: "Chat._http._tcp.local" }));
  responder.query({ ...EMPTY, authorities: theirs }, PHONE);
  clock.advance(950);
  assert.equal(look().filter((each) => !each.packet.response).length, 0);
  assert.ok(!other.told());
  clock.advance(1000);
  assert.ok(other.told(), "the winner never came");
});

test("endless conflicts slow us down", () => {
  const { clock, responder, look } = start();
  const one = responder.announce(RADIO);
  for (let n = 0; n < MDNS_CONFLICTS_MAX; n++) {
    clock.advance(100);
    responder.response([srv(`${one.name()}._http._tcp.local`, 1)]);
  }
  look();
  clock.advance(MDNS_CONFLICT_PAUSE_MS - 10);
  assert.deepEqual(look(), []);
  clock.advance(2000);
  assert.ok(one.told());
});

test("answers: what is known is not told; a pointer brings what is needed next; the wrong kind brings NSEC", () => {
  const { clock, look, ask, settle } = start(["10.0.0.1", "fd00::1"]);
  settle();
  const reply = (question: Partial<DnsQuestion>, known: DnsRecord[] = []) => {
    clock.advance(2000);
    ask([question], { answers: known });
    clock.advance(130);
    return look()[0]?.packet;
  };
  const all = reply({ name: "_HTTP._tcp.local" })!;
  assert.deepEqual([types(all.answers), types(all.additionals)], [["PTR"], ["A", "AAAA", "SRV", "TXT"]]);
  assert.equal(reply({}, [{ ...all.answers[0]!, ttl: 2250 }]), undefined);
  assert.ok(reply({}, [{ ...all.answers[0]!, ttl: 2249 }]), "known, but old");
  assert.deepEqual(types(reply({ name: NAME, type: "ANY" })!.answers), ["SRV", "TXT"]);
  assert.deepEqual(
    reply({ name: SERVICE_TYPES })!.answers.map((one) => one.data),
    ["_http._tcp.local"],
  );
  const host = reply({ name: "comu-abcdefgh.local", type: "A" })!;
  assert.deepEqual([types(host.answers), types(host.additionals)], [["A"], ["AAAA"]]);
  for (const type of ["AAAA", "TYPE64", "NSEC"]) {
    const none = reply({ name: NAME, type })!;
    assert.deepEqual(none.answers[0]!.data, { next: NAME, types: ["TXT", "SRV"] }, type);
  }
  assert.equal(reply({ type: "A" }), undefined, "a shared name: others may have one");
  assert.equal(reply({ name: "other.local", type: "A" }), undefined);
});

test("a host of one family says that it has no other", () => {
  const { clock, look, ask, settle } = start();
  settle({ ...RADIO, host: { name: "comu-b-1.local", addresses: ["fd00::2"] } });
  ask([{ name: NAME, type: "SRV" }]);
  clock.advance(10);
  const [{ packet }] = look() as [Sent];
  const mark: DnsType[] = ["A", "AAAA", "NSEC"];
  assert.deepEqual(types(packet.additionals), mark, "its address, its NSEC, and the mark of who speaks");
});

test("times: alone at once, shared after 20 to 120 ms, a record once a second, against a probe once in 250 ms", () => {
  const { clock, look, ask, settle } = start();
  settle();
  const atMs = clock.monotonicMs();
  ask([{ name: NAME, type: "TXT" }]);
  clock.advance(0);
  assert.equal(look()[0]!.atMs, atMs);
  const delays = new Set<number>();
  for (let n = 0; n < 50; n++) {
    clock.advance(3000);
    const askedMs = clock.monotonicMs();
    ask([{}]);
    clock.advance(130);
    delays.add(look()[0]!.atMs - askedMs);
  }
  assert.ok(Math.min(...delays) >= 20 && Math.max(...delays) <= 120 && delays.size > 40);
  for (let n = 0; n < 40; n++) {
    ask([{}]);
    clock.advance(100);
  }
  const pointers = look().filter((each) => answersOf([each]).some((one) => one.type === "PTR"));
  assert.ok(pointers.length >= 3 && pointers.length <= 5, `${pointers.length} in four seconds`);
  clock.advance(3000);
  ask([{ name: NAME, type: "SRV" }]);
  clock.advance(100);
  const probe = { authorities: [srv(NAME, 1)] };
  for (let n = 0; n < 4; n++) {
    ask([{ name: NAME, type: "ANY" }], probe);
    clock.advance(100);
  }
  clock.advance(300);
  const defended = look().filter((each) => answersOf([each]).some((one) => one.type === "SRV"));
  assert.ok(defended.length === 3, `${defended.length} with the first`);
  assert.ok(defended.every((each, n) => n === 0 || each.atMs - defended[n - 1]!.atMs >= 250));
});

test("a query that goes on waits for its known answers; only so many do, and only so many are kept", () => {
  const { clock, look, ask, settle } = start();
  settle();
  ask([{}]);
  clock.advance(200);
  const known = answersOf(look());
  clock.advance(2000);
  ask([{}], { truncated: true });
  clock.advance(200);
  assert.deepEqual(look(), []);
  ask([], { answers: known });
  clock.advance(1000);
  assert.deepEqual(look(), [], "all was known");
  ask([{}], { truncated: true });
  clock.advance(MDNS_MORE_DELAY_MAX_MS + 1);
  assert.equal(look().length, 1);
  clock.advance(2000);
  const filler = Array.from({ length: 512 }, (_, n) => srv(`f${n}.local`, 1));
  ask([{}], { truncated: true });
  for (let n = 0; n < MDNS_HELD_ANSWERS_MAX / 512; n++) ask([], { truncated: true, answers: filler });
  ask([], { answers: known });
  clock.advance(MDNS_MORE_DELAY_MAX_MS + 1);
  assert.equal(look().length, 1, "what came beyond the limit did not count");
  clock.advance(2000);
  for (let n = 0; n <= MDNS_HELD_QUERIES_MAX; n++)
    ask([{}], { truncated: true }, { address: `10.0.1.${n}`, port: 5353 });
  clock.advance(121);
  assert.equal(look().length, 1, "the one too many was answered at once");
});

test("unicast is given to who asks for it, but for what nobody has heard lately", () => {
  const { clock, look, ask, settle } = start();
  settle();
  ask([{ unicast: true }]);
  clock.advance(200);
  assert.deepEqual(
    look().map((each) => each.to),
    [PHONE],
  );
  clock.advance(4500 * 250);
  ask([{ unicast: true }]);
  clock.advance(200);
  assert.deepEqual(
    look().map((each) => each.to),
    [undefined],
  );
});

test("unicast answers that are many, or too often asked for, are for all, once a second", () => {
  const { clock, look, ask, settle } = start();
  settle();
  for (let n = 0; n < 50; n++) ask([{ name: NAME, type: "SRV", unicast: true }]);
  clock.advance(500);
  const sent = look();
  assert.equal(sent.filter((each) => each.to).length, MDNS_UNICASTS_PER_SOURCE_S_MAX);
  assert.equal(sent.filter((each) => !each.to).length, 1);
  for (let n = 0; n < 60; n++) settle({ ...RADIO, name: `Radio number ${n}`, txt: { path: `/${"x".repeat(100)}` } });
  ask([{ unicast: true }]);
  clock.advance(1500);
  assert.ok(look().every((each) => each.to === undefined));
});

test("another's goodbye for what is ours too makes us say it again", () => {
  const { clock, responder, look, ask, settle } = start();
  settle();
  ask([{ name: NAME, type: "ANY" }, {}]);
  clock.advance(2000);
  const ours = answersOf(look());
  responder.response(ours.map((record) => ({ ...record, ttl: 0 })));
  responder.response([{ ...srv("Other._http._tcp.local", 1), ttl: 0 }]);
  clock.advance(900);
  assert.deepEqual(types(answersOf(look())), types(ours));
});

test("a plain resolver: id, question, short lives, no flush, as much as it takes, and whether that is all", () => {
  const { look, ask, settle } = start();
  for (let n = 0; n < 30; n++) settle({ ...RADIO, name: `Radio number ${n}` });
  const plain = { address: "10.0.0.8", port: 40_000 };
  ask([{ type: "ANY", name: "Radio number 1._http._tcp.local" }], { id: 77 }, plain);
  const [one] = look() as [Sent];
  assert.deepEqual([one.to, one.packet.id, one.packet.questions.length], [plain, 77, 1]);
  const records = [...one.packet.answers, ...one.packet.additionals];
  assert.deepEqual(types(records), ["A", "NSEC", "SRV", "TXT"]);
  assert.ok(records.every((record) => record.ttl <= 10 && !record.flush));
  ask([{}], {}, plain);
  ask([{}], { plainBytes: 65_535 }, plain);
  ask([{ name: "nobody.local" }], {}, plain);
  const [small, large, ...rest] = look() as [Sent, Sent];
  assert.deepEqual(rest, []);
  assert.ok(small.packet.truncated && small.bytes <= MDNS_PLAIN_BYTES && small.bytes > MDNS_PLAIN_BYTES - 60);
  assert.ok(!large.packet.truncated && large.packet.answers.length === 30 && large.bytes <= MDNS_SENT_BYTES_MAX);
});

test("unicast answers are few: to one address, and to all", () => {
  const { clock, responder, look, ask, settle } = start();
  settle();
  for (let n = 0; n < 100; n++) ask([{}], {}, { address: "10.0.0.8", port: 40_000 + n });
  assert.equal(look().length, MDNS_UNICASTS_PER_SOURCE_S_MAX);
  for (let n = 0; n < 200; n++) ask([{}], {}, { address: `10.0.1.${n}`, port: 40_000 });
  assert.equal(look().length, MDNS_UNICASTS_PER_S_MAX - MDNS_UNICASTS_PER_SOURCE_S_MAX);
  assert.equal(responder.dropped(), 300 - MDNS_UNICASTS_PER_S_MAX);
  clock.advance(1000);
  ask([{}], {}, { address: "10.0.0.8", port: 40_000 });
  assert.equal(look().length, 1);
});

test("all that may be announced: packets that fit, few of them, and bounded however much is asked", () => {
  const { clock, responder, look, ask } = start();
  const service = (n: number) => ({
    ...RADIO,
    name: `Ràdio del barri número ${n} (Ateneu de Can Mora)`,
    txt: { path: `/${"x".repeat(60)}`, comu: `abcdefghijklmnop-${n}` },
    host: { name: `comu-abcdefgh-${n}.local`, addresses: [`10.1.${n >> 8}.${n & 255}`] },
  });
  const all = Array.from({ length: MDNS_ANNOUNCED_MAX }, (_, n) => responder.announce(service(n)));
  clock.advance(5000);
  const told = look();
  assert.ok(all.every((one) => one.told()));
  assert.ok(told.every((each) => each.bytes <= MDNS_SENT_BYTES_MAX));
  assert.ok(told.length < 400, `${told.length} packets for ${MDNS_ANNOUNCED_MAX} services`);
  const [mark] = told.filter((each) => each.packet.answers.some((one) => one.type === "SRV"));
  assert.ok(JSON.stringify(mark).includes("comu-abcdefgh.local"), "who speaks stands in each packet with a SRV");
  let bytes = 0;
  for (let n = 0; n < 100; n++) {
    ask([{ type: n % 2 === 0 ? "PTR" : "ANY" }, { name: all[n]!.name().replace(".", "\\.") + "._http._tcp.local" }]);
    clock.advance(100);
    bytes += look().reduce((sum, each) => sum + each.bytes, 0);
  }
  assert.ok(bytes <= 12 * MDNS_MULTICAST_BYTES_PER_S_MAX, `${bytes} in ten seconds`);
  responder.stop();
  assert.equal(
    new Set(
      answersOf(look())
        .filter((one) => one.type === "SRV")
        .map((one) => one.name),
    ).size,
    256,
  );
});

test("five hundred times the same question costs what one does", () => {
  const { clock, look, ask, settle } = start();
  for (let n = 0; n < 100; n++) settle({ ...RADIO, name: `Radio ${n}` });
  clock.advance(2000);
  const times = (length: number) =>
    Array.from({ length }, (_, at) => ({ name: at % 2 === 0 ? "_http._tcp.local" : "_HTTP._tcp.local" }));
  const [once, often] = [1, 512].map((length) => leastMs(() => ask(times(length)), 50));
  assert.ok(often! < 20 * once!, `${often} ms, and ${once} ms for one`);
  clock.advance(200);
  assert.equal(answersOf(look()).length, 100);
});

test("what is written for a probe can be read by any size of name", () => {
  const { clock, responder, look } = start();
  responder.announce({ ...RADIO, name: "é.\\".repeat(15), txt: { path: "/".repeat(250), more: "x".repeat(240) } });
  clock.advance(2000);
  assert.ok(look().every((each) => each.packet !== undefined));
  assert.ok(new PacketWriter({ response: false }, 100).empty);
});
