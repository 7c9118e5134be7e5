/**
 * Back after a month, or on an old copy of the disk: one exchange brings everything, what was withdrawn meanwhile stays
 * withdrawn, and no number is used twice.
 */
import assert from "node:assert/strict";
import test from "node:test";
import { seededRandom } from "../../kernel/random.ts";
import { identity, NOW_MS, put, pushed, receiveAll, signed, synchronise, World } from "./boxes.test.ts";
import { REFRESH_MS } from "./constants.ts";
import type { SignedRecord } from "./record.ts";
import type { Records } from "./records.ts";
import type { RecordsEffect } from "./step.ts";

const DAY_MS = 24 * 3_600_000;
const AUTHORS = 1000;

/** A disk: rows by name, as the driver keeps them. */
class Disk {
  readonly rows = new Map<string, SignedRecord>();
  ownSeq = 0;

  save(effects: readonly RecordsEffect[]): void {
    for (const effect of effects) {
      if (effect.type !== "store") continue;
      for (const { author, ref } of effect.drop) this.rows.delete(`${author} ${ref}`);
      for (const { record, ref } of effect.put) this.rows.set(`${record.author} ${ref}`, record);
      this.ownSeq = effect.ownSeq;
    }
  }

  copy(): Disk {
    const copy = new Disk();
    for (const [name, record] of this.rows) copy.rows.set(name, record);
    copy.ownSeq = this.ownSeq;
    return copy;
  }

  load(records: Records): Records {
    records.load(this.rows.values(), this.ownSeq);
    return records;
  }
}

/** A box that wrote three notes, whose disk was copied, and that then wrote three more and removed one. */
function setUp() {
  const world = new World();
  const self = world.add(identity("self"));
  const witness = world.records(world.add(identity("witness")));
  const first = world.records(self);
  const disk = new Disk();
  const write = (effects: RecordsEffect[]) => {
    disk.save(effects);
    receiveAll(witness, pushed(effects));
  };
  for (const key of ["a", "b", "c"]) write(put(first, key, "old"));
  const copy = disk.copy();
  for (const key of ["a", "d", "e"]) write(put(first, key, "new"));
  write(first.step(NOW_MS, { type: "remove", kind: "note", key: "b" }));
  return { world, self, witness, copy, lastSeq: first.ownSeq() };
}

function askOwn(asker: Records, answerer: Records, self: string): number {
  const session = asker.startSync(self);
  let rounds = 0;
  for (let request = session.next(); request; request = session.next(), rounds++) {
    const effects = answerer.step(NOW_MS, { type: "syncRequest", request, from: self });
    const reply = effects.find((effect) => effect.type === "syncAnswer");
    assert.ok(reply?.type === "syncAnswer");
    asker.step(NOW_MS, { type: "syncAnswer", session, answer: reply.answer, from: "witness" });
  }
  assert.deepEqual(session.state, { state: "done", outcome: "complete" });
  return rounds;
}

const notes = (records: Records, author: string) =>
  Object.fromEntries(
    records
      .ofAuthor(author)
      .map(({ key, body }) => [key, body])
      .sort(),
  );

test("an old copy of a disk asks first, and goes on after the last number that anybody knows", () => {
  const { world, self, witness, copy, lastSeq } = setUp();
  const reborn = copy.load(world.records(self, { adoptFirst: true }));
  assert.deepEqual(put(reborn, "f", "restored"), [], "nothing is numbered yet");
  assert.deepEqual(reborn.step(NOW_MS + REFRESH_MS + 1, { type: "tick" }), [], "nothing is signed anew either");
  assert.ok(askOwn(reborn, witness, self.id) <= 2);
  const effects = reborn.step(NOW_MS, { type: "adopted", asked: true });
  assert.deepEqual(
    pushed(effects).map(({ seq, key }) => [seq, key]),
    [[lastSeq + 1, "f"]],
  );
  assert.deepEqual(notes(reborn, self.id), { a: "new", c: "old", d: "new", e: "new", f: "restored" });
  receiveAll(witness, pushed(effects));
  assert.deepEqual(notes(witness, self.id), notes(reborn, self.id));
  assert.equal(witness.stats().equivocations, 0);
});

test("without asking it would use a number twice, which the others notice", () => {
  const { world, self, witness, copy } = setUp();
  const reborn = copy.load(world.records(self));
  receiveAll(witness, pushed(put(reborn, "f", "restored")));
  assert.equal(witness.stats().equivocations, 1);
});

test("when nobody can be asked its numbers go on far ahead; what the other life wrote comes back", () => {
  const { world, self, witness, copy, lastSeq } = setUp();
  const reborn = copy.load(world.records(self, { adoptFirst: true }));
  put(reborn, "a", "offline");
  const effects = reborn.step(NOW_MS, { type: "adopted", asked: false });
  assert.equal(pushed(effects)[0]!.seq, NOW_MS + 1);
  synchronise(reborn, witness);
  assert.deepEqual(notes(reborn, self.id), { a: "offline", c: "old", d: "new", e: "new" });
  assert.equal(witness.digest(), reborn.digest());
  assert.equal(witness.stats().equivocations + reborn.stats().equivocations, 0);
  // Restored a second time, without anybody to ask, a second later.
  const again = copy.load(world.records(self, { adoptFirst: true }));
  again.step(NOW_MS + 1000, { type: "adopted", asked: false });
  const later = put(again, "a", "offline again", NOW_MS + 1000);
  receiveAll(witness, pushed(later));
  assert.equal(witness.stats().equivocations, 0);
  assert.ok(lastSeq < NOW_MS);
});

/** What each author did in the month: wrote anew, removed, let the floor rise over what it removed. */
function monthOf(world: World, random: ReturnType<typeof seededRandom>) {
  const [before, after]: [SignedRecord[], SignedRecord[]] = [[], []];
  const gone: string[] = [];
  for (let n = 0; n < AUTHORS; n++) {
    const author = world.add(identity(`author ${n}`));
    const old = ["a", "b", "c"].map((key, at) => signed(author, { seq: at + 1, key, timeMs: NOW_MS - 31 * DAY_MS }, n));
    before.push(...old);
    const kind = random.below(4);
    // Away itself; wrote; removed one; removed one and signed the rest anew, so that no tombstone is left.
    if (kind === 0) after.push(...old);
    if (kind === 1) after.push(old[1]!, old[2]!, signed(author, { seq: 9, key: "a" }, "changed"));
    if (kind === 2)
      after.push(
        old[1]!,
        old[2]!,
        signed(author, { seq: 9, key: "a" }, null),
        signed(author, { seq: 10, key: "d" }, n),
      );
    if (kind === 3)
      after.push(
        signed(author, { seq: 10, floor: 10, key: "b" }, n),
        signed(author, { seq: 11, floor: 10, key: "c" }, n),
      );
    if (kind >= 2) gone.push(author.id);
  }
  return { before, after, gone };
}

test("a month away: one exchange, and nothing that was withdrawn comes back on either side", () => {
  const world = new World();
  const { before, after, gone } = monthOf(world, seededRandom(3));
  const absent = world.records(world.add(identity("absent")));
  const present = world.records(world.add(identity("present")));
  absent.load(before);
  receiveAll(present, after);
  put(absent, "mine", "written while away");
  const wire = synchronise(absent, present);
  assert.deepEqual(wire.session.state, { state: "done", outcome: "complete" });
  assert.equal(absent.digest(), present.digest());
  assert.equal(present.list("note").filter(({ key }) => key === "mine").length, 1);
  for (const records of [absent, present])
    for (const author of gone) assert.equal(records.get(author, "note", "a"), undefined, "withdrawn");
  assert.ok(wire.session.taken > AUTHORS / 2 && wire.rounds < 40);
  console.log(
    `a month away, ${AUTHORS} authors: ${wire.rounds} rounds, ${wire.bytes} bytes, ${wire.session.taken} records taken`,
  );
});
