/** How often a slice of which something is on its way is looked at, by what its hosts say. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { virtualClock } from "../../../kernel/virtual-clock.ts";
import { LOOK_SOON_MS, SETTLED_PAUSE_MS } from "../constants.ts";
import type { SliverStanding } from "../messages.ts";
import type { Hosts } from "./hosts.ts";
import { Soon } from "./soon.ts";

const GOING = [
  { id: "sliver01", host: "a" },
  { id: "sliver02", host: "b" },
];

const standing = (sliver: string): SliverStanding => ({ sliver, state: "running", leaseMs: 1 });
/** Each host speaks also of what it has nothing to do with. */
const SAID = GOING.map(({ id }) => standing(id));

/**
 * Looks within ten seconds, when each look finds the same on its way, and what was heard first; `answers` by host,
 * undefined: none comes.
 */
async function askedWith(answers: Record<string, boolean | undefined>): Promise<{ looks: number; heard: string[] }> {
  const clock = virtualClock();
  let looks = 0;
  const ask = (host: string) => {
    const settled = answers[host];
    return settled === undefined ? Promise.reject(new Error("silent")) : Promise.resolve({ settled, slivers: SAID });
  };
  let heard: string[] | undefined;
  const hear = (_slice: string, all: readonly SliverStanding[]) => void (heard ??= all.map(({ sliver }) => sliver));
  const look = () => {
    looks += 1;
    soon.set("slice", GOING);
  };
  const soon = new Soon({ clock, hosts: { ask: ask as unknown as Hosts["ask"] }, look, hear });
  soon.set("slice", GOING);
  await clock.advanceSettled(10_000, 10);
  soon.stop();
  assert.equal(clock.waiting(), 0);
  return { looks, heard: heard ?? [] };
}

const looksWith = async (answers: Record<string, boolean | undefined>) => (await askedWith(answers)).looks;

test("at once when all hosts say that it stands, but no more often than the pause", async () => {
  assert.equal(await looksWith({ a: true, b: true }), 10_000 / SETTLED_PAUSE_MS);
});

test("each second while one says that it does not, or says nothing", async () => {
  assert.equal(await looksWith({ a: true, b: false }), 10_000 / LOOK_SOON_MS);
  assert.equal(await looksWith({ a: true }), 10_000 / LOOK_SOON_MS);
});

test("how it stands is heard when all hosts say that it does, of each only what is on it", async () => {
  assert.deepEqual((await askedWith({ a: true, b: true })).heard, ["sliver01", "sliver02"]);
  assert.deepEqual((await askedWith({ a: true, b: false })).heard, []);
});
