/** Looking up names that strangers wrote: addresses as they are, real look-ups, and names that never answer. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../kernel/clock.ts";
import { settled, virtualClock } from "../kernel/virtual-clock.ts";
import { RESOLVE_AT_ONCE_MAX, RESOLVE_TIMEOUT_MS } from "./constants.ts";
import { createResolver } from "./resolve.ts";

test("an address stays as it is; a real name; one that does not exist", async () => {
  const { resolve } = createResolver({ clock: systemClock() });
  assert.deepEqual(await resolve("10.1.2.3"), { address: "10.1.2.3" });
  assert.deepEqual(await resolve("fd00::1"), { address: "fd00::1" });
  assert.deepEqual(await resolve("localhost"), { address: "127.0.0.1" });
  assert.deepEqual(await resolve(`${"a".repeat(64)}.invalid`), { reason: "no-such-host" });
});

test("look-ups that hang: who asked goes on, only some run, and a place is free when one has ended", async () => {
  const clock = virtualClock();
  const ends: (() => void)[] = [];
  const { resolve } = createResolver({
    clock,
    lookup: () => new Promise((done) => ends.push(() => done([{ address: "fd00::1" }, { address: "10.0.0.1" }]))),
  });
  const first = Array.from({ length: RESOLVE_AT_ONCE_MAX }, () => resolve("slow.example"));
  assert.deepEqual(await resolve("another.example"), { reason: "busy" });
  clock.advance(RESOLVE_TIMEOUT_MS);
  assert.deepEqual(await first[0], { reason: "timeout" });
  assert.deepEqual(await resolve("another.example"), { reason: "busy" }, "the look-up still runs");
  ends[0]!();
  await settled();
  const next = resolve("another.example");
  ends.at(-1)!();
  assert.deepEqual(await next, { address: "10.0.0.1" }, "IPv4 first");
});
