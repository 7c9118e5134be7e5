/** The packets of mDNS: both ways, at each limit, and with what strangers make of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { leastMs } from "../kernel/cost.fixture.ts";
import fc from "fast-check";
import { seededRandom } from "../kernel/random.ts";
import {
  MDNS_NAME_BYTES_MAX,
  MDNS_PACKET_BYTES_MAX,
  MDNS_POINTERS_MAX,
  MDNS_RECORDS_PER_PACKET_MAX,
} from "./mdns-constants.ts";
import { cutTo, escaped, folded, labelsOf, unescaped } from "./mdns-names.ts";
import { PacketWriter, plainData, readPacket } from "./mdns-wire.ts";
import type { DnsQuestion, DnsRecord } from "./mdns-wire.ts";

const bytesOf = (...parts: (number | string | Uint8Array)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === "number" ? Buffer.of(part) : Buffer.from(part as Uint8Array))));
const label = (text: string | Uint8Array) => bytesOf(Buffer.byteLength(text as string), text);
const header = (...counts: number[]) => {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt16BE(0x8400, 2);
  counts.forEach((count, at) => bytes.writeUInt16BE(count, 4 + 2 * at));
  return bytes;
};
const tail = (type: number, data: Uint8Array, kind = 1) =>
  bytesOf(0, type, kind >> 8, kind & 0xff, 0, 0, 0, 120, data.length >> 8, data.length & 0xff, data);
/** One answer of type A for a name in these bytes. */
const named = (...name: (number | string | Uint8Array)[]) =>
  readPacket(bytesOf(header(0, 1), ...name, tail(1, bytesOf(10, 0, 0, 1))));

const RECORDS: DnsRecord[] = [
  { name: "_http._tcp.local", type: "PTR", ttl: 4500, flush: false, data: "St\\. Pere \\\\ Ràdio._http._tcp.local" },
  {
    name: "St\\. Pere \\\\ Ràdio._http._tcp.local",
    type: "SRV",
    ttl: 120,
    flush: true,
    data: { priority: 1, weight: 2, port: 8080, target: "comu-x.local" },
  },
  {
    name: "x.local",
    type: "TXT",
    ttl: 4500,
    flush: true,
    data: [Uint8Array.from(bytesOf("path=/")), new Uint8Array()],
  },
  { name: "comu-x.local", type: "A", ttl: 120, flush: true, data: "10.1.2.3" },
  { name: "comu-x.local", type: "AAAA", ttl: 4_294_967_295, flush: true, data: "fd00::1:0:0:2" },
  { name: "comu-x.local", type: "NSEC", ttl: 120, flush: true, data: { next: "comu-x.local", types: ["A", "SRV"] } },
];
const QUESTIONS: DnsQuestion[] = [
  { name: "_http._tcp.local", type: "PTR", unicast: false },
  { name: "x.local", type: "ANY", unicast: true },
  { name: "x.local", type: "TYPE64", unicast: false },
];

function written(plainId?: number): Buffer {
  const writer = new PacketWriter({ response: true, ...(plainId === undefined ? {} : { plainId }) }, 9000);
  for (const one of QUESTIONS) assert.ok(writer.question(one));
  for (const section of ["answers", "authorities", "additionals"] as const)
    for (const one of RECORDS) assert.ok(writer.record(section, one));
  return Buffer.from(writer.packet());
}

test("what is written is read, with names packed; a plain answer keeps its id and packs no SRV target", () => {
  const rows = { answers: RECORDS, authorities: RECORDS, additionals: RECORDS };
  const head = { id: 0, response: true, truncated: false, plainBytes: 0 };
  assert.deepEqual(readPacket(written()), { ...head, questions: QUESTIONS, ...rows });
  const plain = written(0x1234);
  assert.equal(readPacket(plain)!.id, 0x1234);
  assert.ok(plain.length > written().length + 3 * 8, "the target stands there in full");
  assert.ok(written().length < 620, String(written().length));
});

test("what does not fit is refused and leaves the packet as it was", () => {
  const writer = new PacketWriter({ response: false }, 100);
  assert.ok(writer.empty);
  assert.ok(writer.question(QUESTIONS[0]!));
  const before = Buffer.from(writer.packet());
  assert.ok(!writer.record("answers", { ...RECORDS[3]!, name: `${"a.".repeat(50)}b` }));
  assert.deepEqual(Buffer.from(writer.packet()), before);
  writer.truncated();
  assert.ok(readPacket(writer.packet())!.truncated);
  assert.throws(() => writer.question({ ...QUESTIONS[0]!, name: "a".repeat(64) }));
});

test("names: dots inside labels, ASCII case, and cutting between letters", () => {
  assert.equal(escaped("St. Pere\\"), "St\\. Pere\\\\");
  assert.equal(unescaped(escaped("a.b\\c")), "a.b\\c");
  assert.deepEqual(labelsOf("St\\. Pere._http._tcp.local"), ["St. Pere", "_http", "_tcp", "local"]);
  assert.deepEqual(labelsOf(""), []);
  assert.equal(folded("RÀDIO.Local"), "rÀdio.local");
  assert.equal(cutTo("é".repeat(50), 63), "é".repeat(31));
  assert.equal(cutTo("👩‍👩‍👧👩‍👩‍👧", 20), "👩‍👩‍👧", "not inside a family");
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), (text) => {
      assert.ok(Buffer.byteLength(cutTo(text, 30)) <= 30);
      assert.equal(unescaped(escaped(text)), text);
    }),
  );
});

test("limits of names: length, pointers forward, to themselves, in loops, in chains", () => {
  assert.equal(named(label("a"), 0)!.answers[0]!.name, "a");
  const long = (count: number) => named(...Array.from({ length: count }, () => label("abcdefg")), 0);
  assert.equal(MDNS_NAME_BYTES_MAX, 255);
  assert.equal(long(31)!.answers.length, 1, "249 bytes");
  assert.equal(long(32), undefined, "257 bytes");
  assert.equal(named(0xc0, 12), undefined, "to itself");
  assert.equal(named(0xc0, 200), undefined, "beyond the end");
  const record = tail(1, bytesOf(10, 0, 0, 1));
  const ahead = bytesOf(header(0, 2), 0xc0, 14 + record.length, record, label("a"), 0, record);
  assert.equal(readPacket(ahead), undefined, "forward, to a sound name");
  assert.equal(named(0xc0, 4), undefined, "into the header");
  assert.equal(named(0x40, 1, 0), undefined, "a kind of label that nobody uses");
  assert.equal(named(label("a"), 0xc0, 12), undefined, "back to its own beginning: a loop");
  assert.equal(named(63, "short"), undefined, "beyond the end");
  assert.deepEqual(named(label(Buffer.of(0xff, 0xfe)), 0)!.answers, [], "not UTF-8: passed over");
  // A chain: each name is a pointer to the one before.
  const chain = (links: number) => {
    const one = (at: number) => bytesOf(0xc0 | (at >> 8), at & 0xff, tail(1, bytesOf(10, 0, 0, 1)));
    const parts = [bytesOf(label("a"), 0, tail(1, bytesOf(10, 0, 0, 1)))];
    for (let n = 0, at = 12; n < links; n++) {
      parts.push(one(at));
      at += n === 0 ? parts[0]!.length : parts[n]!.length;
    }
    return readPacket(bytesOf(header(0, links + 1), ...parts));
  };
  assert.equal(chain(MDNS_POINTERS_MAX)!.answers.length, MDNS_POINTERS_MAX + 1);
  assert.equal(chain(MDNS_POINTERS_MAX + 1), undefined);
});

test("limits of packets: length, promised records, records that lie about their length", () => {
  const [count, record] = [MDNS_RECORDS_PER_PACKET_MAX, bytesOf(0, tail(1, bytesOf(10, 0, 0, 1)))];
  const many = (n: number) => readPacket(bytesOf(header(0, n), ...Array.from({ length: n }, () => record)));
  assert.equal(many(count)!.answers.length, count);
  assert.equal(many(count + 1), undefined);
  assert.equal(readPacket(bytesOf(header(0xffff, 0xffff, 0xffff, 0xffff))), undefined);
  assert.equal(readPacket(Buffer.alloc(11)), undefined);
  assert.ok(readPacket(bytesOf(header(), Buffer.alloc(MDNS_PACKET_BYTES_MAX - 12))));
  assert.equal(readPacket(bytesOf(header(), Buffer.alloc(MDNS_PACKET_BYTES_MAX - 11))), undefined);
  assert.equal(readPacket(bytesOf(header(0, 2), record)), undefined, "one promised, not there");
  const answer = (type: number, data: Uint8Array) => readPacket(bytesOf(header(0, 1), label("a"), 0, tail(type, data)));
  assert.equal(answer(1, bytesOf(10, 0, 0)), undefined, "A of three bytes");
  assert.equal(answer(28, Buffer.alloc(17)), undefined, "AAAA of seventeen");
  assert.equal(answer(16, bytesOf(9, "short")), undefined, "a string beyond its record");
  assert.equal(answer(12, bytesOf(label("b"), 0, 1)), undefined, "bytes after the name of a pointer");
  assert.equal(answer(33, bytesOf(0, 0, 0, 0, 0)), undefined, "half a SRV");
  assert.deepEqual(answer(99, bytesOf("whatever"))!.answers, [], "an unknown type is passed over");
  assert.deepEqual(
    answer(47, bytesOf(label("a"), 0, 0, 9, 1))!.answers[0]!.data,
    { next: "a", types: [] },
    "a cut bitmap",
  );
  const status = (flags: number) => {
    const bytes = header();
    bytes.writeUInt16BE(flags, 2);
    return readPacket(bytes);
  };
  assert.equal(status(0x8403), undefined, "a failure code");
  assert.equal(status(0x2800), undefined, "another opcode");
  assert.ok(status(0x0200)!.truncated);
});

test("other classes are passed over; the size that a plain resolver takes is read", () => {
  const other = bytesOf(label("a"), 0, tail(1, bytesOf(10, 0, 0, 1), 3));
  const opt = bytesOf(0, tail(41, Buffer.alloc(0), 1232));
  const question = bytesOf(label("a"), 0, 0, 1, 0, 3);
  const read = readPacket(bytesOf(header(1, 1, 0, 1), question, other, opt))!;
  assert.deepEqual([read.questions, read.answers, read.plainBytes], [[], [], 1232]);
});

test("data without compression orders records as bytes", () => {
  assert.deepEqual(
    [...plainData({ type: "AAAA", data: "fd00::1" })],
    [0xfd, ...Array.from({ length: 14 }, () => 0), 1],
  );
  assert.deepEqual([...plainData({ type: "A", data: "10.0.0.255" })], [10, 0, 0, 255]);
  assert.deepEqual([...plainData({ type: "PTR", data: "a.b" })], [1, 97, 1, 98, 0]);
});

test("twenty thousand mutated packets are read or refused, quickly", () => {
  const random = seededRandom(20_261);
  const sound = written();
  let [read, refused, isRead] = [0, 0, false];
  let longest = { ms: 0, packet: sound };
  for (let n = 0; n < 20_000; n++) {
    const packet = Buffer.from(sound.subarray(0, random.below(8) === 0 ? random.below(sound.length) : sound.length));
    for (let times = 1 + random.below(6); times > 0 && packet.length > 0; times--)
      packet[random.below(packet.length)] = random.below(4) === 0 ? 0xc0 : random.below(256);
    const ms = leastMs(() => void (isRead = readPacket(packet) !== undefined), 1);
    if (isRead) read++;
    else refused++;
    if (ms > longest.ms) longest = { ms, packet };
  }
  assert.ok(read > 1000 && refused > 1000, `${read} read, ${refused} refused`);
  assert.ok(leastMs(() => void readPacket(longest.packet)) < 1000, `${longest.packet.toString("hex")}`);
});
