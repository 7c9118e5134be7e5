/**
 * 100,000 spoiled, forged, replayed and equivocating records through the whole way that a record goes: text, checks,
 * admission, merge, SQLite. Real Ed25519 and SHA-256. Nothing throws, memory stays within bounds, nothing is taken
 * that its author did not sign, and afterwards the box holds just what one holds that never saw any of it.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { seededRandom } from "../../src/kernel/random.ts";
import type { Random } from "../../src/kernel/random.ts";
import { newIdentity } from "../../src/platform/identity.ts";
import type { Identity } from "../../src/platform/identity.ts";
import { openStore } from "../../src/platform/store.ts";
import { toBase64url } from "../../src/protocols/records/base64url.ts";
import type { Json } from "../../src/protocols/records/canonical-json.ts";
import {
  BODY_MAX_BYTES,
  LIVE_PER_AUTHOR_MAX,
  RECORDS_PER_MESSAGE_MAX,
  WAITING_MAX,
} from "../../src/protocols/records/constants.ts";
import { welcomeBytes } from "../../src/protocols/records/membership-facts.ts";
import { hold, signRecord } from "../../src/protocols/records/record.ts";
import type { SignedRecord } from "../../src/protocols/records/record.ts";
import type { Via } from "../../src/protocols/records/step.ts";
import { recordCrypto } from "../../src/services/mesh/crypto.ts";
import { meshStore } from "../../src/services/mesh/store.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { figure } from "../faults/direct.ts";
import { HostileBox, foundingOf } from "./hostile-box.ts";
import { pick, spoiled } from "./mutate.ts";
import { collectGarbage, heapMiB } from "../../src/platform/heap.fixture.ts";

const COUNT = Number(process.env["HOSTILE_RECORDS"] ?? 100_000);
const SEED = 20_261_120;
const PER_MESSAGE = 50;
const NEIGHBOURS = 5_000;
const HEAP_GROWTH_MIB_MAX = 24;
const NOW_MS = Date.UTC(2026, 10, 20);
const DAY_MS = 86_400_000;
const WAYS: readonly Via[] = ["push", "offer", "sync"];
const { sha256 } = recordCrypto;

/** Everything that somebody signed, by content: all that may ever be taken. */
class Signers {
  readonly community: string;
  readonly genesis: SignedRecord;
  readonly founder = newIdentity();
  readonly members = Array.from({ length: 6 }, newIdentity);
  readonly strangers = Array.from({ length: 4 }, newIdentity);
  readonly signed: SignedRecord[] = [];
  readonly #refs = new Set<string>();
  readonly #seqs = new Map<string, number>();

  constructor() {
    ({ genesis: this.genesis, community: this.community } = foundingOf(this.founder, NOW_MS - 40 * DAY_MS));
    this.#keep(this.genesis);
    this.#seqs.set(this.founder.boxId, 1);
    for (const member of this.members) this.sign(member, { kind: "join", key: "self", body: this.#join(member) });
    this.sign(this.founder, { kind: "steward", key: this.members[0]!.boxId, body: { atMs: NOW_MS - DAY_MS } });
    for (const who of [this.founder, ...this.members])
      for (let n = 0; n < 6; n++)
        this.sign(who, { key: `k${n}`, body: n === 5 ? null : { title: `Ràdio ${n}`, port: 8080 + n } });
  }

  isSigned(record: SignedRecord): boolean {
    const read = hold(record, this.community, sha256);
    return "held" in read && this.#refs.has(`${record.author} ${read.held.ref}`);
  }

  sign(who: Identity, wish: Partial<SignedRecord>, community = this.community): SignedRecord {
    const seq = wish.seq ?? (this.#seqs.get(who.boxId) ?? 0) + 1;
    this.#seqs.set(who.boxId, Math.max(seq, this.#seqs.get(who.boxId) ?? 0));
    const base = {
      author: who.boxId,
      seq,
      kind: "note",
      key: "k",
      timeMs: NOW_MS,
      floor: 1,
      untilMs: null,
      body: 1 as Json,
    };
    const { record } = signRecord({ ...base, ...wish }, community, who.sign, sha256);
    if (community === this.community) this.#keep(record);
    return record;
  }

  #join(who: Identity): Json {
    const atMs = NOW_MS - 20 * DAY_MS;
    const sig = toBase64url(this.founder.sign(welcomeBytes(this.community, who.boxId, atMs, "member")));
    const welcome = { by: this.founder.boxId, byKey: toBase64url(this.founder.publicKey), atMs, as: "member", sig };
    return { key: toBase64url(who.publicKey), welcomes: [welcome] };
  }

  #keep(record: SignedRecord): void {
    this.signed.push(record);
    const read = hold(record, record.kind === "community" ? "" : this.community, sha256);
    if ("held" in read) this.#refs.add(`${record.author} ${read.held.ref}`);
  }
}

/** What a hostile box sends next, as text: spoiled by hand, or signed by somebody who should not have. */
function next(signers: Signers, honest: number, random: Random): string {
  const of = () => signers.signed[random.below(random.below(5) > 0 ? honest : signers.signed.length)]!;
  const text = () => JSON.stringify(of());
  const member = () => pick(signers.members, random);
  const roll = random.below(100);
  // Old ones again.
  if (roll < 8) return text();
  if (roll < 89) return spoiled(text(), text(), random);
  const old = of();
  const seq = old.seq;
  switch (roll) {
    case 89:
      // An honest change.
      return JSON.stringify(signers.sign(member(), { key: `k${random.below(6)}`, body: { n: random.below(1000) } }));
    case 90:
      // Two contents of one number, both well signed.
      return JSON.stringify(signers.sign(member(), { seq: 3, key: "k2", body: { twice: random.below(20) } }));
    case 91:
      return JSON.stringify(signers.sign(member(), { body: 1 }, "another"));
    case 92:
      return JSON.stringify(signers.sign(pick(signers.strangers, random), { seq, body: { n: random.below(9) } }));
    case 93:
      return JSON.stringify(
        signers.sign(signers.members[5]!, { seq: 20 + random.below(8), timeMs: NOW_MS + 30 * DAY_MS }),
      );
    case 94:
      return JSON.stringify(
        signers.sign(signers.members[5]!, { seq: 30 + random.below(8), timeMs: 1, untilMs: NOW_MS - 1 }),
      );
    case 95:
      // By a member, in the founder's name.
      return JSON.stringify({ ...signers.sign(member(), { seq: 2 }), author: signers.founder.boxId });
    case 96:
      // No steward, who rules all the same: well signed, taken as a record, and of no effect.
      return JSON.stringify(
        signers.sign(signers.members[3]!, {
          ...{ seq: 40, kind: "exclude", key: signers.founder.boxId },
          body: { reason: "", lastSeq: 0, atMs: NOW_MS - DAY_MS },
        }),
      );
    case 97:
      return JSON.stringify({ ...old, body: "x".repeat(BODY_MAX_BYTES) });
    default:
      return JSON.stringify({ ...old, seq: seq + random.below(5), sig: toBase64url(random.bytes(64)) });
  }
}

test(`${COUNT} hostile records: nothing is taken that its author did not sign`, { timeout: 180_000 }, () => {
  const random = seededRandom(SEED);
  const signers = new Signers();
  const honest = signers.signed.slice();
  const rows = meshStore(openStore(join(temporaryFolder("hostile"), "comu.db")));
  const box = new HostileBox(signers, rows);
  box.give(honest, "first", "sync", NOW_MS);
  assert.equal(box.membership().members.size, 1 + signers.members.length);
  collectGarbage();
  const startMiB = heapMiB();
  const started = process.cpuUsage();
  let notJson = 0;
  let bytes = 0;
  let nowMs = NOW_MS;
  let worstMs = 0;
  for (let sent = 0; sent < COUNT;) {
    const values: unknown[] = [];
    for (let n = 0; n < PER_MESSAGE && sent < COUNT; n++, sent++) {
      const text = next(signers, honest.length, random);
      bytes += text.length;
      try {
        values.push(JSON.parse(text));
      } catch {
        notJson++;
      }
    }
    nowMs += 40;
    const atMs = performance.now();
    box.give(values, `neighbour ${random.below(NEIGHBOURS)}`, pick(WAYS, random), nowMs);
    worstMs = Math.max(worstMs, performance.now() - atMs);
    if (random.below(100) === 0) box.step({ type: "tick" }, nowMs);
  }
  const cpuMs = process.cpuUsage(started).user / 1000;
  const stats = box.core.stats();
  collectGarbage();
  const grownMiB = heapMiB() - startMiB;
  const stored = [...rows.records()] as SignedRecord[];
  for (const record of stored) assert.ok(signers.isSigned(record), JSON.stringify(record));
  assert.equal(stored.length, stats.records);
  assert.ok(stats.authors <= 1 + signers.members.length + signers.strangers.length);
  assert.ok(stats.records <= stats.authors * (LIVE_PER_AUTHOR_MAX + 3) && stats.waiting <= WAITING_MAX);
  assert.ok(grownMiB < HEAP_GROWTH_MIB_MAX, `${grownMiB.toFixed(0)} MiB more`);
  const membership = box.membership();
  assert.deepEqual(
    [...membership.stewards].sort(),
    [signers.founder, signers.members[0]!].map((who) => who.boxId).sort(),
  );
  assert.equal(membership.excluded.size, 0);
  for (const reason of [
    "malformed",
    "too-large",
    "bad-signature",
    "unknown-author",
    "known",
    "superseded",
    "future",
    "expired",
  ] as const)
    assert.ok(stats.refused[reason] > COUNT / 1000, `${reason}: ${stats.refused[reason]}`);
  assert.ok(stats.equivocations > 0 && box.equivocations.size <= signers.members.length);
  assert.equal(digestAfterAll(signers, box.core.digest(), box), digestAfterAll(signers, "", new HostileBox(signers)));
  const reasons = Object.entries(stats.refused).filter(([, count]) => count > 0);
  figure(
    `${COUNT} hostile records, ${(bytes / 2 ** 20).toFixed(0)} MiB: ${(cpuMs / 1000).toFixed(1)} s CPU, ` +
      `${box.checks} signatures checked, ${stats.accepted} taken, ${notJson} no JSON, ` +
      `${reasons.map(([name, count]) => `${count} ${name}`).join(", ")}; ${stats.equivocations} equivocations; heap ` +
      `${grownMiB.toFixed(1)} MiB more; slowest message of ${PER_MESSAGE}: ${worstMs.toFixed(0)} ms`,
  );
});

/** The digest once all that was ever signed has been brought to the box, in an order of its own. */
function digestAfterAll(signers: Signers, before: string, box: HostileBox): string {
  const random = seededRandom(before === "" ? 1 : 2);
  const shuffled = signers.signed.map((record) => ({ record, at: random.float() })).sort((a, b) => a.at - b.at);
  let nowMs = NOW_MS + DAY_MS;
  for (let turn = 0; turn < 3; turn++)
    for (let at = 0; at < shuffled.length; at += RECORDS_PER_MESSAGE_MAX) {
      const list = shuffled.slice(at, at + RECORDS_PER_MESSAGE_MAX).map(({ record }) => record);
      box.give(list, `honest ${turn} ${at}`, "sync", (nowMs += 600_000));
    }
  return box.core.digest();
}
