/** The keyring: making, fetching and forgetting gossip keys, over restarts too. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../kernel/random.ts";
import { settled, virtualClock } from "../../kernel/virtual-clock.ts";
import { openStore } from "../../platform/store.ts";
import type { KeyringNeeds } from "./keyring.ts";
import { createKeyring, FETCH_RETRY_MS, KEY_BYTES, keyCheck, NEW_KEY_PAUSE_MS, OLD_KEY_KEPT_MS } from "./keyring.ts";
import { readKeyBody } from "./kinds.ts";
import { meshStore } from "./store.ts";

function world() {
  const clock = virtualClock();
  const rows = meshStore(openStore(":memory:"));
  const asked: string[] = [];
  const told: number[] = [];
  const net = new Map<string, (epoch: number) => Promise<Uint8Array | undefined>>();
  const open = (more: Partial<KeyringNeeds> = {}) =>
    createKeyring({
      clock,
      random: seededRandom(5),
      rows,
      fetch: (box, { epoch }) => {
        asked.push(`${box} ${epoch}`);
        return net.get(box)?.(epoch) ?? Promise.reject(new Error("away"));
      },
      holders: (author) => [author, "second", "third"],
      onKey: ({ epoch }) => void told.push(epoch),
      ...more,
    });
  const stored = () => rows.keys().map((one) => one.epoch);
  const at = (epoch: number) => rows.keys().find((one) => one.epoch === epoch)?.key;
  return { clock, rows, asked, told, net, open, stored, at };
}

const key = (n: number) => new Uint8Array(KEY_BYTES).fill(n);
const body = (epoch: number, of: Uint8Array) => ({ epoch, check: keyCheck(of), atMs: 0 });

test("the first key: made, announced by its check alone, kept over a restart", () => {
  const { open, stored, clock, at } = world();
  const keyring = open();
  assert.deepEqual([keyring.epoch(), keyring.keys()], [0, []]);
  const announced = keyring.rotate(clock.wallMs(), "self");
  const made = at(1)!;
  assert.equal(made.length, KEY_BYTES);
  assert.deepEqual([announced.epoch, announced.check, at(2)], [1, keyCheck(made), undefined]);
  assert.ok(readKeyBody(announced as never));
  assert.ok(!JSON.stringify(announced).includes(Buffer.from(made).toString("base64url")));
  assert.deepEqual(
    [
      stored(),
      open().epoch(),
      open()
        .keys()
        .map((one) => Buffer.from(one)),
    ],
    [[1], 1, [Buffer.from(made)]],
  );
});

test("a new key opens at once, seals after the pause, and the old one is forgotten after its time", async () => {
  const { open, stored, clock, at } = world();
  const keyring = open();
  keyring.rotate(0, "self");
  await clock.advanceSettled(OLD_KEY_KEPT_MS);
  const old = at(1)!;
  keyring.rotate(0, "self");
  const fresh = at(2)!;
  assert.deepEqual([keyring.keys(), keyring.epoch()], [[old, fresh], 2]);
  clock.advance(NEW_KEY_PAUSE_MS - 1);
  assert.deepEqual(keyring.keys()[0], old);
  clock.advance(1);
  assert.deepEqual(keyring.keys(), [fresh, old]);
  clock.advance(OLD_KEY_KEPT_MS - NEW_KEY_PAUSE_MS - 1);
  assert.deepEqual([keyring.keys().length, stored()], [2, [2, 1]]);
  clock.advance(1);
  assert.deepEqual([keyring.keys(), stored(), at(1)], [[fresh], [2], undefined]);
});

test("a key that came just now does not make the one before it go early", () => {
  const { open, clock, at } = world();
  const keyring = open();
  for (let epoch = 1; epoch <= 2; epoch += 1) keyring.rotate(0, "self");
  clock.advance(OLD_KEY_KEPT_MS - 100);
  keyring.rotate(0, "self");
  clock.advance(100);
  // Its own pause is not over: the second still seals, and must still open.
  assert.deepEqual([keyring.keys()[0], at(1)], [at(2), undefined]);
  clock.advance(OLD_KEY_KEPT_MS);
  assert.deepEqual([at(2), keyring.keys().length], [undefined, 1]);
});

test("a restart does not keep the old key for ever", () => {
  const { open, clock, stored } = world();
  const before = open();
  before.rotate(0, "self");
  before.rotate(0, "self");
  before.stop();
  const after = open();
  assert.equal(after.keys().length, 2);
  clock.advance(OLD_KEY_KEPT_MS);
  assert.deepEqual([after.keys().length, stored()], [1, [2]]);
});

test("a wanted key is fetched from its author, or from the next who has it", async () => {
  const { open, net, asked, clock, at } = world();
  const keyring = open();
  net.set("second", async () => undefined);
  net.set("third", async () => key(3));
  keyring.wanted(body(1, key(3)), "steward");
  keyring.wanted(body(1, key(3)), "steward");
  await settled();
  assert.deepEqual([asked, keyring.epoch(), at(1)], [["steward 1", "second 1", "third 1"], 1, key(3)]);
  const worse = [key(4), key(5), key(6), key(7)].find((one) => keyCheck(one) > keyCheck(key(3)))!;
  keyring.wanted(body(1, worse), "steward");
  await clock.advanceSettled(OLD_KEY_KEPT_MS);
  assert.equal(asked.length, 3);
});

test("two stewards who make a key at one time end up with the same one, whoever hears of which first", async () => {
  const [first, second] = [key(3), key(4)].toSorted((a, b) => (keyCheck(a) < keyCheck(b) ? -1 : 1));
  for (const order of [
    [first!, second!],
    [second!, first!],
  ]) {
    const { open, net, clock, stored } = world();
    const keyring = open();
    for (const one of order) {
      net.set("steward", async () => one);
      keyring.wanted(body(1, one), "steward");
      await settled();
    }
    assert.deepEqual(keyring.keys()[0], first);
    await clock.advanceSettled(OLD_KEY_KEPT_MS);
    assert.deepEqual([keyring.keys(), stored()], [[first], [1]]);
  }
});

test("a key that does not fit its check, or has another length, is refused", async () => {
  const { open, net, stored } = world();
  const keyring = open();
  net.set("steward", async () => key(9));
  net.set("second", async () => key(3).subarray(1));
  net.set("third", async () => new Uint8Array(0));
  keyring.wanted(body(1, key(3)), "steward");
  await settled();
  assert.deepEqual([keyring.epoch(), stored()], [0, []]);
});

test("when nobody has it, all are asked again, until somebody does", async () => {
  const { open, net, asked, clock } = world();
  const keyring = open();
  keyring.wanted(body(1, key(3)), "steward");
  await clock.advanceSettled(FETCH_RETRY_MS - 1);
  assert.equal(asked.length, 3);
  await clock.advanceSettled(1);
  assert.equal(asked.length, 6);
  net.set("second", async () => key(3));
  await clock.advanceSettled(FETCH_RETRY_MS);
  assert.deepEqual([keyring.epoch(), asked.length], [1, 8]);
  await clock.advanceSettled(10 * FETCH_RETRY_MS, FETCH_RETRY_MS);
  assert.equal(asked.length, 8);
});

test("a newer wish overtakes an older one that is under way, whose key then is not wanted", async () => {
  const { open, net } = world();
  const keyring = open();
  let answerOld: (key: Uint8Array) => void = () => {};
  net.set("steward", (epoch) =>
    epoch === 1 ? new Promise((resolve) => (answerOld = resolve)) : Promise.resolve(key(2)),
  );
  keyring.wanted(body(1, key(1)), "steward");
  keyring.wanted(body(2, key(2)), "steward");
  await settled();
  assert.equal(keyring.epoch(), 2);
  answerOld(key(1));
  await settled();
  assert.deepEqual(keyring.keys(), [key(2)]);
});

test("once stopped it asks nobody, takes no key and sets no timer", async () => {
  const { open, net, asked, clock, stored } = world();
  const keyring = open();
  let answer: (key: Uint8Array) => void = () => {};
  net.set("steward", () => new Promise((resolve) => (answer = resolve)));
  keyring.wanted(body(1, key(1)), "steward");
  keyring.stop();
  answer(key(1));
  await settled();
  keyring.wanted(body(2, key(2)), "steward");
  await clock.advanceSettled(10 * FETCH_RETRY_MS);
  assert.deepEqual([asked, stored(), clock.waiting()], [["steward 1"], [], 0]);
});

test("who was away seals at once with a key that the others have long had", async () => {
  const { open, net, clock, rows } = world();
  rows.putKey({ epoch: 1, key: key(1) });
  const keyring = open();
  net.set("steward", async () => key(5));
  keyring.wanted({ ...body(5, key(5)), atMs: clock.wallMs() - NEW_KEY_PAUSE_MS }, "steward");
  await settled();
  assert.deepEqual(keyring.keys()[0], key(5));
});

test("the list tells which key seals, who made each and why; who holds it is told of a new one", async () => {
  const { open, net, clock, told, rows } = world();
  rows.putKey({ epoch: 1, key: key(1) });
  const keyring = open();
  const shown = () =>
    keyring.list().map(({ epoch, primary, origin }) => [epoch, primary, origin?.author, origin?.excluded]);
  assert.deepEqual(shown(), [[1, true, undefined, undefined]]);
  net.set("steward", async () => key(2));
  keyring.wanted({ ...body(2, key(2)), atMs: clock.wallMs(), excluded: "out" }, "steward");
  await settled();
  assert.deepEqual(shown(), [
    [2, false, "steward", "out"],
    [1, true, undefined, undefined],
  ]);
  await clock.advanceSettled(NEW_KEY_PAUSE_MS);
  assert.deepEqual(
    shown().map(([epoch, primary]) => [epoch, primary]),
    [
      [2, true],
      [1, false],
    ],
  );
  await clock.advanceSettled(OLD_KEY_KEPT_MS);
  keyring.rotate(7, "self", "again");
  assert.deepEqual(shown()[0], [3, false, "self", "again"]);
  assert.deepEqual(told, [2, 3]);
});
