/**
 * 100,000 spoiled messages of reconciliation, in both directions: requests to a box that answers, answers to a box
 * that asked. Nothing throws, every session ends, answers keep their size, no step takes long, memory stays within
 * bounds, and nothing is taken that its author did not sign.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../src/kernel/random.ts";
import type { Random } from "../../src/kernel/random.ts";
import { newIdentity } from "../../src/platform/identity.ts";
import { MESSAGE_MAX_BYTES } from "../../src/protocols/records/constants.ts";
import { signRecord } from "../../src/protocols/records/record.ts";
import type { SignedRecord } from "../../src/protocols/records/record.ts";
import type { SyncSession } from "../../src/protocols/records/sync-session.ts";
import { recordCrypto } from "../../src/services/mesh/crypto.ts";
import { figure } from "../faults/direct.ts";
import { HostileBox, foundingOf } from "./hostile-box.ts";
import { collectGarbage, heapMiB } from "../../src/platform/heap.fixture.ts";
import { pick, spoiledDeeply } from "./mutate.ts";

const COUNT = Number(process.env["HOSTILE_MESSAGES"] ?? 100_000);
const SEED = 11;
const NOW_MS = Date.UTC(2026, 10, 20);
const NEIGHBOURS = 2_000;
const ROUNDS_PER_SESSION_MAX = 40;
const HEAP_GROWTH_MIB_MAX = 24;
/** CPU of the slowest step. */
const STEP_MS_MAX = 100;

interface Exchange {
  request: unknown;
  answer: unknown;
}

/** The founder alone writes: 120 records, so that sessions have something to say. */
function community() {
  const founder = newIdentity();
  const founding = foundingOf(founder, NOW_MS - 1000);
  const records = Array.from({ length: 120 }, (_none, n) => {
    const fields = { author: founder.boxId, seq: n + 2, kind: "note", key: `k${n}`, timeMs: NOW_MS, floor: 1 };
    return signRecord({ ...fields, untilMs: null, body: { n } }, founding.community, founder.sign, recordCrypto.sha256);
  });
  return { founding, records: records.map(({ record }) => record) };
}

/** Every message of honest sessions between boxes that hold different things. */
function honestExchanges(): { exchanges: Exchange[]; make: () => HostileBox; records: SignedRecord[] } {
  const { founding, records } = community();
  const make = () => new HostileBox(founding);
  const exchanges: Exchange[] = [];
  for (const [ours, theirs] of [
    [records.slice(0, 90), records.slice(30)],
    [[], records],
    [records, []],
    [records.slice(5), records.slice(0, 100)],
  ] as const) {
    const [asker, answerer] = [make(), make()];
    asker.give(ours, "a", "sync", NOW_MS);
    answerer.give(theirs, "b", "sync", NOW_MS);
    const session = asker.core.startSync();
    for (let request = session.next(); request; request = session.next()) {
      const answer = answerOf(answerer, structuredClone(request), "asker", NOW_MS);
      exchanges.push({ request: structuredClone(request), answer: structuredClone(answer) });
      asker.step({ type: "syncAnswer", session, answer, from: "answerer" }, NOW_MS);
    }
  }
  return { exchanges, make, records };
}

function answerOf(box: HostileBox, request: unknown, from: string, nowMs: number): unknown {
  const effects = box.step({ type: "syncRequest", request, from }, nowMs);
  const effect = effects.find((one) => one.type === "syncAnswer");
  return effect?.type === "syncAnswer" ? effect.answer : undefined;
}

/** What a hostile box may put together: a good message, spoiled, or with parts of another one. */
function spoiledMessage(exchanges: Exchange[], side: keyof Exchange, random: Random): unknown {
  const donor = pick(exchanges, random)[random.below(2) ? "request" : "answer"];
  let message = pick(exchanges, random)[side];
  for (let times = 1 + random.below(2); times > 0; times--) message = spoiledDeeply(message, random, donor);
  return message;
}

test(`${COUNT} hostile messages of reconciliation end every session and harm nothing`, { timeout: 180_000 }, () => {
  const random = seededRandom(SEED);
  const { exchanges, make, records } = honestExchanges();
  const box = make();
  box.give(records.slice(0, 60), "first", "sync", NOW_MS);
  const signed = new Set(records.map(({ sig }) => sig));
  collectGarbage();
  const startMiB = heapMiB();
  const started = process.cpuUsage();
  const outcomes = new Map<string, number>();
  let session: SyncSession | undefined;
  let [answered, unanswered, rounds, slow, worstMs, nowMs] = [0, 0, 0, 0, 0, NOW_MS];
  for (let sent = 0; sent < COUNT; sent++) {
    const from = `neighbour ${random.below(NEIGHBOURS)}`;
    nowMs += 20;
    const before = process.cpuUsage();
    if (random.below(2)) {
      const answer = answerOf(box, spoiledMessage(exchanges, "request", random), from, nowMs);
      if (answer === undefined) unanswered++;
      else {
        answered++;
        assert.ok(JSON.stringify(answer).length <= MESSAGE_MAX_BYTES);
      }
    } else {
      // Some sessions go on over several bad answers; each ends by itself.
      if (!session || session.state.state === "done" || rounds > ROUNDS_PER_SESSION_MAX) {
        session = random.below(4) ? box.core.startSync() : box.core.startSync(records[0]!.author);
        rounds = 0;
      }
      const request = session.next();
      // Half of them answer what was asked, nearly.
      const honest = exchanges.find((one) => JSON.stringify(one.request) === JSON.stringify(request));
      const fitting = honest && random.below(2) ? spoiledDeeply(honest.answer, random, honest.request) : undefined;
      const answer = fitting ?? spoiledMessage(exchanges, "answer", random);
      if (request) box.step({ type: "syncAnswer", session, answer, from }, nowMs);
      rounds++;
      const { state } = session;
      if (state.state === "done") outcomes.set(state.outcome, (outcomes.get(state.outcome) ?? 0) + 1);
    }
    const { user, system } = process.cpuUsage(before);
    worstMs = Math.max(worstMs, (user + system) / 1000);
    if ((user + system) / 1000 > STEP_MS_MAX) slow++;
  }
  const cpuMs = process.cpuUsage(started).user / 1000;
  collectGarbage();
  const grownMiB = heapMiB() - startMiB;
  for (const record of box.core.list("note")) assert.ok(signed.has(record.sig), JSON.stringify(record));
  const stats = box.core.stats();
  assert.ok(stats.records <= records.length + 1);
  assert.ok(answered > COUNT / 20 && unanswered > COUNT / 20, `${answered} and ${unanswered}`);
  assert.ok((outcomes.get("protocol") ?? 0) > COUNT / 20, "sessions end");
  assert.ok(grownMiB < HEAP_GROWTH_MIB_MAX, `${grownMiB.toFixed(0)} MiB more`);
  // A collection of garbage falls into some step now and then.
  assert.ok(slow <= COUNT / 1000 && worstMs < 20 * STEP_MS_MAX, `${slow} slow ones, ${worstMs} ms`);
  const ends = [...outcomes].map(([name, count]) => `${count} ${name}`).join(", ");
  figure(
    `${COUNT} hostile messages: ${(cpuMs / 1000).toFixed(1)} s CPU, ${answered} answered, ` +
      `${unanswered} without answer, ` +
      `sessions: ${ends}; ${stats.refused.malformed} malformed, ${stats.refused["bad-signature"]} bad signatures, ` +
      `heap ${grownMiB.toFixed(1)} MiB more, slowest step ${worstMs.toFixed(0)} ms`,
  );
});

test("a box that was fed all that still reconciles with an honest one", () => {
  const random = seededRandom(SEED + 1);
  const { exchanges, make, records } = honestExchanges();
  const [fed, honest] = [make(), make()];
  honest.give(records, "b", "sync", NOW_MS);
  for (let n = 0; n < 3000; n++)
    answerOf(fed, spoiledMessage(exchanges, "request", random), `n${random.below(900)}`, NOW_MS);
  const session = fed.core.startSync();
  for (let request = session.next(); request; request = session.next()) {
    const answer = answerOf(honest, request, "fed", NOW_MS + 60_000);
    fed.step({ type: "syncAnswer", session, answer, from: "honest" }, NOW_MS + 60_000);
  }
  assert.deepEqual(session.state, { state: "done", outcome: "complete" });
  assert.equal(fed.core.digest(), honest.core.digest());
});
