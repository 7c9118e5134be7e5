/** Each limit on what others may take of a box: it is reached, it holds, and those who are honest do not feel it. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  COMMUNITY,
  identity,
  NOW_MS,
  put,
  pushed,
  receive,
  receiveFrom,
  sha256,
  signed,
  verifyEd25519,
  World,
} from "./boxes.test.ts";
import { at, Community, who } from "./community.test.ts";
import {
  AUTHOR_BYTES_CROWDED,
  AUTHOR_PUSH_BURST,
  AUTHOR_SYNC_BURST,
  AUTHOR_SYNC_PER_SECOND,
  BODY_MAX_BYTES,
  CHECKS_PER_STEP_MAX,
  CROWDED_SHARE,
  EQUIVOCATORS_MAX,
  JOIN_CHECKS,
  PEER_CHECKS_BURST,
  PEER_CHECKS_PER_SECOND,
  PEER_FORGERIES_BURST,
  PEER_FORGERIES_PER_SECOND,
  RECORDS_PER_MESSAGE_MAX,
  STRANGERS_PER_VOUCHER_MAX,
  SYNC_UNKNOWN_PER_USELESS,
  SYNC_USELESS_RECORDS_MAX,
  WAITING_PER_PEER_MAX,
} from "./constants.ts";
import { checksOf } from "./intake-rates.ts";
import { signRecord, type SignedRecord } from "./record.ts";
import type { Records } from "./records.ts";
import type { Via } from "./step.ts";
import type { SyncAnswer } from "./sync-messages.ts";
import { TokenBuckets } from "./token-buckets.ts";
import { WorkQueue } from "./work-queue.ts";

const SECOND_MS = 1000;
const JUNK = "A".repeat(86);

function setUp() {
  const world = new World();
  const alice = world.add(identity("alice"));
  let checks = 0;
  const verify = (key: Uint8Array, bytes: Uint8Array, signature: Uint8Array) => {
    checks++;
    return verifyEd25519(key, bytes, signature);
  };
  const records = world.records(world.add(identity("self")), {}, { verify });
  return { world, alice, records, checks: () => checks };
}

/** Forged: in the name of alice, each another one. */
function forged(author: string, from: number, count: number): SignedRecord[] {
  const base = signed(identity("mallory"), { seq: 1, author });
  return Array.from({ length: count }, (_, n) => ({ ...base, seq: from + n, key: `k${from + n}`, sig: JUNK }));
}

/** Gives in messages of the permitted size. */
function give(from: string, records: Records, list: unknown[], nowMs: number, via: Via): void {
  for (let i = 0; i < list.length; i += RECORDS_PER_MESSAGE_MAX)
    receiveFrom(from, records, list.slice(i, i + RECORDS_PER_MESSAGE_MAX), nowMs, via);
}

test("the table of buckets does not grow without end; a bucket gives what it has, and costs what it says", () => {
  const buckets = new TokenBuckets({ burst: 1, perSecond: 1, bucketsMax: 3 });
  for (let i = 0; i < 9; i++) assert.ok(buckets.take(`n${i}`, 0));
  assert.equal(buckets.size, 3);
  assert.ok(!buckets.take("n8", 0));
  assert.ok(buckets.take("n8", SECOND_MS));
  const dear = new TokenBuckets({ burst: 10, perSecond: 1, bucketsMax: 3 });
  assert.ok(dear.has("a", 0, 10) && !dear.has("a", 0, 11));
  assert.ok(dear.take("a", 0, 7) && !dear.take("a", 0, 7) && dear.has("a", 0, 3));
  assert.ok(dear.take("a", 4 * SECOND_MS, 7));
  // A clock that is set back gives nothing, and takes nothing away.
  assert.ok(!dear.has("a", -SECOND_MS) && dear.has("a", 5 * SECOND_MS));
});

test("a queue keeps its order while things are taken and put back", () => {
  const queue = new WorkQueue<number>();
  for (let n = 0; n < 3000; n++) queue.push(n);
  const first = queue.takeUpTo(2500);
  queue.putBack(first.slice(2000));
  queue.putBack([-2, -1]);
  assert.equal(queue.length, 3000 - 2500 + 500 + 2);
  const rest = queue.takeUpTo(9999);
  assert.deepEqual(rest, [-2, -1, ...Array.from({ length: 1000 }, (_, n) => 2000 + n)]);
  assert.equal(queue.take(), undefined);
  queue.putBack([7]);
  queue.clear();
  assert.equal(queue.length, 0);
});

test("pushes are limited by author; forgeries do not use up its share", () => {
  const { alice, records } = setUp();
  give("mallory", records, forged(alice.id, 500, PEER_FORGERIES_BURST), NOW_MS, "push");
  const many = Array.from({ length: AUTHOR_PUSH_BURST + 5 }, (_, i) => signed(alice, { seq: i + 1, key: `k${i}` }));
  assert.equal(pushed(receive(records, many, NOW_MS, "push")).length, AUTHOR_PUSH_BURST);
  assert.equal(records.stats().refused.rate, 5);
  assert.equal(pushed(receive(records, many, NOW_MS + 3 * SECOND_MS, "push")).length, 3);
  assert.equal(pushed(receive(records, many, NOW_MS + 3 * SECOND_MS, "sync")).length, 2, "the rest is brought");
});

test("what reconciliation brings of one author is limited, too, before a signature is looked at", () => {
  const { world, alice, records, checks } = setUp();
  const all = Array.from({ length: AUTHOR_SYNC_BURST + 50 }, (_, i) =>
    signed(alice, { seq: i + 1, key: `k${i % 90}` }),
  );
  give("relay", records, all, NOW_MS, "sync");
  assert.deepEqual([checks(), records.stats().accepted], [AUTHOR_SYNC_BURST, AUTHOR_SYNC_BURST]);
  give("another", records, all.slice(-50), NOW_MS, "offer");
  assert.equal(checks(), AUTHOR_SYNC_BURST, "whoever brings it");
  give("relay", records, all.slice(-50), NOW_MS + 5 * SECOND_MS, "sync");
  assert.equal(records.stats().accepted, AUTHOR_SYNC_BURST + 5 * AUTHOR_SYNC_PER_SECOND);
  const bob = world.add(identity("bob"));
  receiveFrom("relay", records, [signed(bob, { seq: 1 })], NOW_MS, "sync");
  assert.equal(records.ofAuthor(bob.id).length, 1, "others are not concerned");
});

test("signatures of what a neighbour sends unasked are limited; what we ask for is not", () => {
  const { world, records, checks } = setUp();
  const crowd = Array.from({ length: 24 }, (_, n) => world.add(identity(`crowd ${n}`)));
  const list = Array.from({ length: PEER_CHECKS_BURST + 600 }, (_, n) =>
    signed(crowd[n % crowd.length]!, { seq: n + 1, key: `k${n % 90}` }),
  );
  give("busy", records, list, NOW_MS, "offer");
  assert.equal(checks(), PEER_CHECKS_BURST);
  give("busy", records, list.slice(-600), NOW_MS + SECOND_MS, "push");
  assert.equal(checks(), PEER_CHECKS_BURST + PEER_CHECKS_PER_SECOND, "pushed or offered");
  const before = checks();
  give("busy", records, list.slice(-100), NOW_MS + SECOND_MS, "sync");
  assert.equal(checks(), before + 100);
});

test("who sends bad signatures is not listened to for a while; others are", () => {
  for (const via of ["push", "offer", "sync"] as const) {
    const { alice, records, checks } = setUp();
    give("mallory", records, forged(alice.id, 1, 500), NOW_MS, via);
    assert.equal(checks(), PEER_FORGERIES_BURST, via);
    assert.equal(records.stats().refused["bad-signature"], PEER_FORGERIES_BURST);
    receiveFrom("mallory", records, [signed(alice, { seq: 900 })], NOW_MS, via);
    assert.equal(records.ofAuthor(alice.id).length, 0);
    receiveFrom("honest", records, [signed(alice, { seq: 900 })], NOW_MS, via);
    assert.equal(records.ofAuthor(alice.id).length, 1);
    const laterMs = NOW_MS + SECOND_MS / PEER_FORGERIES_PER_SECOND;
    receiveFrom("mallory", records, [signed(alice, { seq: 901 })], laterMs, via);
    assert.equal(records.ofAuthor(alice.id)[0]!.seq, 901, "later again");
  }
});

function answerOf(list: unknown[]): SyncAnswer {
  const none = { nodes: [], answered: 0, cut: false, want: [], fetched: 0, next: null, large: [] };
  return { compared: 1, ...none, records: list };
}

/** Numbers whose texts are in the same order. */
function inLetters(number: number): string {
  return [676, 26, 1].map((unit) => String.fromCharCode(97 + (Math.floor(number / unit) % 26))).join("");
}

test("a session with a forger ends, and so does one that brings nothing of use", () => {
  const { alice, records } = setUp();
  const session = records.startSync();
  session.next();
  const answer = answerOf(forged(alice.id, 1, PEER_FORGERIES_BURST));
  records.step(NOW_MS, { type: "syncAnswer", session, answer, from: "mallory" });
  assert.deepEqual(session.state, { state: "done", outcome: "protocol" });
  for (const [isKnown, limit] of [
    [true, SYNC_USELESS_RECORDS_MAX],
    [false, SYNC_USELESS_RECORDS_MAX * SYNC_UNKNOWN_PER_USELESS],
  ] as const) {
    const useless = records.startSync();
    let brought = 0;
    while (useless.state.state !== "done") {
      const { compare } = useless.next()!;
      const first: SyncAnswer["nodes"] = compare.map(([prefix]) => [prefix, "inner", [["a", JUNK.slice(0, 16)]]]);
      const next = compare.length ? null : `a${inLetters(useless.rounds)}`.padEnd(52, "a");
      const list = Array.from({ length: RECORDS_PER_MESSAGE_MAX }, () => ({}));
      useless.took(isKnown ? 0 : 1, isKnown ? 0 : list.length - 1);
      useless.answered({ ...answerOf(list), compared: compare.length, nodes: first, next }, []);
      brought += list.length;
    }
    assert.deepEqual(useless.state, { state: "done", outcome: "useless" });
    assert.ok(brought > limit && brought < limit * 1.3, `${brought}`);
  }
});

test("a record that comes before its author waits, of each neighbour a bounded number", () => {
  const { records } = setUp();
  const stranger = identity("stranger");
  const list = Array.from({ length: WAITING_PER_PEER_MAX + 9 }, (_, n) => signed(stranger, { seq: n + 1 }));
  give("busy", records, list, NOW_MS, "sync");
  assert.equal(records.stats().waiting, WAITING_PER_PEER_MAX);
  receiveFrom("other", records, [signed(identity("late"), { seq: 1 })], NOW_MS, "sync");
  assert.equal(records.stats().waiting, WAITING_PER_PEER_MAX + 1);
});

test("waiting costs no signatures, and what will never be good does not wait", () => {
  const community = new Community("open");
  const admission = community.admission();
  const newcomer = who("ann");
  const good = community.body(newcomer, [community.welcome(community.founder, newcomer, 1)]);
  const bad = { ...good, welcomes: [{ ...good.welcomes[0]!, atMs: at(0) }] };
  const later = { ...good, welcomes: [community.welcome(who("ben"), newcomer, 1)] };
  let checks = 0;
  const verify = (key: Uint8Array, bytes: Uint8Array, signature: Uint8Array) => {
    checks++;
    return verifyEd25519(key, bytes, signature);
  };
  const records = new World().records(
    identity("self"),
    { community: community.id },
    {
      verify,
      publicKeyOf: (author, record) => admission.publicKeyOf(author, record),
      mayWrite: (author, record) => admission.mayWrite(author, record),
    },
  );
  const join = (body: object) => community.add(newcomer, "join", "self", body);
  receive(records, [join(later)]);
  for (let n = 0; n < 9; n++) records.step(NOW_MS, { type: "recheck" });
  assert.deepEqual([records.stats().waiting, checks], [1, 0]);
  receive(records, [join(bad)]);
  assert.deepEqual([records.stats().waiting, records.stats().refused["bad-signature"]], [1, 1]);
  receive(records, [join(good)]);
  assert.equal(records.ofAuthor(newcomer.id).length, 1);
  assert.equal(checksOf(join(good)), JOIN_CHECKS);
  assert.ok(CHECKS_PER_STEP_MAX > JOIN_CHECKS);
});

test("a member cannot fill the others with strangers that it welcomed", () => {
  const community = new Community("invitation");
  const admission = community.admission();
  const isTaken = (box: ReturnType<typeof who>, sponsor = community.founder) => {
    const record = community.join(box, sponsor, 5);
    const may = admission.mayWrite(box.id, record);
    if (may === true) admission.apply([{ author: box.id, kind: "join", key: "self", record }]);
    return may;
  };
  // Without an invitation none of them is a member, but each is well vouched for.
  const crowd = Array.from({ length: STRANGERS_PER_VOUCHER_MAX + 3 }, (_, n) => who(`stranger ${n}`));
  const answers = crowd.map((box) => isTaken(box));
  assert.deepEqual(answers.slice(-4), [true, "full", "full", "full"]);
  assert.equal(admission.view()!.members.size, 1);
  community.invite(community.founder, "i");
  const invited = who("invited");
  const invitation = community.list.at(-1)!;
  const body = community.body(invited, [community.welcome(community.founder, invited, 9)], invitation, "i");
  const record = community.add(invited, "join", "self", body);
  admission.apply([{ author: invitation.author, kind: "invitation", key: invitation.key, record: invitation }]);
  assert.equal(admission.mayWrite(invited.id, record), true, "who will be a member is no stranger");
});

test("when the room gets scarce it is for those who need little", () => {
  const world = new World();
  const [greedy, other] = [world.add(identity("greedy")), world.add(identity("other"))];
  const totalBytesMax = 200_000;
  const records = world.records(identity("self"), { totalBytesMax });
  const big = Array.from({ length: 60 }, (_, n) =>
    signed(greedy, { seq: n + 1, kind: "big", key: `k${n}` }, "x".repeat(BODY_MAX_BYTES - 2)),
  );
  receive(records, big);
  const { bytes, refused } = records.stats();
  assert.ok(bytes > totalBytesMax * CROWDED_SHARE - 5000 && bytes <= totalBytesMax * CROWDED_SHARE, `${bytes}`);
  assert.ok(refused.full > 0 && bytes > AUTHOR_BYTES_CROWDED);
  receive(records, [signed(other, { seq: 1, kind: "big" }, "y".repeat(4000))]);
  assert.equal(records.ofAuthor(other.id).length, 1);
  assert.equal(pushed(put(records, "own", 1)).length, 1);
});

test("of many who number twice a bounded number is reported", () => {
  const world = new World();
  const records = world.records(identity("self"));
  let reported = 0;
  for (let n = 0; n < EQUIVOCATORS_MAX + 3; n++) {
    const box = world.add(identity(`twice ${n}`));
    const effects = [
      ...receive(records, [signed(box, { seq: 1 }, 1)]),
      ...receive(records, [signed(box, { seq: 1 }, 2)]),
    ];
    reported += effects.filter((effect) => effect.type === "equivocation").length;
  }
  assert.equal(reported, EQUIVOCATORS_MAX);
});

test("an own number is noted also of a record that is too old or dated ahead", () => {
  const { world } = setUp();
  const self = identity("self");
  for (const fields of [{ timeMs: NOW_MS + 9e9 }, { timeMs: NOW_MS - 2, untilMs: NOW_MS - 1 }]) {
    const reborn = world.records(self, { adoptFirst: true });
    const base = { author: self.id, seq: 77, kind: "note", key: "k", timeMs: NOW_MS, floor: 1, untilMs: null, body: 1 };
    const old = signRecord({ ...base, ...fields }, COMMUNITY, self.sign, sha256).record;
    receive(reborn, [old, { ...old, seq: 99 }]);
    reborn.step(NOW_MS, { type: "adopted", asked: true });
    assert.equal(pushed(put(reborn, "a", 1))[0]!.seq, 78, "a forged one says nothing");
  }
});
