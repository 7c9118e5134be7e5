/** How far a change of the key has come: of the boxes that are here, and of nobody else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { keyTag, listKeys } from "./key-change.ts";
import type { Session } from "./session.ts";

test("boxes that left, agents and newcomers count neither as holding a key nor as boxes", () => {
  const key = { epoch: 2, check: "abcdefghij", primary: true, origin: { author: "self" } };
  const tags = { k: keyTag(key) };
  const members = [
    { name: "self", status: "alive", tags },
    { name: "forn", status: "alive", tags },
    { name: "slow", status: "suspect", tags: {} },
    { name: "gone", status: "left", tags },
    { name: "dead", status: "failed", tags },
    { name: "newcomer", status: "alive", tags },
  ];
  const session = {
    gossip: { core: { members: () => members } },
    isMember: (name: string) => name !== "newcomer",
    keyring: { list: () => [key, { ...key, epoch: 1, check: "older" }] },
  } as unknown as Session;
  const shown = listKeys(session, "self").map(({ epoch, holding, boxes }) => [epoch, holding, boxes]);
  assert.deepEqual(shown, [
    [2, 2, 3],
    [1, 0, 3],
  ]);
});
