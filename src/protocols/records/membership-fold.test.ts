/** The fold that is kept while records change is that over all of them at once, whatever happened, in any order. */
import assert from "node:assert/strict";
import test from "node:test";
import { leastMs } from "../../kernel/cost.fixture.ts";
import { seededRandom, type Random } from "../../kernel/random.ts";
import type { Json } from "./canonical-json.ts";
import { Admission } from "./admission.ts";
import { at, Community, crypto, publicKey, who } from "./community.test.ts";
import { MembershipFold } from "./membership-fold.ts";
import { readJoin, type AdmissionKind } from "./membership-facts.ts";
import type { Fold } from "./membership-rules.ts";
import type { SignedRecord } from "./record.ts";

const HISTORIES = 1500;
const CHANGES_MAX = 80;
const KEY = "A".repeat(43);
const SIG = "A".repeat(86);
const BOXES = Array.from({ length: 7 }, (_, i) => String.fromCharCode(97 + i).repeat(52));
const [FOUNDER] = BOXES as [string];
/** Few, so that equal times and used-up invitations are frequent. */
const TIMES = 24;

const genesis = record(FOUNDER, 1, "community", "self", {
  ...{ name: "Riu", founderKey: KEY, nonce: "n", createdMs: 1, admission: "open", inviters: "members" },
});

function record(author: string, seq: number, kind: AdmissionKind, key: string, body: object): SignedRecord {
  return { author, seq, kind, key, timeMs: 1, floor: 1, untilMs: null, body: body as Json, sig: SIG };
}

/** Live records by slot, changed at random in ways that boxes can, honest or not. */
class History {
  readonly live = new Map<string, SignedRecord>();
  readonly #random: Random;
  #seq = 1;

  constructor(random: Random) {
    this.#random = random;
  }

  /** One change: what was in a slot, and what is there now. */
  next(): { kind: AdmissionKind; before: SignedRecord | undefined; after: SignedRecord | undefined } {
    const author = this.#box();
    const kind = this.#pick<AdmissionKind>([
      ...Array.from({ length: 6 }, () => "join" as const),
      "invitation",
      "admit",
      "steward",
      "exclude",
      "policy",
    ]);
    const key = kind === "join" || kind === "policy" ? "self" : this.#key(kind);
    const slot = `${kind} ${author} ${key}`;
    const before = this.live.get(slot);
    const goes = before !== undefined && this.#random.float() < 0.2;
    // Now and then signed anew with the same body.
    const body = before && this.#random.float() < 0.2 ? (before.body as object) : this.#body(kind, key);
    const after = goes ? undefined : record(author, ++this.#seq, kind, key, body);
    if (after) this.live.set(slot, after);
    else this.live.delete(slot);
    return { kind, before, after };
  }

  #key(kind: AdmissionKind): string {
    return kind === "invitation" ? this.#pick(["A", "B"]) + KEY.slice(1) : this.#box();
  }

  #body(kind: AdmissionKind, key: string): object {
    const atMs = this.#time();
    switch (kind) {
      case "join":
        return this.#join();
      case "invitation":
        return { expiresMs: this.#time() + 8, uses: 1 + this.#random.below(3), ...this.#maybe({ revokedMs: atMs }) };
      case "admit":
        return { box: this.#random.float() < 0.8 ? key : this.#box(), key: KEY, atMs, sig: SIG };
      case "steward":
        return { atMs, ...this.#maybe({ endedMs: this.#time() }) };
      case "exclude":
        return { reason: "", lastSeq: this.#random.below(2) * this.#random.below(this.#seq + 1), atMs };
      default: {
        const times = [...new Set([atMs, this.#time()])].sort((a, b) => a - b);
        return { terms: times.map((fromMs) => ({ fromMs, ...this.#term() })) };
      }
    }
  }

  #join(): object {
    const welcomes = Array.from({ length: this.#random.below(4) }, () => ({
      ...{ by: this.#box(), byKey: KEY, atMs: this.#time(), sig: SIG },
      as: this.#random.float() < 0.2 ? "steward" : "member",
    }));
    const left = this.#maybe({ leftMs: this.#time() });
    const invitations = [...this.live.values()].filter(({ kind }) => kind === "invitation");
    if (invitations.length === 0 || this.#random.float() < 0.2) return { key: KEY, welcomes, ...left };
    return { key: KEY, welcomes, ...left, invitation: this.#pick(invitations), inviterKey: KEY, proof: SIG };
  }

  #term(): object {
    const admission = this.#pick(["open", "invitation", "invitation", "approval"]);
    return { admission, inviters: this.#pick(["members", "stewards"]) };
  }

  #maybe(field: object): object {
    return this.#random.float() < 0.2 ? field : {};
  }

  /** The first ones more often, so that chains of welcomes hold. */
  #box(): string {
    return BOXES[Math.min(this.#random.below(BOXES.length), this.#random.below(BOXES.length))]!;
  }

  #time(): number {
    return 1 + this.#random.below(TIMES);
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random.below(from.length)]!;
  }
}

function newFold(uncertainMax?: number): MembershipFold {
  return new MembershipFold(genesis, ({ body }) => readJoin(body), uncertainMax);
}

/** What a fold says, in an order of its own. */
function print(fold: Fold): string {
  const entries = (map: Map<string, unknown>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  const { members, joined, excluded, refused, invitations, left, strangersOf, live } = fold;
  const maps = [members, joined, excluded, refused, invitations, left, strangersOf, live].map(entries);
  const used = entries(fold.used).filter(([, count]) => count !== 0);
  return JSON.stringify([maps, used, [...fold.stewards].sort(), [...fold.admitted].sort(), fold.terms, fold.policy]);
}

test(`${HISTORIES} random histories: kept up to date, the fold is that of all records at once, in any order`, () => {
  let members = 0;
  let refusals = new Set<string>();
  for (let seed = 1; seed <= HISTORIES; seed++) {
    const random = seededRandom(seed);
    const history = new History(random);
    // Some of them go over to a new fold as soon as more than a few events are uncertain.
    const kept = newFold(seed % 3 ? undefined : 2);
    const changes = 1 + random.below(CHANGES_MAX);
    for (let at = 0; at < changes; at++) {
      kept.change(history.next());
      if (random.float() < 0.6) kept.current();
    }
    const whole = newFold();
    const order = [...history.live.values()].map((after) => ({ after, at: random.float() }));
    for (const { after } of order.sort((a, b) => a.at - b.at))
      whole.change({ kind: after.kind as AdmissionKind, before: undefined, after });
    const expected = print(whole.current());
    assert.ok(print(kept.current()) === expected, `seed ${seed}`);
    assert.ok(print(kept.current()) === expected, `seed ${seed}: asking again changes it`);
    members += whole.current().members.size - 1;
    refusals = new Set([...refusals, ...whole.current().refused.values()]);
  }
  // Or nothing would have been shown.
  assert.ok(members > HISTORIES / 2, `${members} members`);
  assert.equal(refusals.size, 10, [...refusals].join(" "));
});

const policyFrom = (fromMs: number) => ({ terms: [{ fromMs, admission: "open", inviters: "members" }] });

test("20,000 joins are folded quickly, and then a change costs what it changes", () => {
  const community = new Community("invitation");
  const { founder } = community;
  const invitation = community.invite(founder, "many", 10_000);
  const second = community.invite(founder, "more", 10_000);
  const sig = "A".repeat(86);
  const key = publicKey(who("ann"));
  const joins: SignedRecord[] = [];
  for (let i = 0; i < 20_000; i++) {
    const id = i.toString(2).replaceAll("0", "a").replaceAll("1", "b").padStart(52, "c");
    const welcomes = [{ by: founder.id, byKey: publicKey(founder), atMs: at(1) + i, as: "member", sig }];
    const body = {
      key,
      welcomes,
      invitation: i % 2 ? invitation : second,
      inviterKey: publicKey(founder),
      proof: sig,
    };
    const fields = { author: id, seq: 1, kind: "join", key: "self", timeMs: 1, floor: 1, untilMs: null };
    joins.push({ ...fields, body: body as unknown as Json, sig });
  }
  const admission = new Admission({ community: community.id }, crypto);
  admission.load([...community.list, ...joins]);
  const foldMs = leastMs(() => void admission.view(), 1);
  const { members, invitations } = admission.view()!;
  assert.equal(members.size, 20_001);
  assert.deepEqual(
    [...invitations.values()].map(({ used }) => used),
    [10_000, 10_000],
  );
  // From then on a change costs what it changes.
  const revocation = { ...(second.body as object), revokedMs: 1 };
  const changes: [string, (n: number) => SignedRecord][] = [
    ["a join", (n) => community.join(who(`late ${n}`), founder, 900 + n)],
    ["a join signed anew", (n) => ({ ...joins[77]!, seq: 2 + n })],
    [
      "an exclusion",
      (n) => community.add(founder, "exclude", joins[2 * n + 1]!.author, { reason: "", lastSeq: 0, atMs: at(5) }),
    ],
    ["a policy", (n) => community.add(founder, "policy", "self", policyFrom(at(800 + n)))],
  ];
  const apply = (record: SignedRecord) => {
    admission.apply([{ author: record.author, kind: record.kind, key: record.key, record }]);
    admission.view();
  };
  const tries = 5;
  for (const [name, make] of changes) {
    const records = Array.from({ length: tries }, (_, n) => make(n));
    const ms = leastMs(() => apply(records.shift()!), tries);
    assert.ok(ms < foldMs / 10, `${name}: ${ms} ms, and ${foldMs} ms for all`);
  }
  const before = admission.view()!.members.size;
  // As many have come as are excluded; the one that signed anew has a proof that is made up, and is looked at.
  assert.equal(before, 20_000);
  apply(community.add(founder, "invitation", second.key, revocation));
  assert.equal(admission.view()!.members.size, before - 10_000, "half came by what is revoked from the start");
});
