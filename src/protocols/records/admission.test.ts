/** Who belongs: the rules, each hostile case, the same result in any order, and no flipping back. */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { seededRandom } from "../../kernel/random.ts";
import { Admission } from "./admission.ts";
import { toBase64url } from "./base64url.ts";
import { NOW_MS, receive, synchronise, World, type Identity } from "./boxes.test.ts";
import { at, Community, crypto, publicKey, who } from "./community.test.ts";
import type { Json } from "./canonical-json.ts";
import { POLICY_HISTORY_MAX, WELCOMES_MAX } from "./constants.ts";
import { admissionKinds, proofBytes, readJoin, readPolicy } from "./membership-facts.ts";
import type { SignedRecord } from "./record.ts";

const [ann, ben, cat, dan] = ["ann", "ben", "cat", "dan"].map(who) as [Identity, Identity, Identity, Identity];

test("open: the word of any member is enough, and there must be one", () => {
  const community = new Community("open");
  community.join(ann, community.founder, 1);
  community.join(ben, ann, 2);
  community.join(dan, cat, 3);
  assert.deepEqual(community.view().members.get(ben.id), { since: at(2), by: ann.id, invitation: undefined });
  assert.equal(community.refusal(dan), "sponsor-no-member");
  community.add(cat, "join", "self", community.body(cat, []));
  assert.equal(community.refusal(cat), "no-welcome");
});

test("by invitation: the invitation is needed, in time, not revoked, and as often as it says, earliest first", () => {
  const community = new Community("invitation");
  const { founder } = community;
  community.join(ann, founder, 1);
  assert.equal(community.refusal(ann), "no-invitation");
  community.invite(founder, "i", 2, 100);
  community.joinBy(ann, founder, 3, "i");
  community.joinBy(ben, founder, 5, "i");
  community.joinBy(cat, founder, 4, "i");
  community.joinBy(dan, founder, 101, "i");
  const { members, invitations } = community.view();
  assert.ok(members.has(ann.id) && members.has(cat.id));
  assert.equal(community.refusal(ben), "used-up");
  assert.equal(community.refusal(dan), "expired");
  assert.deepEqual(
    [...invitations.values()].map(({ used, state }) => [used, state]),
    [[2, "used-up"]],
  );
  const revoked = new Community("invitation");
  revoked.invite(revoked.founder, "r", 9);
  revoked.joinBy(ann, revoked.founder, 1, "r");
  const kept = revoked.list.at(-2)!;
  revoked.add(revoked.founder, "invitation", kept.key, { ...(kept.body as object), revokedMs: at(2) });
  revoked.add(ben, "join", "self", revoked.body(ben, [revoked.welcome(revoked.founder, ben, 2)], kept, "r"));
  assert.ok(revoked.view().members.has(ann.id));
  assert.equal(revoked.refusal(ben), "revoked");
});

test("who was let in stays in when the invitation's record is gone, expired, or the policy changed", () => {
  const community = new Community("open");
  const { founder } = community;
  community.join(ann, founder, 1);
  community.add(founder, "policy", "self", {
    terms: [{ fromMs: at(5), admission: "invitation", inviters: "members" }],
  });
  const invitation = community.invite(ann, "i", 1, 50);
  community.joinBy(ben, founder, 10, "i", ann);
  const before = [...community.view().members.keys()];
  community.list.splice(community.list.indexOf(invitation), 1);
  assert.deepEqual([...community.view().members.keys()], before);
  community.join(cat, founder, 6);
  assert.equal(community.refusal(cat), "no-invitation");
  const terms = [
    { fromMs: at(5), admission: "invitation", inviters: "members" },
    { fromMs: at(20), admission: "approval", inviters: "stewards" },
  ];
  community.add(founder, "policy", "self", { terms });
  assert.deepEqual([...community.view().members.keys()], before);
  const refreshed = community.list.find((record) => record.author === ben.id)!;
  community.add(ben, "join", "self", refreshed.body as object);
  assert.equal(community.view().members.get(ben.id)!.since, at(10), "a refresh does not change when one joined");
});

test("by approval: only a steward's decision counts, as a record or as a welcome copied from it", () => {
  const community = new Community("approval");
  const { founder } = community;
  community.join(ann, founder, 1);
  assert.equal(community.refusal(ann), "needs-steward");
  const { sig } = community.welcome(founder, ann, 2, "steward");
  const admit = community.add(founder, "admit", ann.id, { box: ann.id, key: publicKey(ann), atMs: at(2), sig });
  assert.ok(community.view().members.has(ann.id));
  community.join(ann, founder, 2, "steward");
  community.list.splice(community.list.indexOf(admit), 1);
  assert.ok(community.view().members.has(ann.id));
  community.join(ben, ann, 3, "steward");
  assert.equal(community.refusal(ben), "needs-steward");
  community.add(ann, "admit", cat.id, { box: cat.id, key: publicKey(cat), atMs: at(4), sig });
  assert.ok(!community.view().members.has(cat.id));
});

test("where only stewards invite, a member's invitation is worth nothing; nor is one by a stranger", () => {
  const community = new Community("invitation", "stewards");
  const { founder } = community;
  community.invite(founder, "a");
  community.joinBy(ann, founder, 1, "a");
  community.invite(ann, "b");
  community.joinBy(ben, founder, 2, "b", ann);
  assert.equal(community.refusal(ben), "inviter-may-not");
  community.invite(dan, "c");
  community.joinBy(cat, founder, 2, "c", dan);
  assert.equal(community.refusal(cat), "inviter-no-member");
  community.add(founder, "steward", ann.id, { atMs: at(1) });
  assert.ok(community.view().members.has(ben.id));
});

test("an excluded inviter's and sponsor's newcomers stay if they came before, not afterwards", () => {
  const community = new Community("invitation");
  const { founder } = community;
  community.invite(founder, "a");
  community.joinBy(ann, founder, 1, "a");
  const early = community.invite(ann, "early", 9);
  community.joinBy(ben, ann, 2, "early", ann);
  community.invite(ann, "late", 9);
  community.joinBy(cat, founder, 3, "late", ann);
  community.joinBy(dan, founder, 20, "early", ann);
  const eve = who("eve");
  community.invite(founder, "e");
  community.joinBy(eve, ann, 11, "e");
  community.add(founder, "exclude", ann.id, { reason: "spam", lastSeq: early.seq, atMs: at(10) });
  const view = community.view();
  assert.ok(!view.members.has(ann.id) && view.excluded.get(ann.id)?.reason === "spam");
  assert.ok(view.members.has(ben.id));
  assert.deepEqual(
    [cat, dan, eve].map((box) => community.refusal(box)),
    ["inviter-excluded", "inviter-excluded", "sponsor-no-member"],
  );
  const keep = community.admission().keepOf(ann.id);
  assert.deepEqual(community.list.filter((record) => record.author === ann.id).map(keep), [true, true, false]);
  community.list.pop();
  assert.ok(community.view().members.has(ann.id), "pardoned");
});

test("stewards: granted by stewards, ended with what they decided standing, voided with all of it", () => {
  const community = new Community("approval");
  const { founder } = community;
  community.join(ann, founder, 1, "steward");
  community.join(dan, founder, 1, "steward");
  community.add(founder, "steward", ann.id, { atMs: at(2) });
  community.join(ben, ann, 3, "steward");
  community.add(dan, "steward", dan.id, { atMs: at(2) });
  community.add(dan, "exclude", ben.id, { reason: "", lastSeq: 0, atMs: at(4) });
  assert.deepEqual([...community.view().stewards], [founder.id, ann.id]);
  assert.ok(community.view().members.has(ben.id));
  const ended = community.add(founder, "steward", ann.id, { atMs: at(2), endedMs: at(10) });
  community.join(cat, ann, 11, "steward");
  assert.deepEqual([...community.view().stewards], [founder.id]);
  assert.ok(community.view().members.has(ben.id));
  assert.equal(community.refusal(cat), "needs-steward");
  community.list.splice(community.list.indexOf(ended), 1);
  assert.ok(!community.view().members.has(ben.id));
});

test("nobody excludes the founder, and of two stewards who exclude one another the higher one wins everywhere", () => {
  const community = new Community("open");
  const { founder } = community;
  community.join(ann, founder, 1);
  community.join(ben, founder, 1);
  community.add(founder, "steward", ann.id, { atMs: at(2) });
  community.add(ann, "steward", ben.id, { atMs: at(3) });
  const exclude = (by: Identity, box: Identity, minute: number) =>
    community.add(by, "exclude", box.id, { reason: "", lastSeq: 0, atMs: at(minute) });
  exclude(ben, ann, 4);
  exclude(ben, founder, 4);
  exclude(ann, founder, 4);
  exclude(founder, founder, 4);
  assert.deepEqual([...community.view().excluded.keys()], []);
  exclude(ann, ben, 5);
  assert.deepEqual([...community.view().excluded.keys()], [ben.id]);
});

test("who leaves is no member, cannot vouch later, and those it brought stay", () => {
  const community = new Community("open");
  const join = community.join(ann, community.founder, 1);
  community.join(ben, ann, 2);
  community.join(cat, ann, 9);
  community.add(ann, "join", "self", { ...(join.body as object), leftMs: at(5) });
  const { members } = community.view();
  assert.deepEqual(
    [ann, ben, cat].map((box) => members.has(box.id)),
    [false, true, false],
  );
});

test("forged evidence of every sort is refused before it is stored", () => {
  const community = new Community("invitation");
  const { founder } = community;
  const invitation = community.invite(founder, "i", 9);
  const admission = community.admission();
  const good = community.body(ben, [community.welcome(founder, ben, 1)], invitation, "i");
  const may = (body: object | null, key = "self") => {
    const record = community.add(ben, "join", key, body as object);
    community.list.pop();
    return admission.mayWrite(ben.id, record);
  };
  assert.ok(may(good));
  const theft = toBase64url(who("thief").sign(proofBytes(community.id, ben.id)));
  const annBody = community.body(ann, [community.welcome(founder, ann, 1)], invitation, "i");
  const other = new Community("open");
  const self = community.welcome(ben, ben, 1);
  const bad: [string, object | null][] = [
    ["a tombstone", null],
    ["another's key", { ...good, key: publicKey(ann) }],
    ["another's welcome", { ...good, welcomes: annBody.welcomes }],
    ["another's proof", { ...good, proof: annBody.proof }],
    ["a proof by another key", { ...good, proof: theft }],
    ["a welcome dated back", { ...good, welcomes: [{ ...good.welcomes[0]!, atMs: at(0) }] }],
    ["a welcome raised to a decision", { ...good, welcomes: [{ ...good.welcomes[0]!, as: "steward" }] }],
    ["a welcome under another's name", { ...good, welcomes: [{ ...community.welcome(ann, ben, 1), by: founder.id }] }],
    ["a welcome by oneself", { ...good, welcomes: [...good.welcomes, self] }],
    [
      "an invitation with more uses",
      { ...good, invitation: { ...invitation, body: { expiresMs: at(999), uses: 99 } } },
    ],
    ["an invitation of another inviter", { ...good, inviterKey: publicKey(ann) }],
    ["an invitation of another community", { ...good, invitation: other.invite(founder, "i") }],
    ["a welcome of another community", { ...good, welcomes: [other.welcome(founder, ben, 1)] }],
    ["nobody's welcome", { ...good, welcomes: [] }],
    ["a stranger's welcome", { ...good, welcomes: [community.welcome(dan, ben, 1)] }],
  ];
  for (const [what, body] of bad) assert.notEqual(may(body), true, what);
  assert.equal(may(bad[1]![1]), "bad-signature", "what will never be good does not wait");
  assert.equal(may(good, "other"), "bad-signature", "a join under another key");
  assert.ok(!admission.mayWrite(ben.id, community.add(ben, "note", "k", {})), "a stranger's other record");
  const forged = community.add(ben, "join", "self", bad[4]![1]!);
  assert.ok(
    !community
      .admission([...community.list, forged])
      .view()!
      .members.has(ben.id),
  );
});

test("bodies have limits", () => {
  const welcome = new Community("open").welcome(ann, ben, 1);
  const join = (count: number) => ({
    key: publicKey(ben),
    welcomes: Array.from({ length: count }, () => ({ ...welcome })),
  });
  assert.ok(readJoin(join(WELCOMES_MAX) as unknown as Json));
  assert.equal(readJoin(join(WELCOMES_MAX + 1) as unknown as Json), undefined);
  const policy = (count: number) => ({
    terms: Array.from({ length: count }, (_, fromMs) => ({ fromMs, admission: "open", inviters: "members" })),
  });
  assert.ok(readPolicy(policy(POLICY_HISTORY_MAX)));
  assert.equal(readPolicy(policy(POLICY_HISTORY_MAX + 1)), undefined);
  assert.equal(readPolicy({ terms: policy(3).terms.toReversed() }), undefined);
});

test("a join endpoint is told why not, and the time to sign, never before its own joining", () => {
  const community = new Community("invitation");
  const { founder } = community;
  const invitation = community.invite(founder, "i");
  community.joinBy(ann, founder, 30, "i");
  const admission = community.admission();
  const body = community.body(ben, [], invitation, "i");
  assert.deepEqual(admission.considerWelcome(founder.id, ben.id, body, at(40)), { refused: "used-up" });
  assert.deepEqual(admission.considerWelcome(founder.id, ben.id, community.body(ben, []), at(40)), {
    refused: "no-invitation",
  });
  const open = new Community("open");
  open.join(ann, open.founder, 30);
  assert.deepEqual(open.admission().considerWelcome(ann.id, ben.id, open.body(ben, []), at(20)), { atMs: at(30) + 1 });
  open.add(open.founder, "exclude", ben.id, { reason: "", lastSeq: 0, atMs: at(1) });
  assert.ok("refused" in open.admission().considerWelcome(ann.id, ben.id, open.body(ben, []), at(40)));
});

test("the same records give the same members in any order", () => {
  const community = new Community("invitation");
  const { founder } = community;
  community.invite(founder, "i", 3);
  const boxes = Array.from({ length: 6 }, (_, i) => who(`order ${i}`));
  for (const [i, box] of boxes.entries()) community.joinBy(box, i ? boxes[i - 1]! : founder, 3 + i, "i");
  community.add(founder, "steward", boxes[0]!.id, { atMs: at(4) });
  community.add(founder, "steward", boxes[1]!.id, { atMs: at(4) });
  community.add(boxes[0]!, "exclude", boxes[1]!.id, { reason: "", lastSeq: 9, atMs: at(9) });
  community.add(boxes[1]!, "exclude", boxes[0]!.id, { reason: "", lastSeq: 9, atMs: at(9) });
  const print = (list: SignedRecord[]) => {
    const { members, stewards, excluded, refused, invitations } = community.view(list);
    return JSON.stringify(
      [members, stewards, excluded, refused, invitations].map((set) => [...set.entries()].map(String).sort()),
    );
  };
  const expected = print(community.list);
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const random = seededRandom(seed);
      const shuffled = community.list.map((record) => ({ record, at: random.float() })).sort((a, b) => a.at - b.at);
      assert.equal(print(shuffled.map(({ record }) => record)), expected);
    }),
    { numRuns: 40 },
  );
});

test("a new box learns a whole community in one session though the joins come in no useful order", () => {
  const community = new Community("open");
  const boxes = [community.founder, ...Array.from({ length: 150 }, (_, i) => who(`chain ${i}`))];
  for (const [i, box] of boxes.entries()) if (i) community.join(box, boxes[i >> 1]!, i);
  const world = new World();
  const make = (self: Identity) => {
    const admission = new Admission({ community: community.id }, crypto);
    const hooks = {
      mayWrite: (author: string, record: SignedRecord) => admission.mayWrite(author, record),
      publicKeyOf: (author: string, record: SignedRecord) => admission.publicKeyOf(author, record),
    };
    const records = world.records(self, { community: community.id, kinds: admissionKinds }, hooks);
    const step = records.step.bind(records);
    records.step = (nowMs, event) => {
      const effects = step(nowMs, event);
      for (const effect of effects) if (effect.type === "changed") admission.apply(effect.changes);
      return effects;
    };
    return { records, admission };
  };
  const full = make(boxes[1]!);
  receive(full.records, community.list);
  const settle = ({ records }: typeof full) => {
    for (let i = 0; i < 30 && records.stats().waiting > 0; i++) records.step(NOW_MS, { type: "recheck" });
  };
  settle(full);
  assert.equal(full.admission.view()!.members.size, boxes.length);
  const fresh = make(boxes[9]!);
  receive(fresh.records, [community.genesis]);
  const wire = synchronise(fresh.records, full.records);
  settle(fresh);
  assert.equal(fresh.admission.view()!.members.size, boxes.length);
  assert.equal(fresh.records.digest(), full.records.digest());
  assert.ok(wire.rounds < 10);
});

test("of an excluded steward, decisions up to the last number that counts stand, later ones do not", () => {
  const community = new Community("approval");
  const { founder } = community;
  community.join(ann, founder, 1, "steward");
  community.add(founder, "steward", ann.id, { atMs: at(2) });
  const sig = "A".repeat(86);
  const admit = (box: Identity) =>
    community.add(ann, "admit", box.id, { box: box.id, key: publicKey(box), atMs: at(3), sig });
  const last = admit(ben);
  admit(cat);
  community.add(founder, "exclude", ann.id, { reason: "", lastSeq: last.seq, atMs: at(9) });
  const { members } = community.view();
  assert.deepEqual([members.has(ben.id), members.has(cat.id)], [true, false]);
});
