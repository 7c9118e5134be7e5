/** Who may store here: each with a swissnum of its own, also after a restart; not too many; not who was excluded. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import { newIdentity } from "../../platform/identity.ts";
import { openStore } from "../../platform/store.ts";
import { MEMBERS_MAX, MEMBERS_PER_BOX_MAX } from "./constants.ts";
import { createMembers } from "./members.ts";
import { secretsFrom } from "./secrets.ts";
import { spaceStore } from "./space-store.ts";

function bench() {
  const rows = spaceStore(openStore(":memory:"));
  const secrets = secretsFrom(newIdentity());
  const excluded = new Set<string>();
  let changes = 0;
  const make = () =>
    createMembers({
      ...{ clock: virtualClock(), secrets, rows, quotaBytes: () => 1000, boxQuotaBytes: () => 4000, selfId: "self" },
      membersNow: () => new Set(["box", "other"].filter((boxId) => !excluded.has(boxId))),
      changed: () => void (changes += 1),
    });
  return { make, rows, secrets, excluded, changes: () => changes };
}

test("each account of each box has a swissnum of its own, and keeps it", () => {
  const { make, changes } = bench();
  const members = make();
  const [one, two, three] = [
    members.grant("box", "anna"),
    members.grant("box", "biel"),
    members.grant("other", "anna"),
  ];
  assert.equal(new Set([one, two, three]).size, 3);
  assert.match(one, /^[a-z2-7]{26}$/);
  assert.equal(members.grant("box", "anna"), one);
  assert.equal(changes(), 3, "the list is another one only when somebody is new");
  const again = make();
  assert.equal(again.list().length, 3);
  assert.ok(again.list().some(({ swissnum, member }) => swissnum === one && member === "box/anna"));
});

test("a box that was excluded stores nothing more", () => {
  const { make, excluded } = bench();
  const members = make();
  members.grant("box", "anna");
  assert.deepEqual(
    members.list().map(({ mayWrite, quotaBytes }) => ({ mayWrite, quotaBytes })),
    [{ mayWrite: true, quotaBytes: 1000 }],
  );
  members.grant("self", "anna");
  assert.deepEqual(
    members.list().map(({ box }) => box),
    [{ id: "box", quotaBytes: 4000 }, undefined],
    "another box has a limit for all of its accounts",
  );
  excluded.add("box");
  assert.deepEqual(
    members.list().map(({ mayWrite }) => mayWrite),
    [false, false],
  );
});

test("one box, and all together, have only so many accounts here", () => {
  const { make, rows } = bench();
  const add = (boxId: string, count: number) =>
    rows.transaction(() => {
      for (let n = 0; n < count; n += 1) rows.addMember({ boxId, member: `m${n}`, sinceMs: 0 });
    });
  add("greedy", MEMBERS_PER_BOX_MAX);
  const members = make();
  assert.throws(() => members.grant("greedy", "one more"), /files-too-many .*256/);
  assert.ok(members.grant("greedy", "m0"), "those that are known go on");
  assert.ok(members.grant("other", "anna"));
  for (let box = 0; rows.members().length < MEMBERS_MAX; box += 1)
    add(`box ${box}`, Math.min(MEMBERS_PER_BOX_MAX, MEMBERS_MAX - rows.members().length));
  assert.throws(() => make().grant("new", "anna"), /files-too-many .*4096/);
});

test("secrets follow from one key, and none of them from another", () => {
  const identity = newIdentity();
  const [one, same, other] = [secretsFrom(identity), secretsFrom(identity), secretsFrom(newIdentity())];
  assert.deepEqual(one.convergence("anna"), same.convergence("anna"));
  assert.equal(one.pseudonym("anna"), same.pseudonym("anna"));
  const all = [one.lease, one.upload, one.convergence("anna"), one.convergence("biel"), other.lease];
  assert.equal(new Set(all.map((bytes) => Buffer.from(bytes).toString("hex"))).size, all.length);
  assert.ok(all.every((bytes) => bytes.length === 32));
  assert.notEqual(one.pseudonym("anna"), other.pseudonym("anna"));
  assert.notEqual(one.swissnum("a", "bc"), one.swissnum("ab", "c"));
});
