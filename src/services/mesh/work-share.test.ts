/** What other boxes may take of this one's time: each limit is reached, and who takes little does not feel it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../kernel/errors.ts";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import {
  ACCOUNTS_MAX,
  ALL_BURST_MS,
  createWorkShare,
  LIGHT_MS,
  PEER_AT_ONCE_MAX,
  PEER_BURST_MS,
  PEER_SHARE,
  SMALL_BURST,
  SMALL_BYTES_MAX,
  SMALL_PER_SECOND,
  WAIT_MS_MAX,
} from "./work-share.ts";

const LARGE = SMALL_BYTES_MAX + 1;
const isTooMany = (error: unknown) => isFailure(error, "too-many");

function setUp() {
  const clock = virtualClock();
  let cpuMs = 0;
  const share = createWorkShare(clock, () => cpuMs);
  /** A request that takes so much processor time. */
  const ask = (peer: string, workMs: number, bytes = LARGE) =>
    share.run(peer, bytes, (busy) => busy(() => void (cpuMs += workMs)));
  return { clock, share, ask };
}

test("a box that took its share waits as long as that wears off, or is refused", async () => {
  const { clock, share, ask } = setUp();
  await ask("a", PEER_BURST_MS + 10);
  let isDone = false;
  const waiting = ask("a", 1).then(() => (isDone = true));
  const waitMs = 10 / PEER_SHARE;
  await clock.advanceSettled(waitMs - 1);
  assert.equal(isDone, false);
  await clock.advanceSettled(2);
  await waiting;
  await clock.advanceSettled(1000);
  await ask("a", PEER_SHARE * (1000 + WAIT_MS_MAX) + 50);
  await assert.rejects(ask("a", 1), isTooMany);
  assert.equal(share.refused(), 1);
  await ask("b", 1);
  await clock.advanceSettled(60_000);
  await ask("a", 1);
});

test("of one box a bounded number is answered at one time", async () => {
  const { share } = setUp();
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  const open = Array.from({ length: PEER_AT_ONCE_MAX }, () => share.run("a", LARGE, () => held));
  await assert.rejects(
    share.run("a", LARGE, () => held),
    isTooMany,
  );
  const other = share.run("b", LARGE, () => held);
  release();
  await Promise.all([...open, other]);
  await share.run("a", LARGE, () => held);
});

test("what is small comes through some times, also of a box that is over its share", async () => {
  const { clock, ask } = setUp();
  await ask("a", PEER_BURST_MS * 3);
  for (let n = 0; n < SMALL_BURST; n += 1) await ask("a", 1, SMALL_BYTES_MAX);
  await assert.rejects(ask("a", 1, SMALL_BYTES_MAX), isTooMany);
  await clock.advanceSettled(1000);
  for (let n = 0; n < SMALL_PER_SECOND; n += 1) await ask("a", 1, 10);
  await assert.rejects(ask("a", 1, 10), isTooMany);
});

test("when all together take too much, those wait who took most", async () => {
  const { clock, ask } = setUp();
  const heavy = ["a", "b", "c", "d"];
  const each = PEER_BURST_MS - 50;
  assert.ok(heavy.length * each > ALL_BURST_MS + LIGHT_MS);
  for (const peer of heavy) await ask(peer, each);
  await ask("honest", LIGHT_MS);
  await ask("honest", LIGHT_MS / 2);
  // More than a little, but much less than the others.
  await ask("honest", 1);
  let isDone = false;
  const waiting = ask("a", 1).then(
    () => (isDone = true),
    (error: unknown) => assert.ok(isTooMany(error)),
  );
  await clock.advanceSettled(10);
  assert.equal(isDone, false);
  await clock.advanceSettled(WAIT_MS_MAX);
  await waiting;
});

test("one part is done in a turn of the event loop, the lightest box's first, and an error comes back", async () => {
  const { share } = setUp();
  const order: string[] = [];
  const parts = (peer: string) =>
    share.run(peer, LARGE, async (busy) => {
      for (let n = 0; n < 2; n += 1) await busy(() => void order.push(peer));
    });
  await Promise.all([parts("a"), parts("b"), parts("c"), share.own(() => order.push("own"))]);
  assert.equal(order.length, 7);
  assert.equal(new Set(order.slice(0, 4)).size, 4, "in turn");
  await assert.rejects(
    share.run("a", LARGE, (busy) =>
      busy(() => {
        throw new Error("a bug");
      }),
    ),
    /a bug/,
  );
});

test("accounts do not grow without end", async () => {
  const { ask } = setUp();
  for (let n = 0; n < ACCOUNTS_MAX + 5; n += 1) await ask(`peer ${n}`, 0);
  // The one unused for longest was closed, and with it what it owed.
  await ask("first", PEER_BURST_MS * 3);
  await assert.rejects(ask("first", 1), isTooMany);
  for (let n = 0; n < ACCOUNTS_MAX; n += 1) await ask(`other ${n}`, 0);
  await ask("first", 1);
});
