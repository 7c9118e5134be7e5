/** Asking other boxes: an answer that is too large is none, and an exclusion comes with the steward's record. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../kernel/errors.ts";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import type { Links } from "../../platform/links.ts";
import { MESSAGE_MAX_BYTES } from "../../protocols/records/constants.ts";
import { createPeers } from "./peers.ts";

const AT = { address: "127.0.0.1", port: 1 };

function peersThatGet(answer: object) {
  const clock = virtualClock();
  const shown: unknown[] = [];
  const request = async () => ({
    ...{ status: 200, peer: "b", rttMs: 1 },
    body: Buffer.from(JSON.stringify({ nowMs: clock.wallMs(), ...answer })),
  });
  const links = { request } as unknown as Links;
  const onExclusion = (record: unknown, from: string) => void shown.push([record, from]);
  return { shown, peers: createPeers({ links, clock, mayAsk: () => true, addressOf: () => AT, onExclusion }) };
}

test("an answer as large as a message may be is taken, a larger one is refused", async () => {
  const fits = peersThatGet({ body: "x".repeat(MESSAGE_MAX_BYTES) });
  assert.equal(((await fits.peers.ask("b", "sync", {})) as string).length, MESSAGE_MAX_BYTES);
  const large = peersThatGet({ body: "x".repeat(MESSAGE_MAX_BYTES + 5_000) });
  await assert.rejects(large.peers.ask("b", "sync", {}), (error) => isFailure(error, "community-unreachable"));
});

test("an exclusion is told with its record; asked too much is told apart; other codes are not shown", async () => {
  const excluded = peersThatGet({ error: { code: "excluded" }, exclusion: { kind: "exclude" } });
  await assert.rejects(excluded.peers.ask("b", "sync", {}), (error) => isFailure(error, "excluded"));
  assert.equal(excluded.peers.excluded(), true);
  assert.deepEqual(excluded.shown, [[{ kind: "exclude" }, "b"]]);
  const busy = peersThatGet({ error: { code: "too-many", params: { seconds: 2 } } });
  await assert.rejects(busy.peers.ask("b", "sync", {}), (error) => isFailure(error, "too-many"));
  const other = peersThatGet({ error: { code: "anything" }, exclusion: { kind: "exclude" } });
  await assert.rejects(other.peers.ask("b", "sync", {}), (error) => isFailure(error, "community-unreachable"));
  assert.deepEqual(other.shown, []);
});
