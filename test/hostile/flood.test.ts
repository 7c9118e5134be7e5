/**
 * A member makes a million records of its own, sends them itself and through honest neighbours, for minutes without a
 * pause (of virtual time). What it costs is bounded everywhere: signatures looked at, records and bytes held, rows on
 * disk; and what an honest author writes meanwhile is taken at once, each time.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { newIdentity } from "../../src/platform/identity.ts";
import type { Identity } from "../../src/platform/identity.ts";
import { openStore } from "../../src/platform/store.ts";
import { toBase64url } from "../../src/protocols/records/base64url.ts";
import {
  AUTHOR_PUSH_BURST,
  AUTHOR_PUSH_PER_SECOND,
  AUTHOR_SYNC_BURST,
  AUTHOR_SYNC_PER_SECOND,
  BODY_MAX_BYTES,
  LIVE_PER_AUTHOR_MAX,
  PEER_FORGERIES_BURST,
  PEER_FORGERIES_PER_SECOND,
  RECORDS_PER_MESSAGE_MAX,
} from "../../src/protocols/records/constants.ts";
import { welcomeBytes } from "../../src/protocols/records/membership-facts.ts";
import { signRecord } from "../../src/protocols/records/record.ts";
import type { SignedRecord } from "../../src/protocols/records/record.ts";
import type { Via } from "../../src/protocols/records/step.ts";
import { recordCrypto } from "../../src/services/mesh/crypto.ts";
import { meshStore } from "../../src/services/mesh/store.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { figure } from "../faults/direct.ts";
import { HostileBox, foundingOf } from "./hostile-box.ts";
import { collectGarbage, heapMiB } from "../../src/platform/heap.fixture.ts";

const COUNT = Number(process.env["HOSTILE_FLOOD"] ?? 1_000_000);
/** Signing all of them would take longer than refusing them; of these the signatures are good. */
const WELL_SIGNED = 20_000;
const NOW_MS = Date.UTC(2026, 10, 20);
const MESSAGE_EVERY_MS = 100;
const HONEST_EVERY = 50;
const HEAP_GROWTH_MIB_MAX = 24;
/** The hostile box itself, and three honest ones that pass on what it signed. */
const WAYS: readonly [from: string, via: Via][] = [
  ["evil", "push"],
  ["evil", "offer"],
  ["relay 1", "sync"],
  ["relay 2", "sync"],
  ["relay 3", "push"],
];

test(`a million records of one member cost little and displace nobody`, { timeout: 180_000 }, () => {
  const founder = newIdentity();
  const [evil, honest] = [newIdentity(), newIdentity()];
  const founding = foundingOf(founder, NOW_MS - 100_000);
  const { community } = founding;
  const sign = (who: Identity, seq: number, fields: Partial<SignedRecord>, sig?: string): SignedRecord => {
    const base = { author: who.boxId, seq, kind: "note", key: `k${seq}`, timeMs: NOW_MS, floor: 1, untilMs: null };
    const record = { ...base, body: { text: `n${seq}` }, ...fields };
    return sig ? { ...record, sig } : signRecord(record, community, who.sign, recordCrypto.sha256).record;
  };
  const joinOf = (who: Identity) => {
    const atMs = NOW_MS - 50_000;
    const sig = toBase64url(founder.sign(welcomeBytes(community, who.boxId, atMs, "member")));
    const welcome = { by: founder.boxId, byKey: toBase64url(founder.publicKey), atMs, as: "member", sig };
    return sign(who, 1, { kind: "join", key: "self", body: { key: toBase64url(who.publicKey), welcomes: [welcome] } });
  };
  const rows = meshStore(openStore(join(temporaryFolder("flood"), "comu.db")));
  const box = new HostileBox(founding, rows);
  box.give([joinOf(evil), joinOf(honest)], "founder", "sync", NOW_MS);
  collectGarbage();
  const startMiB = heapMiB();
  const checksBefore = box.checks;
  const started = process.cpuUsage();
  let [seq, honestSeq, messages, worstMs, nowMs] = [1, 1, 0, 0, NOW_MS];
  const junk = "A".repeat(86);
  for (let sent = 0; sent < COUNT; messages++) {
    const list: SignedRecord[] = [];
    for (; list.length < RECORDS_PER_MESSAGE_MAX && sent < COUNT; sent++) {
      seq++;
      list.push(sign(evil, seq, { kind: `flood${seq % 9}`, timeMs: nowMs }, sent < WELL_SIGNED ? undefined : junk));
    }
    // Honest boxes pass on nothing that they could not check.
    const ways = sent <= WELL_SIGNED ? WAYS : WAYS.slice(0, 2);
    const [from, via] = ways[messages % ways.length]!;
    const before = process.cpuUsage();
    box.give(list, from, via, nowMs);
    const { user, system } = process.cpuUsage(before);
    worstMs = Math.max(worstMs, (user + system) / 1000);
    nowMs += MESSAGE_EVERY_MS;
    if (messages % HONEST_EVERY > 0) continue;
    honestSeq++;
    box.give([sign(honest, honestSeq, { key: "news", timeMs: nowMs })], "relay 1", "push", nowMs);
    assert.equal(box.core.get(honest.boxId, "note", "news")?.seq, honestSeq, "the honest author is heard");
  }
  const cpuMs = process.cpuUsage(started).user / 1000;
  collectGarbage();
  const seconds = (nowMs - NOW_MS) / 1000;
  const honestChecks = honestSeq;
  const share = AUTHOR_SYNC_BURST + AUTHOR_PUSH_BURST + (AUTHOR_SYNC_PER_SECOND + AUTHOR_PUSH_PER_SECOND) * seconds;
  const forgeries = PEER_FORGERIES_BURST + PEER_FORGERIES_PER_SECOND * seconds;
  const checks = box.checks - checksBefore;
  assert.ok(checks <= share + forgeries + honestChecks, `${checks} signatures were looked at`);
  const held = box.core.ofAuthor(evil.boxId);
  assert.ok(held.length <= LIVE_PER_AUTHOR_MAX + 1 && held.length > LIVE_PER_AUTHOR_MAX / 2);
  assert.equal([...rows.records()].length, box.core.stats().records);
  assert.ok(box.core.stats().bytes < LIVE_PER_AUTHOR_MAX * BODY_MAX_BYTES);
  const grownMiB = heapMiB() - startMiB;
  assert.ok(grownMiB < HEAP_GROWTH_MIB_MAX, `${grownMiB.toFixed(0)} MiB more`);
  assert.ok(box.membership().members.has(evil.boxId), "no flood takes its own join away, on which others may lean");
  figure(
    `a flood of ${COUNT} records in ${seconds} s: ${checks} signatures looked at, ` +
      `${box.core.stats().accepted} taken, ` +
      `${held.length} held, ${box.core.stats().refused.rate} refused for their rate, ${honestSeq - 1} of ` +
      `${honestSeq - 1} honest ones taken at once; ${(cpuMs / 1000).toFixed(1)} s CPU, ` +
      `${(cpuMs / messages).toFixed(1)} ms a message of ${RECORDS_PER_MESSAGE_MAX}, ` +
      `heap ${grownMiB.toFixed(1)} MiB more`,
  );
});
