/**
 * What a box lets pass from agents of Serf and does not do: keys over gossip, stopping for a vote on its name. And
 * the warning when its identity is in use elsewhere, which an address that changed must not set off.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "../../kernel/log.ts";
import { seededRandom } from "../../kernel/random.ts";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import * as codec from "../../protocols/membership/codec.ts";
import { decodeCompound } from "../../protocols/membership/wrapping.ts";
import { NAME_VOTE_INTERVAL_MS } from "../../protocols/membership/constants.ts";
import { decodeKeyResponse, encodeConflictResponse } from "../../protocols/membership/internal-codec.ts";
import { encodeKeyRequest } from "../../protocols/membership/internal-codec.ts";
import * as serf from "../../protocols/membership/serf.ts";
import { MsgpackReader } from "../../protocols/wire/msgpack.ts";
import { CONTEST_OVER_MS, CONTEST_SURE_MS, KEYS_REFUSED, createGossip } from "./gossip.ts";
import { createSealing } from "./sealing.ts";

const ID = "a".repeat(52);
const WATCH = { address: "10.0.0.9", port: 7946 };
const MINUTE_MS = 60_000;

/** A box, and the agent "watch" in its gossip, by whose packets the test speaks. */
function box() {
  const clock = virtualClock();
  const random = seededRandom(5);
  const sealing = createSealing(() => [new Uint8Array(32).fill(1)], random);
  const lines: string[] = [];
  const sent: Uint8Array[] = [];
  const gossip = createGossip({
    clock,
    random,
    sealing,
    log: createLog({ clock, level: "info", write: (line) => lines.push(JSON.stringify(line)) }),
    name: ID,
    advertise: { address: "10.0.0.1", port: 7946 },
    profile: "lan",
    tags: {},
    send: (bytes) => void sent.push(sealing.openPacket(bytes)!),
    dial: () => Promise.reject(new Error("nobody")),
    admit: () => true,
    onMember: () => {},
  });
  const hear = (message: Uint8Array) => gossip.packet(sealing.sealPacket(message), WATCH);
  hear(codec.encodeAlive(alive("watch", 9)));
  /** Messages of Serf that the box has sent since the last call, of one type. */
  const said = (type: number) =>
    sent
      .splice(0)
      .flatMap((bytes) => (bytes[0] === codec.TYPE.compound ? decodeCompound(bytes, 1) : [bytes]))
      .filter((part) => part[0] === codec.TYPE.user && part[1] === type)
      .map((part) => new MsgpackReader(part, 2));
  return { clock, gossip, lines, hear, said };
}

const alive = (node: string, last: number): codec.NodeState => ({
  ...{ node, incarnation: 1, address: Uint8Array.of(10, 0, 0, last), port: 7946, meta: new Uint8Array(0), state: 0 },
  versions: Uint8Array.of(1, 5, 2, 2, 5, 4),
});

test("asked by an agent to change or tell keys, a box refuses and says how keys change", () => {
  const { hear, said, lines, gossip } = box();
  ["install-key", "use-key", "remove-key", "list-keys"].forEach((name, id) => {
    const payload = encodeKeyRequest(new Uint8Array(name === "list-keys" ? 0 : 32));
    const query: serf.Query = {
      ...{ ltime: 5, id, address: Uint8Array.of(10, 0, 0, 9), port: 7946, sourceNode: "watch", filters: [], flags: 0 },
      ...{ relayFactor: 0, timeoutMs: 1000, name: `_serf_${name}`, payload },
    };
    hear(codec.encodeUser(serf.encodeQuery(query)));
    const answers = said(serf.SERF.queryResponse).map((reader) => serf.decodeQueryResponse(reader));
    assert.deepEqual(
      answers.map((answer) => decodeKeyResponse(answer.payload)),
      [{ ok: false, message: KEYS_REFUSED, keys: [], primary: "" }],
    );
  });
  assert.equal(lines.filter((line) => line.includes("refused to change or tell keys")).length, 4);
  gossip.stop();
});

test("a box that loses the vote on its name says so and stays", async () => {
  const { clock, hear, said, lines, gossip } = box();
  hear(codec.encodeAlive(alive(ID, 77)));
  await clock.advanceSettled(1000);
  const query = said(serf.SERF.query).map((reader) => serf.decodeQuery(reader))[0]!;
  assert.deepEqual([query.name, Buffer.from(query.payload).toString()], ["_serf_conflict", ID]);
  const elsewhere = { address: Uint8Array.of(10, 0, 0, 77), port: 7946, versions: new Uint8Array(0) };
  const payload = encodeConflictResponse({ name: ID, tags: {}, status: "alive", ...elsewhere });
  const { ltime, id } = query;
  hear(codec.encodeUser(serf.encodeQueryResponse({ ltime, id, from: "watch", flags: 0, payload })));
  await clock.advanceSettled(NAME_VOTE_INTERVAL_MS / 2);
  assert.ok(
    lines.some((line) => line.includes("most members know the other")),
    lines.join("\n"),
  );
  assert.equal(gossip.core.self().status, "alive");
  gossip.stop();
});

test("only who goes on using our identity sets off the warning, and it goes when that ends", async () => {
  const { clock, hear, gossip } = box();
  const claimFor = async (ms: number) => {
    for (let passedMs = 0; passedMs <= ms; passedMs += MINUTE_MS / 2) {
      hear(codec.encodeAlive(alive(ID, 77)));
      await clock.advanceSettled(MINUTE_MS / 2);
    }
  };
  await claimFor(2 * MINUTE_MS);
  assert.equal(gossip.contested(), false);
  await clock.advanceSettled(CONTEST_OVER_MS + 1);
  await claimFor(CONTEST_SURE_MS);
  assert.equal(gossip.contested(), true);
  await clock.advanceSettled(CONTEST_OVER_MS);
  assert.equal(gossip.contested(), false);
  await claimFor(0);
  assert.equal(gossip.contested(), false);
  gossip.stop();
});
