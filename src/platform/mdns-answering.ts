/**
 * Answers questions on one interface: whether by multicast or unicast, when, and how much. Sources: RFC 6762
 * (sections 5.4, 6, 6.7, 7.1, 7.2, 10.1).
 *
 * Multicast answers wait in one list until they are due, so that several questions are answered at once and no record
 * goes out twice in a second.
 */
import type { Clock } from "../kernel/clock.ts";
import type { Random } from "../kernel/random.ts";
import {
  MDNS_ANSWER_DELAY_MAX_MS,
  MDNS_ANSWER_DELAY_MIN_MS,
  MDNS_DEFENCE_PAUSE_MS,
  MDNS_HELD_ANSWERS_MAX,
  MDNS_HELD_QUERIES_MAX,
  MDNS_MORE_DELAY_MAX_MS,
  MDNS_MORE_DELAY_MIN_MS,
  MDNS_MULTICAST_BYTES_PER_S_MAX,
  MDNS_PLAIN_BYTES,
  MDNS_PLAIN_TTL_S,
  MDNS_RECORD_PAUSE_MS,
  MDNS_SENT_BYTES_MAX,
  MDNS_UNICASTS_PER_S_MAX,
  MDNS_UNICASTS_PER_SOURCE_S_MAX,
} from "./mdns-constants.ts";
import { folded } from "./mdns-names.ts";
import { createRates } from "./mdns-rates.ts";
import { PacketWriter } from "./mdns-wire.ts";
import type { DnsPacket, DnsQuestion, DnsRecord } from "./mdns-wire.ts";
import type { Zone } from "./mdns-zone.ts";
import { keyOf } from "./mdns-zone.ts";

export interface PacketSource {
  address: string;
  port: number;
}

export interface AnsweringNeeds {
  clock: Clock;
  random: Random;
  /** The port of mDNS: who asks from another one is a plain resolver. */
  port: number;
  zone: () => Zone;
  /** A record that tells who speaks; every packet with a SRV carries it. */
  mark: () => DnsRecord | undefined;
  /** To all without `to`. */
  send: (packet: Uint8Array, to?: PacketSource) => void;
}

export interface Answering {
  query(packet: DnsPacket, from: PacketSource): void;
  /** Another host took leave for these: those that are ours are said again, so that nobody forgets them. */
  rescue(gone: readonly DnsRecord[]): void;
  /** Multicasts records at once: announcements and goodbyes. */
  say(answers: readonly DnsRecord[]): void;
  /** Questions that got no answer because too many were asked. */
  dropped(): number;
  stop(): void;
}

interface Held {
  questions: DnsQuestion[];
  known: DnsRecord[];
  cancel: () => void;
}

export function createAnswering(needs: AnsweringNeeds): Answering {
  const { clock, random, send } = needs;
  const pending = new Map<string, { record: DnsRecord; dueMs: number }>();
  /** When each record was last multicast. */
  const lastMs = new Map<string, number>();
  const held = new Map<string, Held>();
  const unicasts = createRates(MDNS_UNICASTS_PER_SOURCE_S_MAX, MDNS_UNICASTS_PER_S_MAX);
  let bytesLeft = MDNS_MULTICAST_BYTES_PER_S_MAX;
  let filledMs = 0;
  let dropped = 0;
  let cancelFlush = () => {};

  const between = (minMs: number, maxMs: number) => minMs + random.float() * (maxMs - minMs);

  const say = (answers: readonly DnsRecord[], additionals: readonly DnsRecord[] = []) => {
    const nowMs = clock.monotonicMs();
    for (const packet of responsePackets(answers, additionals, needs.mark())) {
      bytesLeft -= packet.length;
      send(packet);
    }
    for (const [key, ms] of lastMs) if (nowMs - ms > LAST_KEPT_MS) lastMs.delete(key);
    for (const record of [...answers, ...additionals]) lastMs.set(keyOf(record), nowMs);
  };

  const refill = () => {
    const nowMs = clock.monotonicMs();
    const grown = bytesLeft + ((nowMs - filledMs) / 1000) * MDNS_MULTICAST_BYTES_PER_S_MAX;
    bytesLeft = Math.min(grown, MDNS_MULTICAST_BYTES_PER_S_MAX);
    filledMs = nowMs;
  };

  const flush = () => {
    refill();
    const nowMs = clock.monotonicMs();
    const due = [...pending].filter(([, { dueMs }]) => dueMs <= nowMs);
    if (bytesLeft > 0 && due.length > 0) {
      for (const [key] of due) pending.delete(key);
      const zone = needs.zone();
      // What was withdrawn in between is not said again.
      const answers = due.map(([, { record }]) => record).filter((one) => one.type === "NSEC" || zone.has(one));
      const rested = (one: DnsRecord) => nowMs - (lastMs.get(keyOf(one)) ?? -Infinity) >= MDNS_RECORD_PAUSE_MS;
      if (answers.length > 0) say(answers, zone.additionals(answers).filter(rested));
    }
    plan();
  };
  const plan = () => {
    cancelFlush();
    if (pending.size === 0) return;
    const nextMs = Math.min(...[...pending.values()].map((one) => one.dueMs));
    const poorMs = bytesLeft > 0 ? 0 : (-bytesLeft / MDNS_MULTICAST_BYTES_PER_S_MAX) * 1000 + 1;
    cancelFlush = clock.after(Math.max(nextMs - clock.monotonicMs(), poorMs), flush);
  };
  const pend = (record: DnsRecord, delayMs: number, pauseMs: number) => {
    const key = keyOf(record);
    const nowMs = clock.monotonicMs();
    const dueMs = Math.max(nowMs + delayMs, (lastMs.get(key) ?? -Infinity) + pauseMs);
    pending.set(key, { record, dueMs: Math.min(dueMs, pending.get(key)?.dueMs ?? Infinity) });
  };

  const mayTell = (to: PacketSource) => unicasts.allow(to.address, clock.monotonicMs());

  /** By multicast, but for questions that would take unicast and records that all have heard not long ago. */
  const answer = (
    questions: readonly DnsQuestion[],
    packet: Partial<DnsPacket>,
    from: PacketSource,
    waited: boolean,
  ) => {
    const zone = needs.zone();
    const nowMs = clock.monotonicMs();
    const known = new Map((packet.answers ?? []).map((one) => [keyOf(one), one.ttl]));
    const probed = new Set((packet.authorities ?? []).map((one) => folded(one.name)));
    const wanted = new Map<string, { record: DnsRecord; unicast: boolean; defence: boolean }>();
    for (const question of questions) {
      for (const record of zone.answers(question)) {
        const key = keyOf(record);
        if ((known.get(key) ?? 0) >= record.ttl / 2) continue;
        const recent = nowMs - (lastMs.get(key) ?? -Infinity) < (record.ttl * 1000) / 4;
        const unicast = question.unicast && recent && (wanted.get(key)?.unicast ?? true);
        wanted.set(key, { record, unicast, defence: probed.has(folded(question.name)) });
      }
    }
    const found = [...wanted.values()];
    const alone = found.filter((one) => one.unicast).map((one) => one.record);
    const packets = responsePackets(alone, zone.additionals(alone), needs.mark());
    // Who asked too often, or for much, hears it together with all others: then no more than once a second.
    const single = packets.length === 1 && mayTell(from);
    if (single) send(packets[0]!, from);
    const shared = found.some((one) => !one.record.flush);
    const delayMs = shared && !waited ? between(MDNS_ANSWER_DELAY_MIN_MS, MDNS_ANSWER_DELAY_MAX_MS) : 0;
    for (const { record, unicast, defence } of found)
      if (!unicast || !single) pend(record, delayMs, defence ? MDNS_DEFENCE_PAUSE_MS : MDNS_RECORD_PAUSE_MS);
    plan();
  };

  /** The query goes on in further packets: wait for their known answers. */
  const hold = (packet: DnsPacket, from: PacketSource) => {
    const before = held.get(from.address);
    if (!before && held.size >= MDNS_HELD_QUERIES_MAX) return answer(packet.questions, packet, from, false);
    before?.cancel();
    const questions = [...(before?.questions ?? []), ...packet.questions].slice(0, MDNS_HELD_ANSWERS_MAX);
    const known = [...(before?.known ?? []), ...packet.answers].slice(0, MDNS_HELD_ANSWERS_MAX);
    const cancel = clock.after(between(MDNS_MORE_DELAY_MIN_MS, MDNS_MORE_DELAY_MAX_MS), () => {
      held.delete(from.address);
      answer(questions, { answers: known }, from, true);
    });
    held.set(from.address, { questions, known, cancel });
  };

  return {
    query(asked, from) {
      const packet = { ...asked, questions: distinct(asked.questions) };
      if (from.port !== needs.port) {
        const reply = plainReply(packet, needs.zone());
        if (reply && mayTell(from)) send(reply, from);
        else if (reply) dropped++;
      } else if (packet.truncated || (packet.questions.length === 0 && held.has(from.address))) hold(packet, from);
      else answer(packet.questions, packet, from, false);
    },
    rescue(gone) {
      const keys = new Set(gone.map(keyOf));
      for (const record of needs.zone().all()) {
        if (!keys.has(keyOf(record))) continue;
        pend(record, between(MDNS_ANSWER_DELAY_MIN_MS, MDNS_ANSWER_DELAY_MAX_MS), MDNS_DEFENCE_PAUSE_MS);
      }
      plan();
    },
    say(answers) {
      refill();
      say(answers);
    },
    dropped: () => dropped,
    stop() {
      cancelFlush();
      for (const { cancel } of held.values()) cancel();
    },
  };
}

/** One packet may ask the same five hundred times. */
function distinct(questions: readonly DnsQuestion[]): DnsQuestion[] {
  return [...new Map(questions.map((one) => [`${one.type} ${folded(one.name)}`, one])).values()];
}

/** Beyond a quarter of the longest life nobody asks when a record was last sent. */
const LAST_KEPT_MS = (4500 * 1000) / 4;

/** As many packets as it takes. A SRV goes with the mark of who speaks. */
function responsePackets(
  answers: readonly DnsRecord[],
  additionals: readonly DnsRecord[],
  mark: DnsRecord | undefined,
): Uint8Array[] {
  const packets: Uint8Array[] = [];
  const room = MDNS_SENT_BYTES_MAX - (mark ? MARK_BYTES : 0);
  let writer = new PacketWriter({ response: true }, room);
  let inside: DnsRecord[] = [];
  const end = () => {
    const bare = mark && inside.some((one) => one.type === "SRV") && !inside.some((one) => keyOf(one) === keyOf(mark));
    if (bare) writer.widen(MDNS_SENT_BYTES_MAX).record("additionals", mark);
    if (!writer.empty) packets.push(writer.packet());
    writer = new PacketWriter({ response: true }, room);
    inside = [];
  };
  const put = (section: "answers" | "additionals", record: DnsRecord) => {
    if (!writer.record(section, record)) {
      end();
      writer.record(section, record);
    }
    inside.push(record);
  };
  for (const record of answers) put("answers", record);
  for (const record of additionals) put("additionals", record);
  end();
  return packets;
}

/** An address record of a host name of ours, uncompressed. */
const MARK_BYTES = 64;

/** One packet, as a unicast server would answer: with id and question, short lives, no flush bits (section 6.7). */
function plainReply(packet: DnsPacket, zone: Zone): Uint8Array | undefined {
  const plain = (record: DnsRecord) => ({ ...record, flush: false, ttl: Math.min(record.ttl, MDNS_PLAIN_TTL_S) });
  const found = packet.questions.flatMap(zone.answers);
  const answers = [...new Map(found.map((one) => [keyOf(one), one])).values()];
  if (answers.length === 0) return undefined;
  const limit = Math.min(Math.max(packet.plainBytes, MDNS_PLAIN_BYTES), MDNS_SENT_BYTES_MAX);
  const writer = new PacketWriter({ response: true, plainId: packet.id }, limit);
  for (const question of packet.questions) writer.question({ ...question, unicast: false });
  const complete = answers.every((one) => writer.record("answers", plain(one)));
  if (!complete) writer.truncated();
  else zone.additionals(answers).every((one) => writer.record("additionals", plain(one)));
  return writer.packet();
}
