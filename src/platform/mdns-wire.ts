/**
 * Reads and writes packets of mDNS: the format of RFC 1035 with what RFC 6762 (section 18) changes. Our own because
 * what a stranger sends must stay within limits that have names, and because names of services hold dots. Records of
 * other kinds than those below are passed over. Pure.
 */
import { SocketAddress, isIP } from "node:net";
import {
  MDNS_NAME_BYTES_MAX,
  MDNS_PACKET_BYTES_MAX,
  MDNS_POINTERS_MAX,
  MDNS_RECORDS_PER_PACKET_MAX,
} from "./mdns-constants.ts";
import { escaped, folded, labelsOf } from "./mdns-names.ts";

export interface Srv {
  priority: number;
  weight: number;
  port: number;
  target: string;
}

export type RecordData =
  | { type: "A"; data: string }
  | { type: "AAAA"; data: string }
  | { type: "PTR"; data: string }
  | { type: "SRV"; data: Srv }
  | { type: "TXT"; data: readonly Uint8Array[] }
  /** Which kinds of records a name has: all others it has not (RFC 6762, section 6.1). */
  | { type: "NSEC"; data: { next: string; types: readonly DnsType[] } };

export type DnsRecord = {
  name: string;
  ttl: number;
  /** The cache-flush bit: this record replaces all others of the same name and type. */
  flush: boolean;
} & RecordData;

export type DnsType = RecordData["type"];

export interface DnsQuestion {
  name: string;
  /** "ANY", or a kind that we do not know as "TYPE64". */
  type: string;
  /** The asker would take the answer by unicast. */
  unicast: boolean;
}

export interface DnsPacket {
  id: number;
  response: boolean;
  /** More known answers follow in another packet. */
  truncated: boolean;
  /** The longest answer that a plain resolver takes; 0 when it does not say (RFC 6891). */
  plainBytes: number;
  questions: DnsQuestion[];
  answers: DnsRecord[];
  authorities: DnsRecord[];
  additionals: DnsRecord[];
}

export const TYPE_NUMBERS: Readonly<Record<DnsType, number>> = { A: 1, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, NSEC: 47 };
const NAMES = new Map<number, string>(Object.entries(TYPE_NUMBERS).map(([name, number]) => [number, name]));
const [ANY, OPT, IN] = [255, 41, 1];
const HEADER_BYTES = 12;

class Broken extends Error {}

/** A packet as it came; undefined when it is not sound or beyond a limit. Never throws. */
export function readPacket(bytes: Uint8Array): DnsPacket | undefined {
  if (bytes.length < HEADER_BYTES || bytes.length > MDNS_PACKET_BYTES_MAX) return undefined;
  try {
    return new PacketReader(bytes).packet();
  } catch (error) {
    if (error instanceof Broken) return undefined;
    throw error;
  }
}

class PacketReader {
  private readonly bytes: Buffer;
  private at = 0;
  private plainBytes = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  packet(): DnsPacket | undefined {
    const [id, flags, ...counts] = Array.from({ length: 6 }, () => this.number16()) as [number, number, ...number[]];
    // Another opcode or a failure code: not for us (sections 18.3 and 18.11).
    if ((flags & 0x780f) !== 0) return undefined;
    if (counts.reduce((sum, count) => sum + count, 0) > MDNS_RECORDS_PER_PACKET_MAX) return undefined;
    const [questions, answers, authorities, additionals] = counts as [number, number, number, number];
    const read = {
      id,
      response: (flags & 0x8000) !== 0,
      truncated: (flags & 0x0200) !== 0,
      questions: this.list(questions, () => this.question()),
      answers: this.list(answers, () => this.record()),
      authorities: this.list(authorities, () => this.record()),
      additionals: this.list(additionals, () => this.record()),
    };
    return { ...read, plainBytes: this.plainBytes };
  }

  private list<T>(count: number, one: () => T | undefined): T[] {
    const found: T[] = [];
    for (let n = 0; n < count; n++) {
      const read = one();
      if (read !== undefined) found.push(read);
    }
    return found;
  }

  private number16(): number {
    if (this.at + 2 > this.bytes.length) throw new Broken();
    this.at += 2;
    return this.bytes.readUInt16BE(this.at - 2);
  }

  private question(): DnsQuestion | undefined {
    const name = this.name(this.bytes.length);
    const type = this.number16();
    const kind = this.number16();
    const known = (kind & 0x7fff) === IN || (kind & 0x7fff) === ANY;
    if (!known || name === undefined) return undefined;
    return { name, type: type === ANY ? "ANY" : (NAMES.get(type) ?? `TYPE${type}`), unicast: (kind & 0x8000) !== 0 };
  }

  private record(): DnsRecord | undefined {
    const name = this.name(this.bytes.length);
    const [type, kind] = [this.number16(), this.number16()];
    const ttl = this.number16() * 65_536 + this.number16();
    const length = this.number16();
    const end = this.at + length;
    if (end > this.bytes.length) throw new Broken();
    if (type === OPT) this.plainBytes = kind;
    const known = NAMES.get(type);
    const data = known && (kind & 0x7fff) === IN ? this.data(known as DnsType, end) : undefined;
    this.at = end;
    return data && name !== undefined ? { name, ttl, flush: (kind & 0x8000) !== 0, ...data } : undefined;
  }

  /** Undefined for a record that is sound but of no use to us: a name in it is not UTF-8. */
  private data(type: DnsType, end: number): RecordData | undefined {
    const length = end - this.at;
    if (type === "A") return { type, data: this.address(length, 4) };
    if (type === "AAAA") return { type, data: this.address(length, 16) };
    if (type === "TXT") return { type, data: this.strings(end) };
    if (type === "NSEC") return this.kinds(end);
    const [priority, weight, port] = type === "SRV" ? [this.number16(), this.number16(), this.number16()] : [];
    const target = this.name(end);
    if (this.at !== end) throw new Broken();
    if (target === undefined) return undefined;
    if (type === "PTR") return { type, data: target };
    return { type: "SRV", data: { priority: priority!, weight: weight!, port: port!, target } };
  }

  private address(length: number, wanted: 4 | 16): string {
    if (length !== wanted) throw new Broken();
    const own = this.bytes.subarray(this.at, this.at + length);
    if (wanted === 4) return own.join(".");
    const groups = Array.from({ length: 8 }, (_, n) => own.readUInt16BE(n * 2).toString(16));
    return new SocketAddress({ address: groups.join(":"), family: "ipv6" }).address;
  }

  private strings(end: number): Uint8Array[] {
    const found: Uint8Array[] = [];
    while (this.at < end) {
      const length = this.bytes[this.at]!;
      if (this.at + 1 + length > end) throw new Broken();
      // A copy: the packet's memory must not live as long as what is remembered of it.
      found.push(Uint8Array.from(this.bytes.subarray(this.at + 1, this.at + 1 + length)));
      this.at += 1 + length;
    }
    return found;
  }

  /** Only the first window of the bitmap: all kinds that we know are below 256. */
  private kinds(end: number): RecordData | undefined {
    const next = this.name(end);
    const types: DnsType[] = [];
    const [window, length] = [this.bytes[this.at], this.bytes[this.at + 1]];
    if (this.at + 2 <= end && window === 0 && this.at + 2 + length! <= end) {
      const has = (n: number) => n >> 3 < length! && (this.bytes[this.at + 2 + (n >> 3)]! & (0x80 >> (n & 7))) !== 0;
      for (const [n, name] of NAMES) if (has(n)) types.push(name as DnsType);
    }
    return next === undefined ? undefined : { type: "NSEC", data: { next, types } };
  }

  /**
   * A name, and behind it. Pointers must lead back, before the piece of the name that they end, so that a loop is
   * impossible; and few of them. Undefined when a label is not UTF-8.
   */
  private name(end: number): string | undefined {
    const labels: string[] = [];
    let [at, start, after] = [this.at, this.at, -1];
    let [bytesLeft, pointersLeft] = [MDNS_NAME_BYTES_MAX, MDNS_POINTERS_MAX];
    for (;;) {
      const length = this.bytes[at];
      if (length === undefined || (after < 0 && at >= end)) throw new Broken();
      if (length === 0) break;
      if ((length & 0xc0) === 0xc0) {
        const to = ((length & 0x3f) << 8) | (this.bytes[at + 1] ?? 0);
        if (after < 0) after = at + 2;
        if (to >= start || to < HEADER_BYTES || pointersLeft-- === 0 || after > end) throw new Broken();
        at = start = to;
        continue;
      }
      bytesLeft -= length + 1;
      if ((length & 0xc0) !== 0 || bytesLeft < 1 || at + 1 + length > this.bytes.length) throw new Broken();
      labels.push(escaped(this.bytes.toString("utf8", at + 1, at + 1 + length)));
      at += length + 1;
    }
    this.at = after < 0 ? at + 1 : after;
    if (this.at > end) throw new Broken();
    const name = labels.join(".");
    return name.includes("\ufffd") ? undefined : name;
  }
}

export interface PacketHead {
  response: boolean;
  /** An answer to a plain resolver: its id, and no compression where RFC 2782 forbids it. */
  plainId?: number;
}

type Section = "answers" | "authorities" | "additionals";
const ORDER: readonly Section[] = ["answers", "authorities", "additionals"];

/**
 * Fills one packet up to a limit of bytes. Sections in their order: questions, answers, authorities, additionals. What
 * does not fit is refused, and the packet stays as it was.
 */
export class PacketWriter {
  private bytes: Buffer = Buffer.alloc(HEADER_BYTES, 0);
  private readonly seen = new Map<string, number>();
  private readonly head: PacketHead;
  private limit: number;

  constructor(head: PacketHead, limitBytes: number) {
    this.head = head;
    this.limit = limitBytes;
    this.bytes.writeUInt16BE(head.plainId ?? 0, 0);
    // A response is authoritative (section 18.4).
    this.bytes.writeUInt16BE(head.response ? 0x8400 : 0, 2);
  }

  question(question: DnsQuestion): boolean {
    const type = question.type === "ANY" ? ANY : typeNumber(question.type);
    const kind = question.unicast ? 0x8000 | IN : IN;
    return this.add(0, [() => this.name(question.name), () => numbers16(type, kind)]);
  }

  record(section: Section, record: DnsRecord): boolean {
    const head = Buffer.alloc(10);
    head.writeUInt16BE(TYPE_NUMBERS[record.type], 0);
    head.writeUInt16BE(record.flush ? 0x8000 | IN : IN, 2);
    head.writeUInt32BE(record.ttl, 4);
    const data = this.pieces(record);
    const measured = () => {
      const before = this.bytes.length;
      for (const piece of data) this.append(piece());
      this.bytes.writeUInt16BE(this.bytes.length - before, before - 2);
      return Buffer.alloc(0);
    };
    return this.add(1 + ORDER.indexOf(section), [() => this.name(record.name), () => head, measured]);
  }

  widen(limitBytes: number): this {
    this.limit = limitBytes;
    return this;
  }

  /** Says that more known answers follow, or that not all answers found room. */
  truncated(): void {
    this.bytes.writeUInt16BE(this.bytes.readUInt16BE(2) | 0x0200, 2);
  }

  get empty(): boolean {
    return this.bytes.length === HEADER_BYTES;
  }

  get length(): number {
    return this.bytes.length;
  }

  packet(): Uint8Array {
    return this.bytes;
  }

  private add(count: number, pieces: readonly (() => Uint8Array)[]): boolean {
    const [before, names] = [this.bytes, [...this.seen]];
    for (const piece of pieces) this.append(piece());
    if (this.bytes.length > this.limit) {
      this.bytes = before;
      this.seen.clear();
      for (const [name, at] of names) this.seen.set(name, at);
      return false;
    }
    this.bytes.writeUInt16BE(this.bytes.readUInt16BE(4 + 2 * count) + 1, 4 + 2 * count);
    return true;
  }

  private append(more: Uint8Array): void {
    this.bytes = Buffer.concat([this.bytes, more]);
  }

  private pieces(record: DnsRecord): (() => Uint8Array)[] {
    if (record.type === "PTR") return [() => this.name(record.data)];
    if (record.type !== "SRV") return [() => plainData(record)];
    const { priority, weight, port, target } = record.data;
    const packed = this.head.plainId === undefined;
    return [() => numbers16(priority, weight, port), () => (packed ? this.name(target) : plainName(target))];
  }

  /** A name at the present end of the packet, its known ending as a pointer; remembers its endings. */
  private name(name: string): Uint8Array {
    const labels = labelsOf(name);
    const parts: Uint8Array[] = [];
    let at = this.bytes.length;
    for (let n = 0; n < labels.length; n++) {
      const ending = folded(labels.slice(n).map(escaped).join("."));
      const known = this.seen.get(ending);
      if (known !== undefined) return Buffer.concat([...parts, numbers16(0xc000 | known)]);
      if (at < 0x4000) this.seen.set(ending, at);
      const part = labelBytes(labels[n]!);
      parts.push(part);
      at += part.length;
    }
    return Buffer.concat([...parts, Buffer.of(0)]);
  }
}

/** A record's data as it is compared when two probe for one name: without compression (section 8.2). */
export function plainData(record: RecordData): Uint8Array {
  if (record.type === "PTR") return plainName(record.data);
  if (record.type === "SRV") {
    const { priority, weight, port, target } = record.data;
    return Buffer.concat([numbers16(priority, weight, port), plainName(target)]);
  }
  if (record.type === "TXT") return Buffer.concat(record.data.flatMap((one) => [Buffer.of(one.length), one]));
  if (record.type === "NSEC") {
    const last = Math.max(...record.data.types.map((type) => TYPE_NUMBERS[type]));
    const bitmap = Buffer.alloc((last >> 3) + 1);
    for (const type of record.data.types) bitmap[TYPE_NUMBERS[type] >> 3]! |= 0x80 >> (TYPE_NUMBERS[type] & 7);
    return Buffer.concat([plainName(record.data.next), Buffer.of(0, bitmap.length), bitmap]);
  }
  return addressBytes(record.data);
}

function plainName(name: string): Uint8Array {
  return Buffer.concat([...labelsOf(name).map(labelBytes), Buffer.of(0)]);
}

function labelBytes(label: string): Uint8Array {
  const text = Buffer.from(label);
  if (text.length > 63) throw new Error("a label of a name is longer than 63 bytes");
  return Buffer.concat([Buffer.of(text.length), text]);
}

function addressBytes(address: string): Uint8Array {
  if (isIP(address) === 4) return Uint8Array.from(address.split("."), Number);
  const [left = "", right] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)));
  const [first, last] = [groups(left), groups(right ?? "")];
  return numbers16(...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last);
}

function typeNumber(type: string): number {
  return TYPE_NUMBERS[type as DnsType] ?? Number(type.slice("TYPE".length));
}

function numbers16(...numbers: number[]): Buffer {
  const bytes = Buffer.alloc(numbers.length * 2);
  numbers.forEach((number, at) => bytes.writeUInt16BE(number, at * 2));
  return bytes;
}
