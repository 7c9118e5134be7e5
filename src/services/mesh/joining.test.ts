/** What a newcomer takes of the words of who lets it in: a bounded number of boxes, with ids, each once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import { newIdentity } from "../../platform/identity.ts";
import { toBase64url } from "../../protocols/records/base64url.ts";
import { communityIdOf, welcomeBytes } from "../../protocols/records/membership-facts.ts";
import { signRecord } from "../../protocols/records/record.ts";
import { communityBytes } from "./code.ts";
import { recordCrypto } from "./crypto.ts";
import { joinCommunity, PEERS_TAKEN_MAX } from "./joining.ts";
import type { Peers } from "./peers.ts";

const AT = { address: "192.0.2.1", port: 7946 };

/** Joins an open community through a box that names these. */
async function joinThroughWhoNames(peers: (sponsor: string) => unknown[]) {
  const clock = virtualClock();
  const [sponsor, identity] = [newIdentity(), newIdentity()];
  const byKey = toBase64url(sponsor.publicKey);
  const terms = { admission: "open", inviters: "members" };
  const body = { name: "Test", founderKey: byKey, nonce: "n", createdMs: clock.wallMs(), ...terms };
  const unsigned = { author: sponsor.boxId, seq: 1, kind: "community", key: "self", timeMs: clock.wallMs() };
  const whole = { ...unsigned, floor: 1, untilMs: null, body };
  const genesis = signRecord(whole, "", sponsor.sign, recordCrypto.sha256).record;
  const community = communityIdOf(genesis, recordCrypto.sha256);
  const atMs = clock.wallMs() + 1;
  const sig = toBase64url(sponsor.sign(welcomeBytes(community, identity.boxId, atMs, "member")));
  const answers: Record<string, unknown> = {
    look: { genesis, admission: "open" },
    welcome: { ownSeq: 0, welcome: { by: sponsor.boxId, byKey, atMs, as: "member", sig } },
    enter: { keys: [{ epoch: 1, key: toBase64url(new Uint8Array(32)) }], peers: peers(sponsor.boxId) },
  };
  const askAt: Peers["askAt"] = async (_at, _path, question) => ({
    box: sponsor.boxId,
    body: answers[(question as { step: string }).step],
  });
  const asked = { askAt, clockOffsetMs: () => 0 } as Peers;
  const code = { community: communityBytes(community), addresses: [AT] };
  const self = { name: "New", owner: "Anna", zone: "" };
  return { sponsor: sponsor.boxId, ...(await joinCommunity({ clock, identity, peers: asked, code, self, ownSeq: 0 })) };
}

test("the box that lets it in comes first among its guides, then those that it names, each once", async () => {
  const other = newIdentity().boxId;
  const named = (sponsor: string) => [sponsor, other, other].map((box) => ({ box, ...AT }));
  const { sponsor, guides, addresses } = await joinThroughWhoNames(named);
  assert.deepEqual(guides, [sponsor, other]);
  assert.equal(addresses.at(-1)!.box, sponsor);
});

test("no more boxes are taken than the limit, and none that is no box", async () => {
  const ids = Array.from({ length: PEERS_TAKEN_MAX + 1 }, () => newIdentity().boxId);
  const many = await joinThroughWhoNames(() => ids.map((box) => ({ box, ...AT })));
  assert.deepEqual(many.guides, [many.sponsor, ...ids.slice(0, PEERS_TAKEN_MAX)]);
  const bad = await joinThroughWhoNames(() => ["x".repeat(9_000), 7, null].map((box) => ({ box, ...AT })));
  assert.deepEqual(bad.guides, [bad.sponsor]);
  assert.deepEqual(
    bad.addresses.map(({ box }) => box),
    [bad.sponsor],
  );
});
